"""Ways to run the system: on one machine without containers, or in containers on a server."""

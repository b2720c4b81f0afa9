"""How the system is run: on one machine without containers, in containers, on a cluster."""

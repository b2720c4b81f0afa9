"""The `ntm` program: a client of the services, and what starts them on one machine."""

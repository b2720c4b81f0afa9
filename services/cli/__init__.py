"""The `ntm` program: a client of the services, which also starts them on one machine."""

"""The services: intake, scoring, notify, and the `ntm` program that is their client."""

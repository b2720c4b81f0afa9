"""Packages that all services use: contracts, reference data, and the connections to the broker and the database."""

"""The rooms that all services use: contracts, reference data, the ways to the broker and the database."""

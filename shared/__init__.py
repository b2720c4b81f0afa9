"""What the services share: contracts, reference data, and the ways to the broker and the database."""

"""The contracts as documents for others: JSON Schemas, AsyncAPI, OpenAPI, and the check that no promise is broken."""

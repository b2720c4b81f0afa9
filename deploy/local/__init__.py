"""The whole system on one machine: NATS, PostgreSQL, a postbox and the services, under a supervisor."""

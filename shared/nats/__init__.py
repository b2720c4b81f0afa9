"""The way to NATS: connection, streams, CloudEvents, publishing."""

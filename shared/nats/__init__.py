"""NATS: connections, streams, CloudEvents, publishing, and the patches of its libraries."""

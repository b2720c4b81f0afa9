"""The ways into intake: one module for each kind of request."""

"""The published changes, followed as they come."""

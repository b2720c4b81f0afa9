"""Backups: one file with the database, the streams, and a manifest of both."""

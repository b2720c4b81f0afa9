"""Notify's tables, queries and migrations."""

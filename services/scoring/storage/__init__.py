"""Scoring's tables, queries and migrations."""

"""Intake's tables, queries and migrations."""

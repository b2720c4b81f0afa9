"""Intake's tables, queries (a module for each thing that is stored) and migrations."""

"""Intake's own tables, brought up to date from the streams."""

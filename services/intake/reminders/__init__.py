"""Reminders of reports that are soon due, and what units owe."""

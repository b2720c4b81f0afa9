"""Troubles of the system: their codes with words and remedies, reporting them, and telling operators."""

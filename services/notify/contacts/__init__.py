"""Contacts: who holds which role in which unit, and how they are reached."""

"""Contacts: the people and offices that hold roles in units, and their addresses."""

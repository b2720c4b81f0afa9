"""Answers about telling: the recipients who would hear of an event, unreachable roles, and examples of notices."""

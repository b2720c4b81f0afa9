"""Routing: the plan's tree of branches, and matching alerts against it."""

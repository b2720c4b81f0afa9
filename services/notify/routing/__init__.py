"""Routing: the plan's tree of branches, and how an alert matches them."""

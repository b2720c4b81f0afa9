"""Reference data (units, criteria sets, the plan, the calendar), how they are loaded, and what checks them."""

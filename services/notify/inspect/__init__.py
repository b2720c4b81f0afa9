"""Questions about telling: recipients of a supposed alert, gaps in the contacts, examples of notices."""

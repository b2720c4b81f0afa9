"""Admission: it accepts or refuses each submission, from the candidate to the message in the log."""

"""Admission: whether a submission is accepted, from its candidate to its place in the log."""

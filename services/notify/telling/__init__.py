"""Telling: the use cases between an event's arrival and a notice that is due, a module for each."""

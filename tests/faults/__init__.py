"""Faults of every part of a running system under load, and an evaluator that shares no code with the judge."""

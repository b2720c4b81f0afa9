"""Telling the operators of troubles of the system."""

"""Wording: what a notice says."""

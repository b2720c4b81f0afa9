"""Upgrades from a release: its programs, its filled state, and what must be found again afterwards."""

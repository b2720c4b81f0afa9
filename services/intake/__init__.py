"""Intake, the door of the system: it checks the submissions of agencies, signs them in, and publishes them."""

"""Intake: the door. Checks what agencies post, signs it in, and publishes it."""

"""Notify: tells the units that can act, by e-mail and SMS, and remembers what was said to whom."""

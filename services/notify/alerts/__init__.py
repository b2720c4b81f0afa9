"""Alerts and the notices made of them: the values that notify works on."""

"""Notify: it tells the units that can act, by e-mail and SMS, and keeps a record of every notice."""

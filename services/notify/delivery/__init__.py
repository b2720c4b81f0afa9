"""Delivery: notices that are due go out by their channel, and each attempt is recorded."""

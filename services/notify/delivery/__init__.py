"""Delivery: workers send notices that are due by their channel, and record each attempt."""

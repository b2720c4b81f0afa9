"""The channels by which notices go out, a file for each."""

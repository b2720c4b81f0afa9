"""The channels by which notices go out, one file each."""

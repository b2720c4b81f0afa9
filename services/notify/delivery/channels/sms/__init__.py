"""SMS: what fits into one, and the gateways that send it."""

"""SMS: the gateways that send them, a module for each."""

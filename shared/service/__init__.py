"""What a running service is made of: its runtime, clock, consumers, outbox, parking place."""

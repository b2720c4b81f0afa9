"""Questions about telling: who would hear of an event, who is unreachable, how notices read."""

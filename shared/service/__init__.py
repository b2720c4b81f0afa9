"""Parts of a running service: runtime, clock, broker, batches, outbox, parked messages, workers, logs."""

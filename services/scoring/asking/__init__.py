"""What scoring answers: how units stand, stood, and would stand."""

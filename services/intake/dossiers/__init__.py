"""Dossiers of recognition: taking their steps, and what follows from these."""

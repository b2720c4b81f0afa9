"""Answers to questions about routing: who would hear, who cannot be reached, how a notice reads."""

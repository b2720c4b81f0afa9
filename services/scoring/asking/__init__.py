"""Answers to questions: how units stand, how they stood, and how they would stand."""

"""Texts for people in Vietnamese and English: the catalogues of this package, and how every package has its own."""

from shared.texts.catalogue import Texts, filled

__all__ = ["Texts", "filled", "phrase"]

phrase = Texts("shared")
"""A text that several services use, by its key."""

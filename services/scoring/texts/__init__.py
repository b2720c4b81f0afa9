"""The texts of scoring for people, in Vietnamese and English: `vi.po` and `en.po`."""

from shared.texts import Texts

phrase = Texts("services.scoring")
"""A text by its key."""

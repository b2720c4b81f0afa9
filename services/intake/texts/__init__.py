"""The texts of intake for people, in Vietnamese and English: `vi.po` and `en.po`."""

from shared.texts import Texts

phrase = Texts("services.intake")
"""A text by its key."""

"""The texts of cli for people, in Vietnamese and English: `vi.po` and `en.po`."""

from shared.texts import Texts

phrase = Texts("services.cli")
"""A text by its key."""

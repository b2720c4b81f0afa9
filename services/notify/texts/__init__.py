"""The texts of notify for people, in Vietnamese and English: `vi.po` and `en.po`."""

from shared.texts import Texts

phrase = Texts("services.notify")
"""A text by its key."""

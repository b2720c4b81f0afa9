"""The texts of the local system for people, in Vietnamese and English: `vi.po` and `en.po`."""

from shared.texts import Texts

phrase = Texts("deploy.local")
"""A text by its key."""

"""Who holds which role in which unit, and how they are reached: kept in the database, imported from files, edited by
API.
"""

from services.notify.contacts.book import Book, read_book
from services.notify.contacts.checks import check
from services.notify.contacts.phones import gets_sms, read_phone
from services.notify.storage.contacts import (
    Imported,
    bring_contacts,
    end_address,
    end_digest,
    has_digest,
    import_contacts,
    known_contacts,
)

__all__ = [
    "Book",
    "Imported",
    "bring_contacts",
    "check",
    "end_address",
    "end_digest",
    "gets_sms",
    "has_digest",
    "import_contacts",
    "known_contacts",
    "read_book",
    "read_phone",
]

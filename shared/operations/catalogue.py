"""The catalogue of troubles: each code with its words and its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from shared.contracts.bilingual import Bilingual
from shared.texts import phrase


class Code(StrEnum):
    """A kind of trouble that operators hear of."""

    ANSWERS = "answers"
    BACKUP = "backup"
    BROKER = "broker"
    CONSUMER = "consumer"
    DATABASE = "database"
    DISK = "disk"
    GATEWAY = "gateway"
    JUDGING = "judging"
    MIRROR = "mirror"
    PARKED = "parked"
    PERSONAL = "personal"
    QUORUM = "quorum"
    SCHEMA = "schema"
    STREAM = "stream"
    TABLES = "tables"
    UNSIGNED = "unsigned"


class Entry(NamedTuple):
    """A code's words: the trouble in one sentence, and what to do."""

    words: Bilingual
    remedy: Bilingual


CATALOGUE: Mapping[Code, Entry] = {
    Code.ANSWERS: Entry(phrase("operations.answers.words"), phrase("operations.answers.remedy")),
    Code.BACKUP: Entry(phrase("operations.backup.words"), phrase("operations.backup.remedy")),
    Code.BROKER: Entry(phrase("operations.broker.words"), phrase("operations.broker.remedy")),
    Code.CONSUMER: Entry(phrase("operations.consumer.words"), phrase("operations.consumer.remedy")),
    Code.DATABASE: Entry(phrase("operations.database.words"), phrase("operations.database.remedy")),
    Code.DISK: Entry(phrase("operations.disk.words"), phrase("operations.disk.remedy")),
    Code.GATEWAY: Entry(phrase("operations.gateway.words"), phrase("operations.gateway.remedy")),
    Code.JUDGING: Entry(phrase("operations.judging.words"), phrase("operations.judging.remedy")),
    Code.MIRROR: Entry(phrase("operations.mirror.words"), phrase("operations.mirror.remedy")),
    Code.PARKED: Entry(phrase("operations.parked.words"), phrase("operations.parked.remedy")),
    Code.PERSONAL: Entry(phrase("operations.personal.words"), phrase("operations.personal.remedy")),
    Code.QUORUM: Entry(phrase("operations.quorum.words"), phrase("operations.quorum.remedy")),
    Code.SCHEMA: Entry(phrase("operations.schema.words"), phrase("operations.schema.remedy")),
    Code.STREAM: Entry(phrase("operations.stream.words"), phrase("operations.stream.remedy")),
    Code.TABLES: Entry(phrase("operations.tables.words"), phrase("operations.tables.remedy")),
    Code.UNSIGNED: Entry(phrase("operations.unsigned.words"), phrase("operations.unsigned.remedy")),
}

OF_THE_SYSTEM = frozenset({Code.BROKER, Code.DATABASE, Code.DISK, Code.QUORUM, Code.SCHEMA})
"""The troubles of parts that all services share: whoever sees one first tells it for all on its machine."""

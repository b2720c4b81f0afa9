"""Reasons why a backup cannot be made, read or restored, in Vietnamese and English, each with what to do."""

from __future__ import annotations

from pathlib import Path

from shared.contracts.bilingual import Bilingual
from shared.texts import filled, phrase


class BackupError(Exception):
    """A backup that cannot be made, read or restored."""

    def __init__(self, words: Bilingual) -> None:
        self.words = words
        super().__init__(words.in_both)


class NoBackupError(BackupError):
    """A file that is no backup."""

    def __init__(self, file: Path) -> None:
        super().__init__(filled(phrase("backup.no_backup"), file=file))


class DamagedBackupError(BackupError):
    """A backup that was cut off or changed."""

    def __init__(self, file: Path, place: str) -> None:
        super().__init__(filled(phrase("backup.damaged"), file=file, place=place))


class NewerBackupError(BackupError):
    """A backup of a newer version of the program."""

    def __init__(self, version: str) -> None:
        super().__init__(filled(phrase("backup.newer"), version=version))


class UnusableRecipientError(BackupError):
    """A recipient for whom nothing can be encrypted."""

    def __init__(self, recipient: str, reason: str) -> None:
        super().__init__(filled(phrase("backup.recipient"), recipient=recipient, reason=reason))


class IdentityNeededError(BackupError):
    """An encrypted backup that is to be read without an identity."""

    def __init__(self, file: Path) -> None:
        super().__init__(filled(phrase("backup.identity_needed"), file=file))


class UnusableIdentityError(BackupError):
    """A file without a usable identity."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(filled(phrase("backup.identity_unusable"), file=file, reason=reason))


class WrongIdentityError(BackupError):
    """An identity for which the backup was not encrypted."""

    def __init__(self, file: Path, identity: Path) -> None:
        super().__init__(filled(phrase("backup.identity_wrong"), file=file, identity=identity))


class NotEmptyError(BackupError):
    """A target of a restore that holds data."""

    def __init__(self, found: str) -> None:
        super().__init__(filled(phrase("backup.not_empty"), found=found))


class StreamsLostError(BackupError):
    """A target whose streams, which are to stay as they are, lack what they held when the backup was made."""

    def __init__(self, streams: str) -> None:
        super().__init__(filled(phrase("backup.streams_lost"), streams=streams))


class NoEvidenceStoreError(BackupError):
    """A target without a store for the files of evidence that a backup has."""

    def __init__(self, number: int) -> None:
        super().__init__(filled(phrase("backup.no_evidence_store"), number=number))


class ServicesRunError(BackupError):
    """Services that run on the target of a restore."""

    def __init__(self, services: str) -> None:
        super().__init__(filled(phrase("backup.services_run"), services=services))


class NotMigratedError(BackupError):
    """A database without the services' schemas, which cannot be backed up."""

    def __init__(self) -> None:
        super().__init__(phrase("backup.not_migrated"))


class StreamUnreadableError(BackupError):
    """A stream that the broker cannot hand out whole."""

    def __init__(self, stream: str, reason: str) -> None:
        super().__init__(filled(phrase("backup.stream_unreadable"), stream=stream, reason=reason))


class StreamRefusedError(BackupError):
    """A stream that the broker does not take back."""

    def __init__(self, stream: str, reason: str) -> None:
        super().__init__(filled(phrase("backup.stream_refused"), stream=stream, reason=reason))


class IncompleteRestoreError(BackupError):
    """A table or stream that did not come back whole."""

    def __init__(self, member: str) -> None:
        super().__init__(filled(phrase("backup.incomplete"), member=member))

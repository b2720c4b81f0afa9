"""The object store: files by the SHA-256 of their content, in a directory, or in a bucket of S3.

An object is there whole or not at all, and is never changed: what is stored again is the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from shared.secret_files import AWS_KEY, secret_of_file

if TYPE_CHECKING:
    from obstore.store import S3Config

type ObjectFault = Literal["missing", "changed"]

_PREFIX = "sha256"
_CHUNK_BYTES = 1 << 20
_PATIENCE = timedelta(seconds=20)


class StoreAwayError(OSError):
    """The object store cannot be reached, or refuses."""


class ObjectStore:
    """Files by the SHA-256 of their content. StoreAwayError where the store cannot be reached."""

    def __init__(self, store: LocalStore | S3Store, directory: Path | None = None) -> None:
        self._store, self._directory = store, directory

    @classmethod
    def at(cls, url: str) -> ObjectStore:
        """Return the store at `file:///path`, or at `s3://bucket/prefix`, to which the settings AWS_… lead.

        OSError where the directory cannot be made.
        """
        if urlsplit(url).scheme == "file":
            directory = Path(url2pathname(urlsplit(url).path))
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(LocalStore(directory), directory)
        secret = secret_of_file(AWS_KEY)
        config: S3Config | None = {"secret_access_key": secret} if secret else None
        return cls(S3Store.from_url(url, config=config, retry_config={"max_retries": 3, "retry_timeout": _PATIENCE}))

    async def put(self, content: bytes) -> str:
        """Store a file and return its SHA-256, once it is on disk. What is cut off leaves nothing behind."""
        digest = hashlib.sha256(content).hexdigest()
        try:
            # in one request, and not in parts: S3 keeps the parts of an upload that is cut off
            await self._store.put_async(_path(digest), content, use_multipart=False)
            if self._directory:
                await asyncio.to_thread(_sync, self._directory / _path(digest))
        except (BaseError, OSError) as error:
            raise StoreAwayError(*error.args) from error
        return digest

    async def chunks(self, digest: str) -> AsyncIterator[bytes]:
        """Yield a file's content. FileNotFoundError where there is none."""
        try:
            found = await self._store.get_async(_path(digest))
            async for chunk in found.stream(min_chunk_size=_CHUNK_BYTES):
                yield bytes(chunk)
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise StoreAwayError(*error.args) from error

    async def fault(self, digest: str) -> ObjectFault | None:
        """Return what is wrong with a file; None where its content is what was stored."""
        found = hashlib.sha256()
        try:
            async for chunk in self.chunks(digest):
                found.update(chunk)
        except FileNotFoundError:
            return "missing"
        return None if found.hexdigest() == digest else "changed"

    async def digests(self) -> list[str]:
        """Return the digests of all files, sorted."""
        try:
            batches = [batch async for batch in self._store.list(f"{_PREFIX}/")]
        except (BaseError, OSError) as error:
            raise StoreAwayError(*error.args) from error
        return sorted(meta["path"].rpartition("/")[2] for batch in batches for meta in batch)


def _path(digest: str) -> str:
    return f"{_PREFIX}/{digest}"


def _sync(file: Path) -> None:
    for path in (file, file.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

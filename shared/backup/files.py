"""The files of evidence in a backup: each by its digest, behind the streams whose messages name them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from shared.backup.archive import Part, Writer
from shared.object_store import ObjectStore

FOLDER = "evidence/"


async def dump(store: ObjectStore | None, named: Mapping[str, str], archive: Writer) -> tuple[list[str], list[str]]:
    """Write all sound files of a store; return their digests, and the names of those that are missing or changed.

    `named`: the names of the files that evidence has, by digest.
    """
    kept = []
    for digest in await store.digests() if store else ():
        if store and await store.fault(digest) is None:
            with archive.member(FOLDER + digest) as write:
                async for chunk in store.chunks(digest):
                    write(chunk)
            kept.append(digest)
    return kept, [f"{name} ({digest})" for digest, name in named.items() if digest not in set(kept)]


async def restore(store: ObjectStore, parts: Iterable[Part]) -> None:
    """Store the files of a backup; those that are there already stay as they are."""
    for content in _contents(parts):
        await store.put(content)


def _contents(parts: Iterable[Part]) -> Iterator[bytes]:
    member, content = "", bytearray()
    for part in parts:
        if part.member != member and content:
            yield bytes(content)
            content.clear()
        member = part.member
        if member.startswith(FOLDER):
            content += part.data
    if content:
        yield bytes(content)

"""The released contracts, and the check that today's contracts keep them: `make compatible`, `make release-schemas`.

`released/` holds the documents as they were last promised to others. A change may add to the contracts at any time;
`make release-schemas` promises the addition. A change that breaks a promise needs a new version of the subject or the
path beside the old one, or, where nobody relies on the old one yet, a release of its own that says so.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.contract_documents.compatibility import Schema, SchemaComparison, breaking_changes
from shared.contract_documents.write import FOLDER, WRITTEN

RELEASED = Path(__file__).parent / "released"

type Documents = Mapping[str, Mapping[str, Any]]
"""Documents by their file names."""


def read(folder: Path) -> Documents:
    """Return the documents of a folder."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def broken_promises(released: Documents, current: Documents) -> list[str]:
    """Return each place where the current documents break a promise of the released ones."""
    broken = []
    for name, old in released.items():
        new = current.get(name)
        if new is None:
            broken.append(f"{name}: is gone")
        else:
            broken += [f"{name}: {change}" for change in _changes(name, old, new)]
    return broken


def _changes(name: str, old: Schema, new: Schema) -> Iterator[str]:
    if name.startswith("openapi-"):
        yield from _of_http(old, new)
    elif name == "asyncapi.json":
        yield from _of_broker(old, new)
    else:
        written = {contract.__name__ for contract in WRITTEN}
        yield from breaking_changes(old, new, "written" if name.removesuffix(".json") in written else "read")


def _of_broker(old: Schema, new: Schema) -> Iterator[str]:
    """Compare channels and operations; the messages are contracts with schemas of their own."""
    for name, channel in old["channels"].items():
        after = new["channels"].get(name)
        if after is None:
            yield f"channel {name} is gone"
            continue
        if channel["address"] != after["address"]:
            yield f"channel {name}: its subject was {channel['address']}, is {after['address']}"
        for message in channel["messages"].keys() - after["messages"].keys():
            yield f"channel {name}: message {message} is gone"
    for name, operation in old["operations"].items():
        after = new["operations"].get(name)
        if after is None or after["action"] != operation["action"]:
            yield f"operation {name} is gone"


def _of_http(old: Schema, new: Schema) -> Iterator[str]:
    for path, operations in old["paths"].items():
        for method, operation in operations.items():
            after = new["paths"].get(path, {}).get(method)
            place = f"{method.upper()} {path}"
            if after is None:
                yield f"{place} is gone"
            else:
                yield from (f"{place}: {change}" for change in _of_operation(operation, after, old, new))


def _of_operation(before: Schema, after: Schema, old: Schema, new: Schema) -> Iterator[str]:
    asked = SchemaComparison(old, new, "written")
    parameters = {(former["in"], former["name"]): former for former in before.get("parameters", [])}
    for parameter in after.get("parameters", []):
        place = parameter["in"], parameter["name"]
        known = parameters.pop(place, None)
        if known is not None:
            yield from asked.of(known["schema"], parameter["schema"], "/".join(place))
        if parameter.get("required") and not (known and known.get("required")):
            yield f"{'/'.join(place)}: has to be sent now"
    yield from (f"{'/'.join(place)}: is gone" for place in parameters)
    yield from _of_content(asked, before.get("requestBody", {}), after.get("requestBody", {}), "body")
    for status, answer in before["responses"].items():
        if not status.startswith("2"):
            continue  # a refusal is a problem document, which is a contract of its own
        if status not in after["responses"]:
            yield f"answer {status} is gone"
        else:
            answered = SchemaComparison(old, new, "read")
            yield from _of_content(answered, answer, after["responses"][status], f"answer {status}")


def _of_content(comparison: SchemaComparison, before: Schema, after: Schema, place: str) -> Iterator[str]:
    kept = after.get("content", {})
    for media_type, content in before.get("content", {}).items():
        if media_type not in kept:
            yield f"{place}: {media_type} is gone"
        elif "schema" in content:
            yield from (f"{place} {change}" for change in comparison.of(content["schema"], kept[media_type]["schema"]))


def release() -> None:
    """Promise the current documents to others."""
    shutil.rmtree(RELEASED, ignore_errors=True)
    shutil.copytree(FOLDER, RELEASED)


def check() -> int:
    """Print the broken promises, and return the exit status."""
    broken = broken_promises(read(RELEASED), read(FOLDER))
    for change in broken:
        print(f"  {change}")
    if broken:
        print("This breaks what was promised: see CONTRIBUTING.md, 'Change a contract'.")
    return 1 if broken else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["release"]:
        release()
    else:
        sys.exit(check())

"""Differences between two versions of a contract that break programs which rely on the old one.

Others write requests: the new version has to accept everything that the old one accepted. Others read events and
answers: the new version may contain only what the old one allowed. So one schema has to allow everything that the other
allows. Besides, a field may neither disappear nor have another default. A new field breaks nothing: readers ignore
fields that they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

type Schema = Mapping[str, Any]
type Direction = Literal["read", "written"]
"""The side of other programs: they read the contract, or write it."""

_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT = ("pattern", "format", "multipleOf", "uniqueItems", "contentEncoding", "contentMediaType", "not", "prefixItems")


def breaking_changes(old: Schema, new: Schema, direction: Direction) -> list[str]:
    """Return the breaking changes, each with its JSON pointer; none where the new version is compatible.

    `$ref`s are looked up in the documents themselves. `SchemaComparison` also takes parts of larger documents.
    """
    return SchemaComparison(old, new, direction).of(old, new)


@dataclass
class SchemaComparison:
    """Compares parts of two documents."""

    old: Schema
    new: Schema
    direction: Direction
    _under_way: set[tuple[str, str]] = field(default_factory=set)

    def of(self, old: Schema, new: Schema, pointer: str = "") -> list[str]:
        """Return the breaking changes between a schema of the old document and a schema of the new one."""
        pair = old.get("$ref", ""), new.get("$ref", "")
        if pair in self._under_way:  # a schema that holds itself
            return []
        if not all(pair):
            return list(self._differences(resolved(old, self.old), resolved(new, self.new), pointer))
        self._under_way.add(pair)
        try:
            return list(self._differences(resolved(old, self.old), resolved(new, self.new), pointer))
        finally:
            self._under_way.discard(pair)

    def _sides[One](self, old: One, new: One) -> tuple[One, One]:
        """Return both, the promise first: it has to allow everything that the second allows."""
        return (old, new) if self.direction == "read" else (new, old)

    def _differences(self, old: Schema, new: Schema, pointer: str) -> Iterator[str]:
        yield from self._default(old, new, pointer)
        before, after = _alternatives(old, self.old), _alternatives(new, self.new)
        if len(before) > 1 or len(after) > 1:
            yield from self._between_alternatives(before, after, pointer)
            return
        (old,), (new,) = before, after
        yield from self._values(old, new, pointer)
        yield from self._bounds(old, new, pointer)
        yield from self._properties(old, new, pointer)
        for name in ("items", "additionalProperties", "propertyNames"):
            yield from self._inner(old.get(name, True), new.get(name, True), name, pointer)
        yield from self._pattern_properties(old, new, pointer)

    def _between_alternatives(self, before: list[Schema], after: list[Schema], pointer: str) -> Iterator[str]:
        """Compare each alternative with the promised one that fits best."""
        reading = self.direction == "read"
        promised, kept = self._sides(before, after)
        for alternative in kept:
            compared = [
                self.of(other, alternative, pointer) if reading else self.of(alternative, other, pointer)
                for other in promised
                if _types(other) & _types(alternative)
            ]
            if not compared:
                change = "may come now" if reading else "is not taken any more"
                yield f"{pointer or '/'}: {_named(alternative)} {change}"
            else:
                yield from min(compared, key=len)

    def _default(self, old: Schema, new: Schema, pointer: str) -> Iterator[str]:
        """Compare defaults: programs that leave a field out mean the default that they learned."""
        if self.direction == "written" and "default" in old and "default" in new and old["default"] != new["default"]:
            yield f"{pointer}: left out it meant {old['default']!r}, and means {new['default']!r} now"

    def _values(self, old: Schema, new: Schema, pointer: str) -> Iterator[str]:
        promised, kept = self._sides(old, new)
        if not _types(kept) <= _types(promised):
            yield f"{pointer or '/'}: was {_named(old)}, is {_named(new)}"
            return
        allowed, possible = _listed(promised), _listed(kept)
        if allowed is not None and (possible is None or any(value not in allowed for value in possible)):
            yield f"{pointer or '/'}: was one of {_listed(old) or 'any'}, is one of {_listed(new) or 'any'}"

    def _bounds(self, old: Schema, new: Schema, pointer: str) -> Iterator[str]:
        promised, kept = self._sides(old, new)
        for name in (*_AT_LEAST, *_AT_MOST, *_EXACT):
            if name not in promised or promised[name] == kept.get(name) or _listed(kept) is not None:
                continue
            is_within = name in kept and (
                (name in _AT_LEAST and kept[name] >= promised[name])
                or (name in _AT_MOST and kept[name] <= promised[name])
            )
            if not is_within:
                yield f"{pointer or '/'}: `{name}` was {old.get(name, 'open')!r}, is {new.get(name, 'open')!r}"

    def _properties(self, old: Schema, new: Schema, pointer: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            place = f"{pointer}/{name}"
            if name not in after:
                yield f"{place}: is gone"
            else:
                yield from self.of(schema, after[name], place)
        promised, kept = self._sides(old, new)
        for name in promised.get("required", []):
            if name not in kept.get("required", []) and name in after:
                yield f"{pointer}/{name}: {'may be missing now' if self.direction == 'read' else 'has to be sent now'}"

    def _inner(self, old: Schema | bool, new: Schema | bool, name: str, pointer: str) -> Iterator[str]:
        if name == "additionalProperties" and self.direction == "read" and not isinstance(old, Mapping):
            return  # readers ignore fields that they do not know
        promised, kept = self._sides(old, new)
        if kept is False or promised is True:
            return
        if promised is False:
            yield f"{pointer or '/'}: what it does not name is not taken any more"
        else:
            yield from self.of(_open(old), _open(new), f"{pointer}/*")

    def _pattern_properties(self, old: Schema, new: Schema, pointer: str) -> Iterator[str]:
        before, after = old.get("patternProperties", {}), new.get("patternProperties", {})
        if before.keys() != after.keys():
            yield f"{pointer or '/'}: the pattern of its names was {[*before]}, is {[*after]}"
        for pattern in sorted(before.keys() & after.keys()):
            yield from self.of(before[pattern], after[pattern], f"{pointer}/*")


def resolved(schema: Schema, document: Schema) -> Schema:
    """Return the schema to which a `$ref` leads in the same document, with the keywords beside the `$ref`."""
    while "$ref" in schema:
        target: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**target, **beside} if beside else target
    return schema


def _alternatives(schema: Schema, document: Schema) -> list[Schema]:
    """Return the simple schemas of which one has to hold."""
    listed = schema.get("anyOf") or schema.get("oneOf")
    if listed:
        around = {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf", "default")}
        return [
            alternative
            for choice in listed
            for alternative in _alternatives({**around, **resolved(choice, document)}, document)
        ]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": choice} for choice in schema["type"]]
    return [schema]


def _open(schema: Schema | bool) -> Schema:
    return schema if isinstance(schema, Mapping) else {}


def _types(schema: Schema) -> frozenset[str]:
    if "type" in schema:
        named = {schema["type"]}
    elif "const" in schema or "enum" in schema:
        named = {_type_of(value) for value in _listed(schema) or ()}
    else:
        return _TYPES
    return frozenset(named | ({"integer"} if "number" in named else set()))


def _type_of(value: object) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _listed(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _named(schema: Schema) -> str:
    values = _listed(schema)
    return repr(values) if values else "/".join(sorted(_types(schema)))

"""Hostile input: values, JSON trees of a wrong shape, and damaged bytes."""

from __future__ import annotations

import copy
import json
import re
from random import Random
from typing import Any

TEXTS = (
    "",
    " ",
    "\t\r\n",
    "\x00",
    "06280\x00",
    "\x1b[31m",
    "\x7f\x80\x9f",
    "\u202e06280",
    "\u200f\u200d\u2028\u2029",
    "\ufeff06280",
    "\ufffe\uffff",
    "\U0001f469\u200d\U0001f33e",
    "a" + "\u0301" * 500,
    "\u0660\u0666\u0662\u0668\u0660",
    "０６２８０",
    "²³",
    "1\u00a0204",
    "1.204,5",
    "-0",
    "1e5",
    "0x1F",
    "1_000",
    "NaN",
    "null",
    "Điềm He",
    "xã điềm he",
    "06280 ",
    "6280",
    "99999",
    "=1+1",
    '=HYPERLINK("http://x")',
    "@SUM(A1)",
    "' OR '1'='1",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    "../../etc/passwd",
    "%s%n%d",
    "{0}{value}{",
    "\\",
    '"',
    "x" * 300,
    "Ư" * 5000,
    "*",
    ">",
    "ntm.v1.>",
    "2023-06",
    "2023-13",
    "2023-02-30",
    "0000",
    "9999-99-99",
    "30/6/2023",
    "quý II/2023",
    "ntm-11",
    "households",
)
LONE_SURROGATES = ("\ud800", "a\udfffb", "\udc80")
NUMBERS = (
    0, -1, 1, 2, 1.5, -0.0, 0.1 + 0.2, 1e-320, 1e308, -1e308, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30,
    10**400, 1204, 131, 100_000_000,
)  # fmt: skip
RAW = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-9999", "9" * 4400, "9" * 30 + ".5", "007", "1.", ".5", "+1",
    "0x10", "1_000", "nul", "'a'", '"open', r'"\ud800"', r'"\u12"', r'"\x41"', '{"a":1,"a":2}', '{"a":1,}', "[1,]", "",
    "// remark", '"\t"',
)  # fmt: skip
"""Tokens that no JSON writer writes; Python's own reader takes the first three all the same."""

_MARK = re.compile(r'"@raw:(\d+)@"')
_DEPTHS = (20, 150, 300, 1200, 30_000)


def text(random: Random) -> str:
    """Return a text of the kind that programs forget to handle."""
    match random.randrange(12):
        case 0:
            return random.choice(LONE_SURROGATES)
        case 1:
            return "".join(chr(random.randrange(0x500)) for _ in range(random.randrange(30)))
        case 2:
            return random.choice(TEXTS) + random.choice(TEXTS)
        case 3:
            return "".join(chr(random.randrange(0xE000, 0x11000)) for _ in range(random.randrange(8)))
    return random.choice(TEXTS)


def value(random: Random, depth: int = 0) -> Any:
    """Return a JSON value of any kind; some have no form in JSON."""
    match random.randrange(14 if depth < 3 else 9):
        case 0 | 1 | 2:
            return text(random)
        case 3 | 4:
            return random.choice(NUMBERS)
        case 5:
            return random.choice((None, True, False))
        case 6:
            return f"@raw:{random.randrange(len(RAW))}@"
        case 7:
            return random.randrange(-10, 10**6)
        case 8:
            return random.uniform(-10, 10**6)
        case 9:
            return [value(random, depth + 1) for _ in range(random.randrange(4))]
        case 10:
            return {text(random): value(random, depth + 1) for _ in range(random.randrange(4))}
        case 11:
            return _nested(random.choice(_DEPTHS[:3]))
        case 12:
            return {f"element_{n}": n for n in range(random.choice((60, 201, 1500)))}
        case _:
            return [0] * random.choice((5, 1001))


def _nested(depth: int) -> Any:
    nested: Any = 0
    for _ in range(depth):
        nested = [nested]
    return nested


def bent(random: Random, tree: Any, times: int) -> Any:
    """Return the tree with some of its nodes replaced, dropped, doubled, renamed or wrapped."""
    tree = copy.deepcopy(tree)
    for _ in range(times):
        tree = _bend(random, tree)
    return tree


def _bend(random: Random, tree: Any) -> Any:
    places = [*_places(tree)]
    if not places or random.random() < 0.04:
        return random.choice((value(random), [tree], {"submission": tree}, [tree, tree]))
    parent, key = random.choice(places)
    match random.randrange(8):
        case 0 if isinstance(parent, dict):
            parent[text(random)] = parent.pop(key)
        case 1:
            del parent[key]
        case 2 if isinstance(parent, dict):
            parent[text(random)] = value(random)
        case 3:
            parent[key] = [parent[key]]
        case 4:
            parent[key] = json.dumps(parent[key])[:200]
        case _:
            parent[key] = value(random)
    return tree


def _places(tree: Any, depth: int = 0) -> Any:
    if depth > 4:
        return
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, member in members:
        yield tree, key
        yield from _places(member, depth + 1)


def written(random: Random, tree: Any) -> bytes:
    """Write the tree as JSON, mostly in UTF-8, mostly sound."""
    escaped = random.random() < 0.5
    written = json.dumps(tree, ensure_ascii=escaped, separators=random.choice(((",", ":"), (", ", ": "))))
    written = _MARK.sub(lambda mark: RAW[int(mark[1])], written)
    match random.randrange(60):
        case 0:
            depth = random.choice(_DEPTHS)
            written = "[" * depth + written + "]" * depth
        case 1:
            depth = random.choice(_DEPTHS)
            written = '{"readings":' * depth + written + "}" * depth
        case 2:
            written = "\ufeff" + written
        case 3:
            return written.encode(random.choice(("utf-16", "utf-32", "latin-1", "cp1258")), errors="replace")
        case 4:
            written = written.replace('"unit"', '"unit": "06280", "unit"')
        case 5:
            written += random.choice((written, "\n", "\x00", "x", " " * 10_000))
    return written.encode(errors="surrogatepass")


def damaged(random: Random, body: bytes) -> bytes:
    """Return the bytes cut off, flipped, shuffled, doubled or overwritten somewhere."""
    damaged = bytearray(body)
    for _ in range(random.choice((1, 1, 2, 5, 30))):
        at = random.randrange(len(damaged) + 1)
        end = min(len(damaged), at + random.choice((1, 2, 8, 100)))
        match random.randrange(7):
            case 0 if at < len(damaged):
                damaged[at] ^= 1 << random.randrange(8)
            case 1 if random.random() < 0.3:
                del damaged[at:]
            case 2:
                del damaged[at:end]
            case 3:
                damaged[at:at] = random.randbytes(random.choice((1, 2, 16)))
            case 4:
                damaged[at:at] = damaged[at:end]
            case 5:
                damaged[at:at] = random.choice((b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b'"', b"\n", b"<"))
            case _:
                damaged[at:end] = bytes(random.choice(b'\x00 0129,;:.{}[]"\\eE-+\n') for _ in range(end - at))
    return bytes(damaged)


HEADERS = (
    "Authorization", "Accept-Language", "Content-Type", "Idempotency-Key", "traceparent", "tracestate", "Accept",
    "Content-Encoding", "Cookie", "Origin", "X-Forwarded-For", "Expect", "Range", "If-None-Match", "Last-Event-ID",
)  # fmt: skip


def header(random: Random) -> bytes:
    """Return the most hostile text that a header can carry."""
    found = random.choice(
        (
            text(random).encode(errors="surrogatepass"),
            random.randbytes(random.choice((1, 8, 64))),
            b"x" * random.choice((199, 200, 201, 8000)),
            b"Bearer ntm_000000000000_" + b"A" * 43,
            b"Bearer eyJhbGciOiJub25lIn0.e30.",
            b"Basic Zm9vOmJhcg==",
            b"Bearer ",
            b"en;q=NaN,vi;q=1e999",
            b"en;q=,vi;q=-,*;q=0" * 50,
            b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00",
            b"gzip",
            b"identity",
            b"text/plain",
            b"application/json; charset=utf-7",
            b"application/x-ndjson",
        )
    )
    # no HTTP server hands on line ends and control characters
    return bytes(byte for byte in found if byte >= 0x20 and byte != 0x7F).strip()

"""The doors for questions: every GET, and other methods on the same paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from urllib.parse import quote
from uuid import UUID

from tests.fuzz import hostile, sound
from tests.fuzz.doors import Door
from tests.fuzz.verdict import faults_of
from tests.fuzz.wire import Answer, Sent

_OF_LISTS: Mapping[str, Sequence[str]] = {
    "/v1/submissions": ("agency", "status", "unit", "stage", "cursor", "limit"),
    "/v1/refusals": ("cursor", "limit"),
    "/v1/problems": ("unit", "criterion", "state", "cursor", "limit"),
}
"""The parameters of the lists that refuse others."""


class Queries(Door):
    """Every GET with hostile parameters and headers, and other methods on the same paths."""

    name = "get"
    _PATHS = (
        "/v1/submissions", "/v1/submissions/{}", "/v1/submissions/{}/review", "/v1/submissions/{}/withdraw",
        "/v1/refusals", "/v1/problems",
        "/v1/problems/{}", "/v1/problems/{}/answers", "/v1/templates/{}.xlsx", "/v1/me", "/v1/catalogue", "/", "/{}",
        "/v1/{}", "/static/{}", "/healthz", "/openapi.json",
    )  # fmt: skip
    _PARAMETERS = ("agency", "status", "unit", "stage", "cursor", "limit", "criterion", "state", "period", "dry_run")
    _VALUES = (
        "06280", "184", "20", "accepted", "scored", "parked", "returned", "open", "closed", "verified", "1", "0", "200",
        "201", "-1", "1e3", "9223372036854775808", "4611686018427387904", "9" * 5000, "2023-06", "6/2023", "true",
        "fuzz-province", "ntm-11", "null", "",
    )  # fmt: skip

    def make(self, random: Random) -> Sent:
        path = random.choice(self._PATHS)
        if "{}" in path:
            if "templates" in path:
                part = random.choice((",".join(random.choices(sound.CRITERIA, k=2)), "all", hostile.text(random)))
            else:
                part = str(UUID(bytes=random.randbytes(16))) if random.random() < 0.4 else hostile.text(random)
            path = path.format(quote(part.encode(errors="surrogatepass"), safe=random.choice(("", "/.,:@"))))
        known = _OF_LISTS.get(path, self._PARAMETERS)
        names = [self._name(random, known) for _ in range(random.choice((0, 1, 1, 2, 3)))]
        if "templates" in path and random.random() < 0.5:
            query = f"unit={random.choice(('184', *sound.COMMUNES[:3]))}&period=2023-06"
        else:
            query = "&".join(f"{name}={self._value(random)}" for name in names)
        headers = dict(self.headers(random))
        del headers["Content-Type"]
        if random.random() < 0.3:
            headers[random.choice(hostile.HEADERS)] = hostile.header(random)
        method = (
            random.choice(("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"))
            if random.random() < 0.05
            else "GET"
        )
        return Sent(b"", method, path + (f"?{query}" if query else ""), tuple(headers.items()))

    def _name(self, random: Random, known: Sequence[str]) -> str:
        return random.choice(known) if random.random() < 0.9 else self._value(random)

    def _value(self, random: Random) -> str:
        found = random.choice(self._VALUES) if random.random() < 0.5 else hostile.text(random)
        return quote(found.encode(errors="surrogatepass"), safe="") if random.random() < 0.95 else "%zz%"

    def faults(self, sent: Sent, answer: Answer) -> Iterator[str]:
        if sent.method != "HEAD":
            yield from faults_of(sent, answer)
        elif answer.status >= 500:
            yield f"status {answer.status}"

"""Static files of pages, and the headers that keep a browser from loading or running anything else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from mimetypes import guess_type
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter
from fastapi.responses import Response

from shared.problems import Problem, Problems

WORKER = "worker.js"
"""The name of a page's service worker, which may serve the whole page and not its own folder alone."""

_POLICY = {
    "default-src": "'none'",
    "connect-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",  # without scripts the page sends nothing anywhere, least of all the key
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",  # texts of people cannot become markup
}


def security_headers(exceptions: Mapping[str, str | None] = MappingProxyType({})) -> dict[str, str]:
    """Return the headers of a page; `exceptions` replace directives of the pages' policy, None takes one away."""
    policy: dict[str, str | None] = {**_POLICY, **exceptions}
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items() if value is not None),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


SECURITY_HEADERS = security_headers()


class StaticFiles:
    """The scripts, styles and pictures of a page, served below an address that has their hash in it."""

    def __init__(self, address: str, paths: Iterable[Path]) -> None:
        self._files = {path.name: path.read_bytes() for path in sorted(paths) if path.is_file()}
        hashes = (hashlib.sha256(content).digest() for content in self._files.values())
        self._version = hashlib.sha256(b"".join(hashes)).hexdigest()[:16]
        self.address = f"{address}/{self._version}"
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route(f"{address}/{{version}}/{{name}}", self._answer)

    async def _answer(self, version: str, name: str) -> Response:
        """Answer with a file of this version; files of different versions do not fit together."""
        content = self._files.get(name)
        if content is None or version != self._version:
            raise Problem(Problems.NOT_FOUND)
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}
        scope = {"Service-Worker-Allowed": "/"} if name == WORKER else {}
        kind = "text/javascript" if name.endswith(".js") else guess_type(name)[0]
        return Response(content, media_type=kind, headers={**SECURITY_HEADERS, **kept, **scope})

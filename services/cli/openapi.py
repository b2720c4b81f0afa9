"""Writing the services' OpenAPI documents (`make schemas`). No service has to run for it."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

SERVICES = ("intake", "scoring", "notify")
_NOBODY = {
    "NTM_DATABASE_URL": "postgresql+asyncpg://",
    "NTM_SMTP_HOST": "localhost",
    "NTM_SMTP_FROM": "ntm@example.vn",
}
"""The settings without which no service starts. Describing the services connects to none of these."""


def write(folder: Path) -> None:
    """Write a document for each service. Call it in a process of its own: it replaces the settings."""
    os.environ.update(_NOBODY)
    for service in SERVICES:
        document = import_module(f"services.{service}.app").app.openapi()
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        (folder / f"openapi-{service}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))

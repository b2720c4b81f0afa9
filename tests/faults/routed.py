"""The services' applications, connected by way of the runner's proxies and gateways.

The ports stand in NTM_FAULTS_ROUTES; the supervisor hands the variable on to the services.
"""

from __future__ import annotations

import json
import os
import re
from importlib import import_module
from typing import Any

ROUTES = "NTM_FAULTS_ROUTES"


def rerouted(env: dict[str, str], routes: dict[str, int]) -> dict[str, str]:
    """Return the settings of a service that differ when it goes by the runner's ports."""
    changed = {"NTM_RETRY_FIRST_SECONDS": "0.3", "NTM_RETRY_LONGEST_SECONDS": "2"}
    if "nats" in routes:
        changed["NTM_NATS_URL"] = _with_port(env["NTM_NATS_URL"], routes["nats"])
        changed["NTM_DATABASE_URL"] = _with_port(env["NTM_DATABASE_URL"], routes["postgres"])
    if "gateways" in routes and "NTM_SMS_URL" in env:
        changed["NTM_SMS_URL"] = f"http://127.0.0.1:{routes['gateways']}"
        changed["NTM_SMTP_PORT"] = str(routes["mail"])
    return changed


def _with_port(url: str, port: int) -> str:
    return re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", url)


def __getattr__(name: str) -> Any:
    """Return the application of the service of this name. uvicorn asks for it once, before anything is connected."""
    if name not in ("intake", "scoring", "notify"):
        raise AttributeError(name)
    os.environ.update(rerouted(dict(os.environ), json.loads(os.environ[ROUTES])))
    return import_module(f"services.{name}.app").app

"""Everything that takes a while, done once: processes of the tests begin as copies of this one.

Every module is imported but those that read settings when they are imported: a service's `app` is imported by each
copy, with its own environment. The reference data are read that most services read when they start, and the templates
of notices compiled.
"""

from __future__ import annotations

import gc
import os
import pkgutil
from importlib import import_module
from pathlib import Path

import anyio._backends._asyncio
import rich.console
import typer
import uvicorn.lifespan.on
import uvicorn.loops.uvloop
import uvicorn.main
import uvicorn.protocols.http.auto
import uvicorn.protocols.websockets.auto

import services
import shared
from services.notify.wording import templates
from shared.reference.load import PACKAGED, load
from tests.forked import TO_PRELOAD

__all__ = ["anyio", "rich", "typer", "uvicorn"]

_RUN_AS_PROGRAMS = {"app", "main"}

for package in (shared, services):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.rpartition(".")[2] not in _RUN_AS_PROGRAMS and ".migrations" not in module.name:
            import_module(module.name)
own = os.environ.get(TO_PRELOAD)
for directory in (None, Path(own)) if own else (None,):
    for plan in ((directory or PACKAGED) / "plans").glob("*.yaml"):
        load(plan.stem, directory)
for environment, endings in ((templates._html, ["html"]), (templates._plain, ["txt", "jinja"])):
    for name in environment.list_templates(extensions=endings):
        environment.get_template(name)
gc.freeze()  # no copy has to look through it for garbage

"""Everything that takes a while to import, imported once: processes of the tests begin as copies of this one.

Only what reads no setting when it is imported: a service's `app` is imported by each copy, with its own environment.
"""

from __future__ import annotations

import rich.console
import typer
import uvicorn.lifespan.on
import uvicorn.loops.auto
import uvicorn.main
import uvicorn.protocols.http.auto

import services.intake.service
import services.intake.web
import services.notify.api.notices
import services.notify.service
import services.scoring.asking.what_if
import services.scoring.service
import shared.http.app
import shared.service.broker

__all__ = ["rich", "services", "shared", "typer", "uvicorn"]

"""Logs, in which secrets and phone numbers are masked, whichever module logs them, and which name their trace."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from shared.masking import know_secrets_of, masked
from shared.nats.cloud_events import CURRENT_TRACE, trace_id
from shared.settings import Settings


def _masked(_logger: Any, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
    # the library's own fields, such as the record of the standard library, are no content
    return {name: value if name.startswith("_") else masked(name, value) for name, value in entry.items()}


def _named_trace(_logger: Any, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
    trace = CURRENT_TRACE.get()
    return {**entry, "trace_id": trace_id(trace)} if trace else entry


def json_formatter() -> logging.Formatter:
    """Return the form of lines that uvicorn writes before a service has its settings (`deploy/uvicorn-log.json`)."""
    steps: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _masked,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=steps,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def configure_logging(settings: Settings, service: str) -> None:
    """Write structured lines to standard error, for structlog and the standard library alike."""
    know_secrets_of(settings)

    def name_service(_logger: Any, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
        return {"service": service, **entry}

    shared_steps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        name_service,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _masked,
        _named_trace,  # after the masking, which would take digits of it for a number
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared_steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_steps,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("uvicorn", "uvicorn.error", "faststream"):
        logging.getLogger(noisy).handlers = []
        logging.getLogger(noisy).propagate = True
    # FastStream logs every task that it starts again after a handler failed; the handler has logged the reason
    logging.getLogger("faststream").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # not each try at a receiver that is away

"""Logs, in which secrets and phone numbers are masked, whichever module logs them."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

from shared.settings import Settings

_SECRET_NAMES = re.compile(r"authorization|token|secret|password|api_?key|phone", re.IGNORECASE)
_ACCESS_KEY = re.compile(r"ntm_[0-9a-f]{12}_[\w-]+")
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]*\.[\w-]*")
_PHONE = re.compile(r"(?<![\w.:-])(?:\+84|0)\d{9,10}(?![\w-])")
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]+):[^@\s]+@")


def mask(text: str) -> str:
    """Return the text with keys, tokens, phone numbers and passwords in URLs made unreadable."""
    text = _ACCESS_KEY.sub("ntm_***", text)
    text = _TOKEN.sub("eyJ***", text)
    text = _URL_PASSWORD.sub(r"\1:***@", text)
    return _PHONE.sub(lambda found: "***" + found[0][-3:], text)


def _masked(_logger: Any, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
    for name, value in entry.items():
        if _SECRET_NAMES.search(name):
            entry[name] = "***"
        elif isinstance(value, str):
            entry[name] = mask(value)
    return entry


def configure_logging(settings: Settings, service: str) -> None:
    """Write structured lines to standard error, for structlog and the standard library alike."""

    def name_service(_logger: Any, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
        return {"service": service, **entry}

    shared_steps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        name_service,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _masked,
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

"""Traces by OpenTelemetry: from the post of a figure, by way of every message that follows, to the mail that tells it.

Every message carries a W3C trace context (`shared/nats/cloud_events.py`), with or without OpenTelemetry, and so do the
rows in which it waits. Where `OTEL_EXPORTER_OTLP_ENDPOINT` is set, each step is recorded as a span besides, whose
parent is the step before, and exported by OTLP over HTTP. Else nothing of OpenTelemetry is even imported.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from nats.aio.msg import Msg

from shared.nats.cloud_events import CURRENT_TRACE, TRACE, new_trace

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

_ENDING_SECONDS = 2
"""The time for sending the last spans."""

type Kind = Literal["SERVER", "CLIENT", "CONSUMER"]

_tracer: Tracer | None = None


@asynccontextmanager
async def tracing(service: str) -> AsyncIterator[None]:
    """Record and export spans while the block runs, where OpenTelemetry's settings name a receiver."""
    global _tracer
    if not os.environ.get(ENDPOINT):
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"ntm-{service}"}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("ntm")
    try:
        yield
    finally:
        _tracer = None
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_SECONDS):
                await asyncio.to_thread(provider.force_flush)
        # else it would wait for a receiver that is away, beyond the time that an end may take
        exporter.shutdown()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(provider.shutdown)


@contextmanager
def traced(name: str, kind: Kind, given: str | None, attributes: dict[str, Any] | None = None) -> Iterator[Span | None]:
    """Do the block as a step of the given trace, or of a new one; yield its span, where spans are recorded.

    What the block logs and publishes belongs to the step. An error leaves its type at the span, and no words: these
    may quote figures and addresses.
    """
    span = _begin(name, kind, given, attributes)
    token = CURRENT_TRACE.set(_context_of(span) or new_trace(given))
    try:
        yield span
    except BaseException as error:
        _note(span, error)
        raise
    finally:
        CURRENT_TRACE.reset(token)
        if span:
            span.end()


def answering(subject: str, given: str | None) -> AbstractContextManager[Span | None]:
    """Answer a request over NATS as a step of the trace that it carries."""
    return traced(f"request {subject}", "SERVER", given, {"messaging.system": "nats"})


@contextmanager
def each_traced(stream: str, messages: Sequence[Msg]) -> Iterator[None]:
    """Do the block as a step of each message's trace: what follows from a message belongs to its own."""
    if _tracer is None:
        yield
        return
    spans = []
    for message in messages:
        attributes = {"messaging.system": "nats", "messaging.destination.name": message.subject}
        span = _begin(f"process {stream}", "CONSUMER", trace_of(message), attributes)
        spans.append(span)
        if own := _context_of(span):
            message.headers = {**(message.headers or {}), TRACE: own}
    try:
        yield
    except BaseException as error:
        for span in spans:
            _note(span, error)
        raise
    finally:
        for span in spans:
            if span:
                span.end()


@contextmanager
def within(messages: Sequence[Msg]) -> Iterator[None]:
    """Let what the block logs belong to the trace of its message, where it handles one alone."""
    token = CURRENT_TRACE.set(trace_of(messages[0]) if len(messages) == 1 else None)
    try:
        yield
    finally:
        CURRENT_TRACE.reset(token)


def trace_of(message: Msg) -> str | None:
    """Return the trace context that a message carries."""
    return (message.headers or {}).get(TRACE)


def _begin(name: str, kind: Kind, given: str | None, attributes: dict[str, Any] | None) -> Span | None:
    if _tracer is None:
        return None
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    parent = TraceContextTextMapPropagator().extract({TRACE: given} if given else {}, Context())
    return _tracer.start_span(name, parent, SpanKind[kind], attributes)


def _context_of(span: Span | None) -> str | None:
    """Return a span's trace context as messages carry it; None where there is no span, or OpenTelemetry is disabled."""
    if span is None or not (context := span.get_span_context()).is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _note(span: Span | None, error: BaseException) -> None:
    if span:
        from opentelemetry.trace import StatusCode

        span.set_status(StatusCode.ERROR, type(error).__name__)

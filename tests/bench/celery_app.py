"""The Celery peer as its worker runs it: a task is a submission, whose figures it upserts as the naive peer does.

NTM_PEER_BROKER and NTM_PEER_DATABASE name Redis and PostgreSQL.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from sqlalchemy import Engine, create_engine
from sqlmodel import Session

from tests.bench.naive import upsert

app = Celery("peer", broker=os.environ["NTM_PEER_BROKER"])
app.conf.update(
    task_acks_late=True,  # a task whose worker dies comes again, as a message of the services does
    task_ignore_result=True,
    task_serializer="json",
    worker_prefetch_multiplier=64,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)

_engine: Engine | None = None


@app.task(name="store")  # type: ignore[untyped-decorator]
def store(posted: dict[str, Any]) -> None:
    """Upsert the figures of a submission."""
    global _engine
    if _engine is None:  # each process of the worker has connections of its own
        _engine = create_engine(os.environ["NTM_PEER_DATABASE"])
    with Session(_engine) as session:
        session.connection().execute(upsert(posted["unit"], posted["period"], posted["readings"]))
        session.commit()

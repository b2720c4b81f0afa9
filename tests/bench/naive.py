"""The peer of intake and scoring: one FastAPI service that upserts each figure through SQLAlchemy, and no more.

It signs nobody in, checks types alone, compares nothing, keeps no log, judges nothing and tells nobody. `python -m
tests.bench.naive` measures what a post costs there; NTM_DATABASE_URL names the database of the service.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI, Request
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel

from deploy.local.supervisor import end
from deploy.local.uvicorn_options import UVICORN_ENV, uvicorn_command
from shared.reference.load import load
from tests.bench import load as load_of
from tests.bench.costs import note
from tests.bench.intake import CLIENTS, ROUNDS, submissions
from tests.bench.usage import Programs
from tests.ports import free_port
from tests.running import START, afresh
from tests.servers import start_postgres
from tests.waiting import eventually

POSTS = 6_000


class NaiveFigure(SQLModel, table=True):
    """A figure, as this service keeps it."""

    unit: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    element: str = Field(primary_key=True)
    value: float


class Posted(BaseModel):
    """A submission as it is posted to intake."""

    unit: str
    period: str
    revision: int
    readings: dict[str, float]


def upsert(unit: str, period: str, readings: Mapping[str, float]) -> Insert:
    """Return the statement that keeps the figures of a submission."""
    rows = [{"unit": unit, "period": period, "element": element, "value": value} for element, value in readings.items()]
    statement = insert(NaiveFigure).values(rows)
    return statement.on_conflict_do_update(
        index_elements=["unit", "period", "element"], set_={"value": statement.excluded.value}
    )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make the table, and keep connections while the service runs."""
    engine = create_async_engine(os.environ["NTM_DATABASE_URL"], pool_size=20)
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.tables["naivefigure"].create, checkfirst=True)
    app.state.sessions = async_sessionmaker(engine)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.post("/v1/submissions", status_code=202)
async def post(request: Request, posted: Posted) -> dict[str, str]:
    """Upsert the figures of a submission."""
    session: AsyncSession
    async with request.app.state.sessions() as session:
        await session.execute(upsert(posted.unit, posted.period, posted.readings))
        await session.commit()
    return {"status": "stored"}


async def main() -> None:
    """Measure it."""
    with tempfile.TemporaryDirectory() as folder:
        directory, port = Path(folder), free_port()
        postgres = await start_postgres(directory, embedded=True)
        env = {**UVICORN_ENV, "NTM_DATABASE_URL": await postgres.create_database()}
        service = await afresh(
            [*uvicorn_command("tests.bench.naive:app", port), "--no-access-log"], env, directory / "log"
        )
        try:
            async with httpx.AsyncClient() as client:

                async def answers() -> bool:
                    try:
                        return (await client.get(f"http://127.0.0.1:{port}/docs")).is_success
                    except httpx.TransportError:
                        return False

                await eventually(answers)
            units = load().units.communes(START, "20")
            source, programs = submissions([unit.code for unit in units]), Programs(service)
            for _ in range(ROUNDS):
                requests = [load_of.post("/v1/submissions", "none", body) for body in itertools.islice(source, POSTS)]
                before = programs.usage()
                measured = await load_of.run(port, iter(requests), CLIENTS)
                assert measured.statuses == {202: POSTS}, measured.statuses
                note("peer: FastAPI with an upsert a request", programs.usage().since(before), POSTS)
        finally:
            await end(service)
            await postgres.remove()


if __name__ == "__main__":
    asyncio.run(main())

"""Keys, links and gateways' secrets stand in no log, answer, message or table, also where a provider quotes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from nats.aio.client import Client

from shared.contracts.status import Event
from tests.changes import DISTRICT_OFFICE, a_status_change
from tests.integration.notify_service import NotifyService, link_of, notify_service
from tests.integration.providers import Receiver, receiving
from tests.servers import NatsServer
from tests.waiting import eventually

API_KEY, SECRET_KEY, LINK_SECRET = "marker-api-key", "marker-secret-key", "marker of links, long enough to be a secret"
PHONE = "912345678"


async def quoting(request: web.BaseRequest) -> web.StreamResponse:
    """Refuse with all that was sent, as careless gateways do."""
    said = f"{await request.text()} {dict(request.headers)}"
    return web.json_response({"CodeResult": "103", "ErrorMessage": said, "message": said}, status=400)


@pytest.fixture
async def gateway() -> AsyncIterator[Receiver]:
    async with receiving(*[quoting] * 100) as receiver:
        yield receiver


@pytest.fixture
async def notify(
    tmp_path: Path, nats: Client, nats_server: NatsServer, migrated_database_url: str, gateway: Receiver
) -> AsyncIterator[NotifyService]:
    async with notify_service(tmp_path, nats, nats_server, migrated_database_url, [DISTRICT_OFFICE]) as service:
        service.env.update(
            NTM_SMS_URL=gateway.url, NTM_SMS_API_KEY=API_KEY, NTM_SMS_SECRET_KEY=SECRET_KEY, NTM_LINK_SECRET=LINK_SECRET
        )
        await service.start()
        yield service


async def written(notify: NotifyService, nats: Client) -> dict[str, str]:
    """Return everything that the service wrote, by where: its log, its tables, its messages, its pages."""
    key = await notify.key("20")
    found = {"log": notify.log}
    for path in ("/v1/alerts", "/v1/notices", "/v1/subscriptions", "/metrics", "/healthz"):
        found[path] = (await notify.get(path, key)).text
    # two tables hold them on purpose: a webhook is signed by its secret, and a contact is reached by its number
    tables = await notify.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'notify'"
        " AND table_name NOT IN ('subscription', 'contact')"
    )
    for (table,) in tables:
        rows = await notify.rows(f"SELECT to_jsonb(one)::text FROM notify.{table} AS one")  # noqa: S608 - a fixed list
        found[table] = "\n".join(row for (row,) in rows)
    js = nats.jetstream()
    for stream in await js.streams_info():
        name = stream.config.name or ""
        for number in range(max(1, stream.state.first_seq), stream.state.last_seq + 1):
            message = await js.get_msg(name, number)
            found[f"{name}/{number}"] = f"{message.headers} {(message.data or b'').decode(errors='replace')}"
    return found


def places(found: dict[str, str], secret: str) -> list[str]:
    return [place for place, words in found.items() if secret in words]


async def test_what_a_careless_provider_quotes_reaches_nobody(
    notify: NotifyService, nats: Client, gateway: Receiver
) -> None:
    key = await notify.key("184")
    asked = {"url": gateway.url, "unit": "184", "match": {"events": ["fell_behind"]}}
    made = (await notify.post("/v1/subscriptions", key, json=asked)).json()
    await notify.publish(a_status_change(Event.FELL_BEHIND))

    async def were_refused() -> bool:
        refused = await notify.rows("SELECT 1 FROM notify.attempt WHERE outcome <> 'sent'")
        return len(refused) >= 2

    await eventually(were_refused, explain=lambda: notify.log)
    link = (await link_of(notify)).rpartition("/")[2]
    wrong = key[:-4] + "zzzz"
    for bad in (f"/v1/notices?cursor={key}", f"/v1/alerts/{key}", f"/a/{link}x", f"/a/{link}?key={key}"):
        await notify.get(bad, wrong)

    found = await written(notify, nats)
    quoted = "\n".join(words for place, words in found.items() if place == "attempt")
    assert "ErrorMessage" in quoted or "103" in quoted, "the provider's words are kept, without the secrets"
    for secret in (API_KEY, SECRET_KEY, LINK_SECRET, made["secret"], key, wrong, link):
        assert places(found, secret) == [], secret
    for_everybody = {place for place in found if place in ("log", "/metrics", "/healthz") or place[0].isupper()}
    assert for_everybody.isdisjoint(places(found, PHONE))

"""Webhooks of notify: signed, rotated, replayed, and disabled when the receiver is gone."""

from __future__ import annotations

from datetime import timedelta

from shared.contracts.status import Event
from tests.changes import a_status_change
from tests.integration.notify_service import NotifyService
from tests.integration.webhook_receiver import Receiver, listening


async def test_a_webhook_is_signed_rotated_replayed_and_disabled_when_it_is_gone(notify: NotifyService) -> None:
    key, receiver = await notify.key("184"), Receiver()
    async with listening(receiver) as url:
        made = await notify.post(
            "/v1/subscriptions", key, json={"url": url, "unit": "184", "match": {"events": ["fell_behind", "met"]}}
        )
        assert made.status_code == 201, made.text
        subscription = made.json()
        assert subscription["agency_name"] == "Agency"
        receiver.secrets = [subscription["secret"]]
        path = f"/v1/subscriptions/{subscription['id']}"
        [listed] = (await notify.get("/v1/subscriptions", key)).json()["items"]
        assert "secret" not in listed
        assert listed["agency_name"] == "Agency"
        assert (await notify.get("/v1/subscriptions", await notify.key("181"))).json()["items"] == []

        change = a_status_change()
        await notify.publish(change, a_status_change(Event.LOST))
        await notify.settled(alerts=2)
        [(first, body)] = receiver.heard
        assert body["type"] == "ntm.status.fell_behind"
        assert body["data"]["id"] == str(change.id)

        rotated = (await notify.post(f"{path}/rotate", key)).json()
        receiver.secrets = [subscription["secret"], rotated["secret"]]
        again = await notify.post(f"{path}/replay", key, json={"since": "2020-01-01T00:00:00Z"})
        assert again.json() == {"notices": 1}
        await notify.settled(alerts=2)
        assert [one for one, _ in receiver.heard] == [first, first]

        receiver.status = 410
        await notify.publish(a_status_change(Event.MET, at=change.at + timedelta(days=1)))
        await notify.settled(alerts=3)
        [disabled] = (await notify.get("/v1/subscriptions", key)).json()["items"]
        assert disabled["disabled_at"]
        alerts = (await notify.get("/v1/alerts", await notify.key("20"))).json()["items"]
        assert "endpoint_disabled" in {alert["event"] for alert in alerts}

        receiver.status = 204
        assert (await notify.post(f"{path}/enable", key)).json()["disabled_at"] is None
        assert (await notify.post(path, key, "DELETE")).status_code == 204

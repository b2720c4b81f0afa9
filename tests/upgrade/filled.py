"""A system filled by its doors with some of everything, and what its doors say of that: the same after an upgrade."""

from __future__ import annotations

import shutil
from asyncio import gather
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from deploy.local.sample import CONTACTS, SAMPLE_COHORTS, SEED, sample_reference
from deploy.local.sample.year import plan_year
from shared.reference.archive import SAMPLE_COHORTS as NAME_OF_COHORTS
from shared.reference.load import PACKAGED
from tests.people import an_account, signed_in
from tests.ports import free_port
from tests.running import Service, Surroundings
from tests.waiting import eventually

AGENCY = "district-184"
DISTRICT, COMMUNE = "184", "06280"
PERSON = "van-phong"
FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2023, 8, 20)
FILE = b"%PDF-1.7 minutes of the review"


@asynccontextmanager
async def mail_server() -> AsyncIterator[dict[str, str]]:
    """Run a mail server that takes every mail; yield the settings of the services, which name it."""
    server = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        yield {
            "NTM_SMTP_HOST": "127.0.0.1", "NTM_SMTP_PORT": str(server.port), "NTM_SMTP_FROM": "ntm@example.vn",
            "NTM_SMTP_STARTTLS": "false", "NTM_LINK_SECRET": "an invented secret, long enough to be one",
            "NTM_PUBLIC_URL": "https://bao.example.vn", "NTM_CONTACTS": str(CONTACTS), "NTM_WAIT_SHARE": "0",
        }  # fmt: skip
    finally:
        server.stop()


def reference_files(directory: Path) -> Path:
    """Write the reference data by which the system is to judge; return their directory."""
    shutil.copytree(PACKAGED, directory, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(SAMPLE_COHORTS, directory / NAME_OF_COHORTS)
    return directory


@dataclass
class Filled:
    """A system with services, what was posted to it, and the keys by which that is asked for."""

    around: Surroundings
    keys: dict[str, str] = field(default_factory=dict)
    receipts: list[str] = field(default_factory=list)
    evidence: str = ""

    def service(self, name: str) -> Service:
        return next(service for service in reversed(self.around.services) if service.name == name)

    async def start(self, **settings: str) -> None:
        """Start the services of the surroundings' version."""
        await gather(*(self.around.start(name, **settings) for name in ("intake", "scoring", "notify")))

    async def settled(self) -> None:
        """Wait until the services have taken everything that stands on the streams."""
        await eventually(lambda: self.around.nothing_waits_for("intake", "scoring", "notify"))

    async def post(self, items: object) -> list[str]:
        """Post submissions of the district; return their ids. Each is accepted."""
        async with self.service("intake").client(self.keys[DISTRICT]) as client:
            answer = await client.post("/v1/submissions", json=items)
        assert answer.status_code == 202, answer.text
        said = answer.json()
        assert not said.get("refused"), said
        ids = [one["id"] for one in said["items"]] if isinstance(items, list) else [said["id"]]
        self.receipts += ids
        return ids

    async def fill(self, since: date = FIRST_DAY, until: date = LAST_DAY) -> None:
        """Fill the system: figures day by day, with all that people do about them."""
        for code in (COMMUNE, DISTRICT, "20"):
            self.keys[code] = await self.around.key(code, agency=f"office-{code}")
        self.keys[DISTRICT] = await self.around.key(DISTRICT, agency=AGENCY)
        await an_account(self.around.engine, PERSON, DISTRICT)
        for day, items in posts(since, until):
            await self.around.set_day(day)
            await self.post(items)
            await self.settled()
        await self._reviewed_and_withdrawn()
        await self._told()
        await self.settled()

    async def _reviewed_and_withdrawn(self) -> None:
        async with self.service("intake").client(self.keys["20"]) as province:
            decision = {"decision": "verified"}
            answer = await province.post(f"/v1/submissions/{self.receipts[-1]}/review", json=decision)
            assert answer.status_code == 202, answer.text
        async with self.service("intake").client(self.keys[DISTRICT]) as district:
            faulty = {"unit": COMMUNE, "period": "2023-07", "readings": {"households": -1}}
            assert (await district.post("/v1/submissions", json=faulty)).status_code == 422
            withdrawn = await district.post(
                f"/v1/submissions/{self.receipts[-2]}/withdraw", json={"reason": "Nhầm xã."}
            )
            assert withdrawn.status_code == 202, withdrawn.text
            about = {"unit": COMMUNE, "period": "2023-07", "criterion": "ntm-13", "name": "Biên bản.pdf"}
            file = await district.post("/v1/evidence", params=about, content=FILE)
            assert file.status_code == 202, file.text
            self.evidence = file.json()["id"]
        async with self.service("intake").client(self.keys[COMMUNE]) as commune:
            difficulty = {"unit": COMMUNE, "criterion": "ntm-12", "kind": "funding", "words": "Thiếu kinh phí."}
            answer = await commune.post("/v1/problems", json=difficulty)
            assert answer.status_code == 202, answer.text
            criteria = [f"ntm-{one.number}" for one in sample_reference().sets["ntm"].criteria]
            step = {"step": "self_assessed", "answers": [{"criterion": key, "yes": True} for key in criteria]}
            answer = await commune.post(f"/v1/dossiers/{COMMUNE}/ntm", json=step)
            assert answer.status_code == 202, answer.text

    async def _told(self) -> None:
        await self.settled()
        async with self.service("notify").client(self.keys["20"]) as province:

            async def opened() -> Any:
                items = (await province.get("/v1/alerts", params={"limit": 5000})).json()["items"]
                return [one for one in items if one["is_open"]]

            alert = (await eventually(opened))[0]
            answer = await province.post(f"/v1/alerts/{alert['id']}/acknowledge", json={"note": "Đã giao xã rà soát."})
            assert answer.status_code in (200, 202), answer.text
            contact = {
                "role": "district_committee",
                "unit": DISTRICT,
                "name": "Trần Thị Mẫu",
                "emails": ["mau@example.vn"],
            }
            answer = await province.post("/v1/contacts", json=contact)
            assert answer.status_code == 201, answer.text

    async def known(self) -> dict[str, Any]:
        """Return what the system says of what was done to it, by the doors that people and programs ask."""
        found: dict[str, Any] = {"receipts": {}}
        async with self.service("intake").client(self.keys["20"]) as client:
            for receipt in self.receipts:
                answer = await client.get(f"/v1/submissions/{receipt}")
                found["receipts"][receipt] = answer.json()["receipt"]["digest"] if answer.is_success else None
            file = await client.get(f"/v1/evidence/{self.evidence}/file")
            found["evidence"] = file.content.decode() if file.status_code == 200 else file.status_code
            found["problems"] = [one["said"][0]["words"] for one in (await client.get("/v1/problems")).json()["items"]]
            found["dossier"] = (await client.get(f"/v1/dossiers/{COMMUNE}/ntm")).json()["state"]
        async with self.service("scoring").client(self.keys["20"]) as client:
            items = (await client.get("/v1/statuses", params={"district": DISTRICT, "limit": 5000})).json()["items"]
            found["statuses"] = {f"{one['unit']['code']} {one['criterion']['key']}": one["status"] for one in items}
        async with self.service("notify").client(self.keys["20"]) as client:
            alerts = (await client.get("/v1/alerts", params={"limit": 5000})).json()["items"]
            found["alerts"] = {one["id"]: one["event"] for one in alerts}
            notices = (await client.get("/v1/notices", params={"limit": 5000})).json()["items"]
            found["notices"] = {one["id"]: one["status"] for one in notices}
            contacts = (await client.get("/v1/contacts")).json()["items"]
            found["contacts"] = sorted(one["name"] for one in contacts)
        async with signed_in(self.service("intake").url, PERSON) as person:
            found["person"] = (await person.get("/v1/me")).json()["name"]
        return found


def posts(since: date, until: date) -> Iterator[tuple[date, list[Any]]]:
    """Yield the days from one to another on which the sample year has submissions of the district, with these."""
    for day in plan_year(sample_reference(), SEED):
        items = [one for post in day.posts if post.agency == f"{AGENCY}-sample" for one in post.submissions]
        if items and since <= day.on <= until:
            yield day.on, items

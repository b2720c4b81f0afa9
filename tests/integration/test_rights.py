"""Every operation of the three OpenAPI documents, tried with every kind of key and role: the matrix of rights holds."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.intake.doors import openapi_examples as intake_examples
from services.notify.alerts.log import log_message
from services.scoring.storage.changes import add_changes
from services.scoring.update.published_changes import change_row
from shared.access.caller import EVERYTHING, Role
from shared.access.rights import RIGHTS, Right
from shared.access.sessions import SESSION_COOKIE
from shared.contract_documents.write import FOLDER
from shared.contracts.alert import AlertEvent
from shared.nats.publishing import publish
from shared.time import utc_now
from tests.borders import in_place_of_tiles, written
from tests.changes import LABOUR, REFERENCE, a_status_change
from tests.integration.notify_service import as_message
from tests.people import an_account, show_as, signed_in
from tests.running import Service, Surroundings
from tests.waiting import eventually

SERVICES = ("intake", "scoring", "notify")
METHODS = ("get", "post", "put", "delete", "patch")
OPERATIONS = [
    (service, f"{method.upper()} {path}")
    for service in SERVICES
    for path, item in json.loads((FOLDER / f"openapi-{service}.json").read_text(encoding="utf-8"))["paths"].items()
    for method in METHODS
    if method in item
]

NOBODY = "http://127.0.0.1:9"
OWNER = "owner"
KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    OWNER: (("184",), (EVERYTHING,)),
    "district": (("184",), (EVERYTHING,)),
    "district-for-the-criterion": (("184",), ("ntm-11",)),
    "district-for-another": (("184",), ("ntm-12",)),
    "commune": (("06280",), (EVERYTHING,)),
    "another-commune": (("06067",), (EVERYTHING,)),
    "another-district": (("181",), (EVERYTHING,)),
    "another-district-for-the-criterion": (("181",), ("ntm-11",)),
    "sector": (("20",), ("ntm-11", "advanced-11")),
    "another-sector": (("20",), ("ntm-12",)),
    "coordinator": (("20",), (EVERYTHING,)),
}
"""Keys by the name of their agency. Of each the tests ask about criterion 11 in Điềm He (06280) or Văn Quan (184)."""

PEOPLE: dict[str, tuple[Role, tuple[str, ...], tuple[str, ...]]] = {
    OWNER: ("unit", ("184",), (EVERYTHING,)),
    "a-unit": ("unit", ("184",), (EVERYTHING,)),
    "another-unit": ("unit", ("181",), (EVERYTHING,)),
    "a-commune": ("commune", ("06280",), (EVERYTHING,)),
    "a-sector": ("sector", ("20",), ("ntm-11", "advanced-11")),
    "another-sector": ("sector", ("20",), ("ntm-12",)),
    "a-coordinator": ("coordinator", ("20",), (EVERYTHING,)),
    "an-administrator": ("administrator", ("20",), (EVERYTHING,)),
    "a-viewer": ("viewer", ("20",), (EVERYTHING,)),
    "another-viewer": ("viewer", ("181",), (EVERYTHING,)),
}
"""People by the name of their agency, with their roles and scopes."""

ABOVE = {"06280": ("06280", "184", "20"), "184": ("184", "20"), "20": ("20",)}
READINGS = {"poor_households": 131}
A_PDF = b"%PDF-1.7\n"
LISTS = ("/v1/submissions", "/v1/dossiers", "/v1/evidence?unit=184")


@dataclass(frozen=True)
class Case:
    """A request for an operation, the unit that it is about, and words that only who may see it gets to read."""

    request: Callable[[], Awaitable[dict[str, Any]]]
    unit: str = "184"
    marker: str | None = None


@pytest.fixture(scope="module")
async def services(
    shared_around: Surroundings, shared_intake: Service, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Service]:
    mail = {
        "NTM_SMTP_HOST": "127.0.0.1",
        "NTM_SMTP_PORT": "9",
        "NTM_SMTP_FROM": "ntm@example.vn",
        "NTM_WAIT_SHARE": "0",
    }
    borders = written(tmp_path_factory.mktemp("borders"), in_place_of_tiles())
    # without LibreOffice, who may see the report as PDF is answered 501 once it is drawn: after 20 ms, not 3 s
    scoring = await shared_around.start("scoring", NTM_MAP=str(borders), NTM_PDF_URL=NOBODY)
    notify = await shared_around.start("notify", **mail)
    return {"intake": shared_intake, "scoring": scoring, "notify": notify}


@pytest.fixture(scope="module")
async def keys(shared_around: Surroundings) -> dict[str, str]:
    return {
        agency: await shared_around.key(*units, criteria=criteria, agency=agency)
        for agency, (units, criteria) in KEYS.items()
    }


@pytest.fixture(scope="module")
async def people(shared_around: Surroundings, shared_intake: Service) -> dict[str, str]:
    """The tokens of people's sessions, by the names of their agencies."""
    tokens = {}
    for agency, (role, units, criteria) in PEOPLE.items():
        await an_account(shared_around.engine, agency, *units, role=role, criteria=criteria, agency=agency)
        async with signed_in(shared_intake.url, agency) as client:
            tokens[agency] = client.cookies[SESSION_COOKIE]
    return tokens


@pytest.fixture(scope="module")
async def cases(shared_around: Surroundings, services: dict[str, Service], keys: dict[str, str]) -> dict[str, Case]:
    async def ask(service: str, agency: str, method: str, path: str, **options: Any) -> httpx.Response:
        async with services[service].client(keys[agency]) as client:
            return await client.request(method, path, **options)

    async def made(service: str, path: str, body: Any, agency: str = OWNER) -> str:
        answer = await ask(service, agency, "POST", path, json=body)
        assert answer.is_success, answer.text
        return str(answer.json()["id"])

    revision = 0

    async def submission() -> str:
        nonlocal revision
        revision += 1
        body = {"unit": "06280", "period": "2023-06", "stage": "reported", "revision": revision, "confirmed": True}
        return await made("intake", "/v1/submissions", {**body, "readings": READINGS})

    async def evidence() -> str:
        path = f"/v1/evidence?submission={await submission()}&name=bien-ban.pdf"
        answer = await ask("intake", OWNER, "POST", path, content=A_PDF)
        assert answer.is_success, answer.text
        return str(answer.json()["id"])

    difficulty = {**intake_examples.REPORT, "criterion": "ntm-11"}
    contact = {"role": "district_office", "unit": "184", "emails": ["office@example.vn"]}
    numbers = iter(range(1000))
    names = ["An", "Bình", "Chi", "Dũng", "Giang", "Hà", "Khánh", "Lan", "Minh", "Nga", "Oanh", "Phúc", "Quân", "Sơn"]

    def person() -> dict[str, Any]:
        number = next(numbers)
        name = f"{names[number % 14]} {names[number // 14 % 14]} {names[number // 196]}"
        return {**contact, "name": name, "emails": [f"office-{number}@example.vn"]}

    def ends() -> str:
        return (utc_now() + timedelta(hours=1)).isoformat()

    silence = {"match": {"under": ["184"], "criteria": ["ntm-11"]}, "reason": "Đang khắc phục"}
    subscription = {"url": "https://93.184.216.34/hook", "unit": "184", "match": {"criteria": ["ntm-11"]}}
    await made("notify", "/v1/contacts", person())
    first = await submission()
    reported = await made("intake", "/v1/problems", difficulty)
    attached = await evidence()
    refused = await ask("intake", OWNER, "POST", "/v1/submissions", json={"unit": "06280", "period": "nonsense"})
    assert refused.status_code == 422
    subscribed = await made("notify", "/v1/subscriptions", subscription)
    change = a_status_change()
    await publish(shared_around.nats, [as_message(change)])
    unacknowledged = a_status_change(id=UUID(int=12), criterion=LABOUR)
    async with shared_around.engine.begin() as connection:
        unit = REFERENCE.units.find("06280", unacknowledged.on)
        assert unit
        await add_changes(connection, [change_row(unit.key, unacknowledged)])
    raised = log_message(unacknowledged.id, "06280", AlertEvent.RAISED, utc_now(), None, None)
    await publish(shared_around.nats, [raised])

    async def told() -> bool:
        listed = await ask("notify", "coordinator", "GET", "/v1/notices", params={"recipient": "district_office@184"})
        return bool(listed.json()["items"])

    step = {
        "step": "self_assessed",
        "person": "Lý Văn Nam",
        "answers": [{"criterion": "ntm-1", "yes": True, "note": "x"}],
    }
    await ask("intake", OWNER, "POST", "/v1/dossiers/06280/ntm", json=step)

    async def listed_everywhere() -> bool:
        lists = [await ask("intake", OWNER, "GET", path) for path in LISTS]
        return all("06280" in answer.text for answer in lists)

    await eventually(told)
    await eventually(listed_everywhere)
    listed = await ask("notify", "coordinator", "GET", "/v1/notices", params={"recipient": "district_office@184"})
    notice = listed.json()["items"][0]["id"]

    def plainly(path: str, unit: str = "06280", marker: str | None = None, **options: Any) -> Case:
        async def request() -> dict[str, Any]:
            return {"url": path, **options}

        return Case(request, unit, marker)

    def freshly(make: Callable[[], Awaitable[str]], unit: str = "184", **options: Any) -> Case:
        async def request() -> dict[str, Any]:
            return {"url": await make(), **{name: value() for name, value in options.items()}}

        return Case(request, unit)

    async def on_a_submission(what: str) -> str:
        return f"/v1/submissions/{await submission()}/{what}"

    async def on_evidence() -> str:
        return f"/v1/evidence/{await evidence()}/withdraw"

    async def on_a_silence() -> str:
        return f"/v1/silences/{await made('notify', '/v1/silences', {**silence, 'ends_at': ends()})}"

    async def on_a_subscription(what: str = "") -> str:
        return f"/v1/subscriptions/{await made('notify', '/v1/subscriptions', subscription)}{what}"

    async def on_a_contact(what: str = "") -> str:
        return f"/v1/contacts/{await made('notify', '/v1/contacts', person())}{what}"

    async def at(path: str) -> str:
        return path

    def to_send() -> dict[str, Any]:
        return {"unit": "06280", "period": "2023-05", "stage": "reported", "readings": READINGS}

    csv = "Mã xã;Kỳ;poor_households\n06280;2023-04;131\n".encode()
    answers = [{"criterion": "ntm-11", "yes": True, "note": "Đã rà soát cuối tháng 6."}]
    return {
        "GET /v1/me": plainly("/v1/me"),
        "GET /v1/catalogue": plainly("/v1/catalogue"),
        "GET /v1/reports-due": plainly("/v1/reports-due?unit=06280"),
        "GET /v1/reviews-due": plainly("/v1/reviews-due?unit=06280"),
        "GET /v1/forms/{report}": plainly("/v1/forms/poverty-monthly?unit=06280&period=2023-06"),
        "GET /v1/templates/{criteria}.xlsx": plainly("/v1/templates/ntm-11.xlsx?unit=06280&period=2023-06"),
        "POST /v1/submissions": freshly(lambda: at("/v1/submissions"), "06280", json=to_send),
        "POST /v1/uploads": plainly("/v1/uploads?confirmed=true", content=csv, headers={"content-type": "text/csv"}),
        "GET /v1/submissions": plainly("/v1/submissions?unit=06280", marker="06280"),
        "GET /v1/submissions/{submission_id}": plainly(f"/v1/submissions/{first}"),
        "GET /v1/refusals": plainly("/v1/refusals", marker="nonsense"),
        "POST /v1/submissions/{submission_id}/review": freshly(
            lambda: on_a_submission("review"), "06280", json=lambda: {"decision": "returned", "reason": "Chưa khớp"}
        ),
        "POST /v1/submissions/{submission_id}/withdraw": freshly(
            lambda: on_a_submission("withdraw"), "06280", json=lambda: {"reason": "Gửi nhầm"}
        ),
        "POST /v1/evidence": plainly(
            f"/v1/evidence?submission={first}&element=poor_households&name=bien-ban.pdf", content=A_PDF
        ),
        "GET /v1/evidence": plainly("/v1/evidence?unit=06280", marker="06280"),
        "GET /v1/evidence/{evidence_id}/file": plainly(f"/v1/evidence/{attached}/file"),
        "POST /v1/evidence/{evidence_id}/withdraw": freshly(on_evidence, "06280", json=lambda: {"reason": "Gắn nhầm"}),
        "POST /v1/problems": plainly("/v1/problems", json=difficulty),
        "GET /v1/problems": plainly("/v1/problems", marker=reported),
        "GET /v1/problems/{problem_id}": plainly(f"/v1/problems/{reported}"),
        "POST /v1/problems/{problem_id}/answers": plainly(f"/v1/problems/{reported}/answers", json={"words": "Đã rõ"}),
        "GET /v1/dossiers": plainly("/v1/dossiers", marker="06280"),
        "GET /v1/dossiers/{commune}/{set}": plainly("/v1/dossiers/06280/ntm"),
        "POST /v1/dossiers/{commune}/{set}": plainly(
            "/v1/dossiers/06280/ntm", json={"step": "self_assessed", "person": "Lý Văn Nam", "answers": answers}
        ),
        "GET /v1/summary": plainly("/v1/summary", marker='"184"'),
        "GET /v1/map": plainly("/v1/map?criterion=ntm-11", marker="06280"),
        "GET /v1/map/borders": plainly("/v1/map/borders", marker="06280"),
        "GET /v1/statuses": plainly("/v1/statuses?district=184", marker="06280"),
        "GET /v1/communes/{code}": plainly("/v1/communes/06280"),
        "GET /v1/changes": plainly("/v1/changes?district=184"),
        "GET /v1/changes/live": plainly("/v1/changes/live?district=184", headers={"last-event-id": "0"}),
        "GET /v1/series": plainly("/v1/series?unit=06280&criterion=ntm-11"),
        "GET /v1/export.csv": plainly("/v1/export.csv", marker="06280"),
        "GET /v1/export.parquet": plainly("/v1/export.parquet?district=06280"),
        "GET /v1/reports/{month}.docx": plainly("/v1/reports/2023-05.docx?unit=184", "184"),
        "GET /v1/reports/{month}.pdf": plainly("/v1/reports/2023-05.pdf?unit=184", "184"),
        "GET /v1/reports/{month}.xlsx": plainly("/v1/reports/2023-05.xlsx?unit=184", "184"),
        "GET /v1/recognitions": plainly("/v1/recognitions", marker="06280"),
        "GET /v1/targets": plainly("/v1/targets", "184", marker='"184"'),
        "GET /v1/difficulties": plainly("/v1/difficulties", marker=reported),
        "GET /v1/unacknowledged": plainly("/v1/unacknowledged", marker='"184"'),
        "GET /v1/plan/findings": plainly("/v1/plan/findings"),
        "GET /v1/nearest": plainly("/v1/nearest?criterion=ntm-11&district=184", "06280"),
        "POST /v1/what-if": freshly(lambda: at("/v1/what-if"), "06280", json=lambda: {"submissions": [to_send()]}),
        "GET /v1/alerts": plainly("/v1/alerts", marker=str(change.id)),
        "GET /v1/alerts/counts": plainly("/v1/alerts/counts?unit=184"),
        "POST /v1/alerts/{alert_id}/acknowledge": plainly(f"/v1/alerts/{change.id}/acknowledge", "184"),
        "GET /v1/notices": plainly("/v1/notices?limit=1000", marker=notice),
        "GET /v1/notices/totals": plainly("/v1/notices/totals?unit=184"),
        "GET /v1/notices.csv": plainly("/v1/notices.csv", marker=notice),
        "POST /v1/notices/{notice_id}/resend": plainly(f"/v1/notices/{notice}/resend", "184"),
        "GET /v1/routes:explain": plainly("/v1/routes:explain?unit=06280&event=lost&criterion=ntm-11"),
        "GET /v1/silences": plainly("/v1/silences"),
        "POST /v1/silences": freshly(lambda: at("/v1/silences"), json=lambda: {**silence, "ends_at": ends()}),
        "DELETE /v1/silences/{silence_id}": freshly(on_a_silence),
        "GET /v1/contacts": plainly("/v1/contacts?unit=184", "184", marker='"district_office"'),
        "GET /v1/contacts/gaps": plainly("/v1/contacts/gaps", "184", marker="district_committee@184"),
        "POST /v1/contacts": freshly(lambda: at("/v1/contacts"), json=person),
        "PUT /v1/contacts/{contact_id}": freshly(on_a_contact, json=person),
        "DELETE /v1/contacts/{contact_id}": freshly(on_a_contact),
        "POST /v1/contacts/import": freshly(
            lambda: at("/v1/contacts/import?dry_run=true"), json=lambda: {"contacts": [person()]}
        ),
        "POST /v1/contacts/{contact_id}/personal-data": freshly(
            lambda: on_a_contact("/personal-data"), json=lambda: {"kind": "export", "asked_on": "2026-01-05"}
        ),
        "POST /v1/contacts/{contact_id}/personal-data-requests": freshly(
            lambda: on_a_contact("/personal-data-requests"), json=lambda: {"kind": "export", "asked_on": "2026-01-05"}
        ),
        "GET /v1/personal-data-requests": plainly("/v1/personal-data-requests"),
        "GET /v1/subscriptions": plainly("/v1/subscriptions", "184", marker=subscribed),
        "POST /v1/subscriptions": plainly("/v1/subscriptions", "184", json=subscription),
        "POST /v1/subscriptions/{subscription_id}/rotate": freshly(lambda: on_a_subscription("/rotate")),
        "POST /v1/subscriptions/{subscription_id}/enable": freshly(lambda: on_a_subscription("/enable")),
        "POST /v1/subscriptions/{subscription_id}/replay": freshly(
            lambda: on_a_subscription("/replay"), json=lambda: {"since": utc_now().isoformat()}
        ),
        "DELETE /v1/subscriptions/{subscription_id}": freshly(on_a_subscription),
        "GET /v1/delivery-reports/{gateway}": plainly("/v1/delivery-reports/esms"),
        "POST /v1/delivery-reports/{gateway}": plainly("/v1/delivery-reports/esms", json={}),
    }


def may(agency: str, units: Collection[str], criteria: Collection[str], right: Right, unit: str) -> bool:
    """Say by the matrix whether a key of the agency for this scope may, asked about criterion 11 in the unit."""
    if not right.by_key:
        return False
    place = {"none": None, "own": unit, "district": "184", "province": "20"}[right.units]
    covers = place is None or not set(units).isdisjoint(ABOVE[place])
    if right.criteria != "any":
        covers = covers and (EVERYTHING in criteria or (right.criteria == "own" and "ntm-11" in criteria))
    is_coordinator = "20" in units and EVERYTHING in criteria and right.coordinator
    if right.agency == "own":
        return is_coordinator or (agency == OWNER and covers)
    return covers or (right.agency == "or_own" and agency == OWNER)


def test_each_operation_stands_in_the_matrix_and_none_stands_there_that_is_gone() -> None:
    assert {operation for _, operation in OPERATIONS} == set(RIGHTS)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
async def test_a_key_may_what_the_matrix_says(
    services: dict[str, Service], keys: dict[str, str], cases: dict[str, Case], service: str, operation: str
) -> None:
    case, right, method = cases[operation], RIGHTS[operation], operation.partition(" ")[0]
    async with services[service].client() as client:
        for header in ({}, {"Authorization": f"Bearer ntm_{'0' * 12}_{'x' * 43}"}):
            asked = await case.request()
            asked["headers"] = {**asked.get("headers", {}), **header}
            assert (await client.request(method, **asked)).status_code == 401
    wrong = {}
    for agency, key in keys.items():
        async with services[service].client(key) as client:
            if fault := await fault_of(client, method, case, is_right=may(agency, *KEYS[agency], right, case.unit)):
                wrong[agency] = fault
    assert wrong == {}


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
async def test_a_person_may_what_the_matrix_says_of_the_role_and_the_scope(
    services: dict[str, Service], people: dict[str, str], cases: dict[str, Case], service: str, operation: str
) -> None:
    case, right, method = cases[operation], RIGHTS[operation], operation.partition(" ")[0]
    wrong = {}
    for agency, (role, units, criteria) in PEOPLE.items():
        is_right = role in right.people and may(agency, units, criteria, right, case.unit)
        async with services[service].client() as client:
            show_as(client, people[agency])
            if fault := await fault_of(client, method, case, is_right=is_right):
                wrong[agency] = fault
    assert wrong == {}


@pytest.mark.parametrize(("service", "operation"), [one for one in OPERATIONS if not one[1].startswith("GET ")])
async def test_nothing_is_written_by_a_persons_cookie_from_a_page_of_others(
    services: dict[str, Service], people: dict[str, str], cases: dict[str, Case], service: str, operation: str
) -> None:
    case, method = cases[operation], operation.partition(" ")[0]
    other = services["notify" if service == "intake" else "intake"].url
    forged = {"Origin": None}, {"Origin": "https://evil.example"}, {"Origin": other}, {"X-NTM-Form": None}
    for headers in forged:
        for agency in (OWNER, "a-coordinator"):
            async with services[service].client() as client:
                show_as(client, people[agency])
                for header, value in headers.items():
                    client.headers.pop(header)
                    client.headers.update({header: value} if value else {})
                assert await fault_of(client, method, case, is_right=False) is None, (headers, agency)


async def fault_of(client: httpx.AsyncClient, method: str, case: Case, *, is_right: bool) -> tuple[int, str] | None:
    """Return the answer where somebody gets what is not right, or not what is, or the service fails."""
    async with client.stream(method, **await case.request()) as answer:
        goes_on = answer.headers.get("content-type", "").startswith("text/event-stream")
        words = "" if goes_on else (await answer.aread()).decode(errors="replace")
    got = answer.status_code not in {401, 403, 404}
    if case.marker and answer.status_code == 200:
        got = case.marker in words
    failed = answer.status_code >= 500 and answer.status_code != 501
    return (answer.status_code, words[:300]) if got != is_right or failed else None

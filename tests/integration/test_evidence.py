"""Evidence: files and links are attached to figures and criteria, kept by their content, seen in scope, taken back."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import text

from services.intake.rebuild import rebuild
from shared.backup import files
from shared.backup.archive import parts, verified
from shared.contracts import subjects
from shared.contracts.evidence import Evidence, FileType
from shared.nats.cloud_events import MESSAGE_ID
from shared.object_store import ObjectStore
from tests.binding_plan import binding_reference
from tests.integration.test_reviews import (
    BORDER,
    commune,
    decided,
    district,
    post,
    poverty,
    province,
    receipt,
    reviewed,
)
from tests.running import Service, Surroundings
from tests.waiting import eventually
from tests.workbooks import a_workbook

__all__ = ["commune", "district", "province"]

pytestmark = pytest.mark.usefixtures("binding")

A_PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n"
A_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
NAME = "Biên bản rà soát hộ nghèo.pdf"


@pytest.fixture(scope="module")
async def stranger(shared_around: Surroundings) -> str:
    return await shared_around.key("184", agency="stranger")


@pytest.fixture(scope="module")
def store(shared_around: Surroundings) -> Path:
    return Path(shared_around.env["NTM_EVIDENCE_STORE"].removeprefix("file://")) / "sha256"


async def attach(intake: Service, key: str, content: bytes = A_PDF, **about: str) -> httpx.Response:
    async with intake.client(key) as client:
        return await client.post("/v1/evidence", params={"name": NAME, **about}, content=content)


async def attached(intake: Service, key: str, content: bytes = A_PDF, **about: str) -> Any:
    answer = await attach(intake, key, content, **about)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def ask(intake: Service, key: str, path: str, **params: str) -> httpx.Response:
    async with intake.client(key) as client:
        return await client.get(path, params=params)


async def evidence_of(intake: Service, key: str, submission: str) -> list[str]:
    return [one["id"] for one in (await receipt(intake, key, submission))["evidence"]]


def names(store: Path) -> set[str]:
    return {path.name for path in store.iterdir()}


def codes(answer: httpx.Response) -> tuple[int, str, list[str]]:
    document = answer.json()
    return answer.status_code, document["code"], [one["code"] for one in document.get("errors", [])]


async def test_a_file_is_kept_by_its_digest_logged_with_a_signature_and_sent_as_an_attachment(
    shared_around: Surroundings, shared_intake: Service, commune: str, store: Path
) -> None:
    sent = await post(shared_intake, commune, poverty(150, "2023-01"))
    made = await attached(shared_intake, commune, submission=sent, element="poor_households")
    digest = hashlib.sha256(A_PDF).hexdigest()
    assert made["file"] == {"type": "application/pdf", "bytes": len(A_PDF), "sha256": digest}
    assert (made["unit"], made["period"], made["name"]) == (BORDER, "2023-01", NAME)
    assert "ntm-11" in made["criteria"]
    assert (store / digest).read_bytes() == A_PDF

    logged = [Evidence.model_validate_json(one.data) for one in await shared_around.published(subjects.ALL_EVIDENCE)]
    (message,) = [one for one in logged if str(one.id) == made["id"]]
    assert message.model_dump(mode="json") == made
    (kept,) = [one for one in await shared_around.published(subjects.ALL_EVIDENCE) if made["id"] in one.data.decode()]
    assert "ntm-signature" in {name.lower() for name in kept.headers or {}}

    answer = await ask(shared_intake, commune, f"/v1/evidence/{made['id']}/file")
    assert (answer.status_code, answer.content) == (200, A_PDF)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    kind, _, encoded = answer.headers["content-disposition"].partition("; filename*=UTF-8''")
    assert (kind, unquote(encoded)) == ("attachment", NAME)


async def test_the_same_again_gets_the_first_record_and_once_taken_back_it_may_be_attached_anew(
    shared_intake: Service, commune: str
) -> None:
    sent = await post(shared_intake, commune, poverty(151, "2023-02"))
    first = await attached(shared_intake, commune, submission=sent)
    assert await attached(shared_intake, commune, submission=sent) == first

    async def is_listed(evidence: str) -> bool:
        return evidence in await evidence_of(shared_intake, commune, sent)

    await eventually(lambda: is_listed(first["id"]))
    async with shared_intake.client(commune) as client:
        gone = await client.post(f"/v1/evidence/{first['id']}/withdraw", json={"reason": "Nhầm xã"})
    assert gone.status_code == 202, gone.text
    assert (gone.json()["withdraws"], gone.json()["reason"]) == (first["id"], "Nhầm xã")

    async def is_hidden() -> bool:
        answer = await ask(shared_intake, commune, f"/v1/evidence/{first['id']}/file")
        return answer.status_code == 409 and not await is_listed(first["id"])

    await eventually(is_hidden)
    again = await attached(shared_intake, commune, submission=sent)
    assert again["id"] != first["id"]
    await eventually(lambda: is_listed(again["id"]))


async def test_a_confirmer_sees_what_was_attached_to_the_reported_figures_and_a_withdrawal_hides_it(
    shared_intake: Service, commune: str, district: str, province: str
) -> None:
    sent = await post(shared_intake, commune, poverty(152, "2023-03"))
    made = await attached(shared_intake, commune, submission=sent)
    verified = (await decided(shared_intake, district, sent, "verified"))["result"]
    await reviewed(shared_intake, district, sent)

    async def waits_with_evidence() -> bool:
        due = await ask(shared_intake, province, "/v1/reviews-due", unit="20", stage="verified", period="2023-03")
        return [[e["id"] for e in one["evidence"]] for one in due.json()["items"]] == [[made["id"]]]

    await eventually(waits_with_evidence)
    assert await evidence_of(shared_intake, province, verified) == [made["id"]]

    async with shared_intake.client(district) as client:
        withdrawn = await client.post(f"/v1/submissions/{sent}/withdraw", json={"reason": "Sai kỳ"})
    assert withdrawn.status_code == 202, withdrawn.text

    async def is_hidden() -> bool:
        hidden = await ask(shared_intake, province, f"/v1/evidence/{made['id']}/file")
        return hidden.status_code == 409 and not await evidence_of(shared_intake, province, sent)

    await eventually(is_hidden)
    answer = await attach(shared_intake, commune, submission=sent)
    assert codes(answer)[:2] == (409, "withdrawn")


async def test_evidence_of_a_criterion_is_listed_by_unit_period_and_criterion(
    shared_intake: Service, commune: str, district: str, stranger: str
) -> None:
    about = {"unit": BORDER, "period": "2023-04", "criterion": "ntm-13"}
    made = await attached(shared_intake, commune, **about)
    link = "https://dichvucong.langson.gov.vn/van-ban/12"
    linked = await attached(shared_intake, commune, b"", link=link, **about)
    assert (linked["link"], linked["host"], linked["file"]) == (link, "dichvucong.langson.gov.vn", None)

    async def listed(**asked: str) -> list[str]:
        answer = await ask(shared_intake, district, "/v1/evidence", **asked)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["items"]]

    async def both() -> bool:
        return await listed(**about) == [linked["id"], made["id"]]

    await eventually(both)
    assert await listed(unit="180", criterion="ntm-13") == [linked["id"], made["id"]]
    assert await listed(**{**about, "period": "2023-05"}) == []
    first = await ask(shared_intake, district, "/v1/evidence", limit="1", **about)
    assert (first.json()["items"][0]["id"], first.json()["next"]) == (linked["id"], linked["id"])
    assert await listed(cursor=linked["id"], **about) == [made["id"]]
    assert (await ask(shared_intake, stranger, f"/v1/evidence/{made['id']}/file")).status_code == 404
    assert (await ask(shared_intake, stranger, "/v1/evidence", unit=BORDER)).status_code == 403
    assert codes(await attach(shared_intake, stranger, **about))[0] == 403
    assert (await ask(shared_intake, district, f"/v1/evidence/{linked['id']}/file")).status_code == 404


def a_zip(**parts: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, words in parts.items():
            archive.writestr(name, words)
    return content.getvalue()


MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
REFUSED = {
    "nothing": (b"", "nothing_attached"),
    "a page": (b"<html><script>alert(1)</script>", "no_evidence"),
    "a program": (b"MZ\x90\x00", "no_evidence"),
    "a Word document": (a_zip(**{"[Content_Types].xml": "wordprocessingml"}), "no_evidence"),
    "a zip": (a_zip(a="b"), "no_evidence"),
    "a torn zip": (b"PK\x03\x04 and no end", "no_evidence"),
    "a workbook with macros": (
        a_zip(**{"[Content_Types].xml": f"{MAIN} vbaProject"}),
        "has_macros",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_file_that_is_no_evidence_is_refused_by_its_content_whatever_its_name_and_recorded(
    shared_intake: Service, commune: str, store: Path, what: str
) -> None:
    content, fault = REFUSED[what]
    answer = await attach(shared_intake, commune, content, unit=BORDER, period="2023-04", criterion="ntm-13")
    assert codes(answer) == (422, "file_refused", [fault])
    digest = hashlib.sha256(content).hexdigest()
    assert not (store / digest).exists()

    async def is_recorded() -> bool:
        return digest in (await ask(shared_intake, commune, "/v1/refusals")).text or await in_detail()

    async def in_detail() -> bool:
        items = (await ask(shared_intake, commune, "/v1/refusals")).json()["items"]
        details = [(await ask(shared_intake, commune, f"/v1/submissions/{one['id']}")).text for one in items]
        return any(digest in detail for detail in details)

    await eventually(is_recorded)


WRONG: dict[str, tuple[dict[str, str], tuple[int, str, list[str]]]] = {
    "a link without https": ({"link": "http://example.vn/a"}, (422, "refused", ["bad_link"])),
    "a script": ({"link": "javascript:alert(1)"}, (422, "refused", ["bad_link"])),
    "a link that hides its host": ({"link": "https://chinhphu.vn@example.com/"}, (422, "refused", ["bad_link"])),
    "a period to come": ({"period": "2031-01"}, (422, "refused", ["future_period"])),
    "no such criterion": ({"criterion": "ntm-99"}, (422, "refused", ["unknown_criterion"])),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_field_is_named_with_its_remedy(shared_intake: Service, commune: str, what: str) -> None:
    change, expected = WRONG[what]
    about = {"unit": BORDER, "period": "2023-04", "criterion": "ntm-13", "link": "https://example.vn/", **change}
    answer = await attach(shared_intake, commune, b"", **about)
    assert codes(answer) == expected
    for value in change.values():
        assert value.removeprefix("2031-") in answer.text


async def test_what_it_is_about_has_to_be_there(shared_intake: Service, commune: str) -> None:
    sent = await post(shared_intake, commune, poverty(153, "2022-11"))
    assert codes(await attach(shared_intake, commune))[2] == ["missing"] * 3
    assert codes(await attach(shared_intake, commune, submission=sent, element="schools"))[2] == ["not_a_figure_of_it"]
    answer = await attach(shared_intake, commune, submission=sent, link="https://example.vn/")
    assert codes(answer)[2] == ["file_and_link"]
    assert codes(await attach(shared_intake, commune, submission="00000000-0000-0000-0000-000000000000"))[0] == 404


async def test_a_picture_and_a_workbook_keep_the_ending_of_their_type(shared_intake: Service, commune: str) -> None:
    about = {"unit": BORDER, "period": "2023-04", "criterion": "ntm-14"}
    picture = await attached(shared_intake, commune, A_PNG, **{**about, "name": "C:\\Users\\an\\anh\u202egnp.exe"})
    assert (picture["file"]["type"], picture["name"]) == (FileType.PNG, "anhgnp.exe.png")
    workbook = await attached(shared_intake, commune, a_workbook(), **{**about, "name": "Biểu 11.XLSX"})
    assert (workbook["file"]["type"], workbook["name"]) == (FileType.XLSX, "Biểu 11.XLSX")


async def test_a_file_that_is_too_large_and_an_upload_that_is_cut_off_leave_nothing(
    shared_intake: Service, commune: str, store: Path
) -> None:
    before = names(store)
    about = {"name": NAME, "unit": BORDER, "period": "2023-04", "criterion": "ntm-13"}
    answer = await attach(shared_intake, commune, A_PDF + bytes(10 * 1024 * 1024), **about)
    assert codes(answer)[:2] == (413, "too_large")

    async def cut_off() -> Any:
        yield A_PDF
        raise ConnectionError

    async with shared_intake.client(commune) as client:
        with pytest.raises(ConnectionError):
            await client.post("/v1/evidence", params=about, content=cut_off())
    assert (await attach(shared_intake, commune, A_PDF, **about)).status_code == 202
    assert names(store) - before <= {hashlib.sha256(A_PDF).hexdigest()}


async def test_a_file_that_was_changed_or_lost_in_the_store_is_not_sent(
    shared_intake: Service, commune: str, store: Path
) -> None:
    about = {"unit": BORDER, "period": "2023-04", "criterion": "ntm-15"}
    made = await attached(shared_intake, commune, b"%PDF-1.4 changed", **about)
    path = store / made["file"]["sha256"]
    path.write_bytes(b"%PDF-1.4 forged!")
    assert codes(await ask(shared_intake, commune, f"/v1/evidence/{made['id']}/file"))[:2] == (500, "evidence_lost")
    path.unlink()
    assert codes(await ask(shared_intake, commune, f"/v1/evidence/{made['id']}/file"))[:2] == (500, "evidence_lost")


async def test_without_a_store_files_are_told_so_and_links_are_taken(around: Surroundings) -> None:
    intake = await around.start("intake", NTM_EVIDENCE_STORE="")
    key = await around.key(BORDER, agency="commune")
    about = {"unit": BORDER, "period": "2023-04", "criterion": "ntm-13"}
    assert codes(await attach(intake, key, **about))[:2] == (501, "no_evidence_store")
    assert (await attach(intake, key, b"", link="https://example.vn/", **about)).status_code == 202


async def test_the_tables_of_evidence_come_again_from_the_log_and_the_log_from_the_tables(
    around: Surroundings, intake: Service
) -> None:
    key = await around.key(BORDER, agency="commune")
    sent = await post(intake, key, poverty(150, "2023-01"))
    made = await attached(intake, key, submission=sent)

    async def is_listed() -> bool:
        return await evidence_of(intake, key, sent) == [made["id"]]

    await eventually(is_listed)
    (message,) = await around.published(subjects.ALL_EVIDENCE)
    await around.nats.jetstream().delete_msg(subjects.SUBMISSIONS_STREAM, message.metadata.sequence.stream)
    await around.ntm("audit", "repair")
    (again,) = await around.published(subjects.ALL_EVIDENCE)
    assert (again.data, again.headers and again.headers[MESSAGE_ID]) == (message.data, made["id"])
    await eventually(lambda: around.nothing_waits_for("intake"))  # a rebuild leaves to intake what it has yet to take
    async with around.engine.begin() as connection:
        await connection.execute(text("DELETE FROM intake.evidence"))
    rebuilt = await rebuild(around.engine, around.nats, binding_reference(), switch=True)
    assert (rebuilt.switched, rebuilt.unreadable) == (True, [])
    assert await is_listed()


async def test_a_store_keeps_each_content_once_and_names_what_is_wrong(tmp_path: Path) -> None:
    store = ObjectStore.at((tmp_path / "files").as_uri())
    digests = {await store.put(content) for content in (b"one", b"one", b"two")}
    assert set(await store.digests()) == digests
    one = hashlib.sha256(b"one").hexdigest()
    assert await store.fault(one) is None
    (tmp_path / "files/sha256" / one).write_bytes(b"other")
    assert (await store.fault(one), await store.fault("0" * 64)) == ("changed", "missing")


async def test_a_backup_holds_the_files_and_the_audit_and_the_backup_name_what_is_missing_or_changed(
    around: Surroundings, intake: Service, tmp_path: Path
) -> None:
    key = await around.key(BORDER, agency="commune")
    await around.start("scoring")
    about = {"unit": BORDER, "period": "2023-04", "criterion": "ntm-13"}
    kept, changed, missing = [
        await attached(intake, key, b"%PDF-1.4 " + word, **{**about, "name": f"{word.decode()}.pdf"})
        for word in (b"kept", b"changed", b"missing")
    ]

    async def all_are_listed() -> bool:
        return len((await ask(intake, key, "/v1/evidence", unit=BORDER)).json()["items"]) == 3

    await eventually(all_are_listed)
    folder = Path(around.env["NTM_EVIDENCE_STORE"].removeprefix("file://")) / "sha256"
    assert "3 tệp minh chứng trong nhật ký" in await around.ntm("audit", "verify")
    whole = tmp_path / "whole.backup"
    assert "3 tệp minh chứng" in await around.ntm("backup", str(whole))

    (folder / changed["file"]["sha256"]).write_bytes(b"%PDF-1.4 forged!")
    (folder / missing["file"]["sha256"]).unlink()
    (folder / hashlib.sha256(b"of nobody").hexdigest()).write_bytes(b"of nobody")
    audited = await around.ntm("audit", "verify", status=1)
    named = [line for line in audited.splitlines() if ".pdf" in line]
    assert [line.split(":")[0] for line in named] == ["bị thay đổi", "mất"]
    assert ("changed.pdf" in named[0], "missing.pdf" in named[1]) == (True, True)
    assert "1 tệp trong kho không thuộc minh chứng nào" in audited
    torn = tmp_path / "torn.backup"
    said = await around.ntm("backup", str(torn))
    lacking = [line for line in said.splitlines() if line.startswith("THIẾU")]
    assert ["changed.pdf" in "".join(lacking), "missing.pdf" in "".join(lacking), len(lacking)] == [True, True, 2]
    assert "missing.pdf" in await around.ntm("backup", "--verify", str(torn))
    in_backup = verified(torn, None).evidence
    assert [one["file"]["sha256"] in in_backup for one in (kept, changed, missing)] == [True, False, False]

    store = ObjectStore.at((tmp_path / "restored").as_uri())
    await files.restore(store, parts(whole, None))
    wanted = sorted(one["file"]["sha256"] for one in (kept, changed, missing))
    assert await store.digests() == wanted
    assert [await store.fault(digest) for digest in wanted] == [None] * 3

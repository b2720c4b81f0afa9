"""The postbox: the mails and SMS that it keeps, its gateway's answers, and its page."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP

from deploy.local.gateways import SMS_PATH, SPEEDSMS_PATH
from deploy.local.outbox import Outbox
from deploy.local.postbox import GatewayKeys, Postbox

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture
def postbox(tmp_path: Path) -> Postbox:
    return Postbox(tmp_path, GatewayKeys("api-key", "secret-key"))


@pytest.fixture
async def http(postbox: Postbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(postbox.app), base_url="http://postbox") as client:
        yield client


@pytest.fixture
async def smtp_port(postbox: Postbox) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(postbox, hostname="test", enable_SMTPUTF8=True, loop=loop), "127.0.0.1"
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


def an_sms(**changes: Any) -> dict[str, Any]:
    request = {
        "ApiKey": "api-key",
        "SecretKey": "secret-key",
        "Phone": "+84912345678",
        "Content": "NTM: xa Diem He (06280) cham tien do tieu chi 11.",
        "Brandname": "VPDP-NTM-LS",
        "SmsType": "2",
        "IsUnicode": "0",
        "RequestId": "notice-1",
    }
    return {name: value for name, value in (request | changes).items() if value is not None}


def a_mail(subject: str = "Xã Điềm He chậm tiến độ", html: str | None = "<p>Tiêu chí 11</p>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Văn phòng Điều phối <ntm@example.vn>"
    message["To"] = "phong-ldtbxh@example.vn"
    message["Subject"] = subject
    message.set_content("Tiêu chí 11: 18,2 %")
    if html:
        message.add_alternative(html, subtype="html")
    return message


def send(port: int, message: EmailMessage | bytes) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        if isinstance(message, EmailMessage):
            client.send_message(message)
        else:
            client.sendmail("a@example.vn", ["b@example.vn", "c@example.vn"], message)


async def code_of(http: httpx.AsyncClient, **changes: Any) -> str:
    answer = await http.post(SMS_PATH, json=an_sms(**changes))
    assert answer.status_code == 200
    return str(answer.json()["CodeResult"])


async def test_a_mail_is_kept_and_listed(postbox: Postbox, http: httpx.AsyncClient, smtp_port: int) -> None:
    await asyncio.to_thread(send, smtp_port, a_mail())

    (item,) = (await http.get("/outbox.json")).json()["items"]
    assert item["kind"] == "mail"
    assert item["to"] == ["phong-ldtbxh@example.vn"]
    assert item["subject"] == "Xã Điềm He chậm tiến độ"
    assert item["text"].strip() == "Tiêu chí 11: 18,2 %"
    assert len(list(postbox.outbox.mail.glob("*.eml"))) == 1


async def test_an_sms_is_accepted_with_an_id_and_kept(postbox: Postbox, http: httpx.AsyncClient) -> None:
    answer = (await http.post(SMS_PATH, json=an_sms())).json()

    assert answer["CodeResult"] == "100"
    (sent,) = postbox.outbox.items
    assert (sent.id, sent.to, sent.text) == (answer["SMSID"], ["+84912345678"], an_sms()["Content"])


async def test_the_same_request_id_is_kept_once_also_after_a_restart(
    postbox: Postbox, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    first = (await http.post(SMS_PATH, json=an_sms())).json()
    second = (await http.post(SMS_PATH, json=an_sms())).json()
    assert (second["CodeResult"], second["SMSID"]) == ("124", first["SMSID"])

    restarted = Postbox(tmp_path, GatewayKeys("api-key", "secret-key"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(restarted.app), base_url="http://postbox") as again:
        assert await code_of(again) == "124"
    assert len(list(postbox.outbox.sms.glob("*.json"))) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ApiKey": "wrong"}, "101"),
        ({"SecretKey": None}, "101"),
        ({"Phone": None}, "108"),
        ({"Phone": "02053812345"}, "108"),
        ({"Phone": "đêm"}, "108"),
        ({"Content": ""}, "99"),
        ({"Content": "Xã Điềm He"}, "99"),
        ({"Content": "a" * 460}, "131"),
        ({"Content": "ệ" * 202, "IsUnicode": "1"}, "131"),
        ({"Brandname": "LONGER-THAN-11"}, "104"),
        ({"SmsType": "8"}, "118"),
        ({"SmsType": 2, "Phone": "0912345678"}, "100"),
        ({"Content": "Xã Điềm He", "IsUnicode": "1"}, "100"),
    ],
)
async def test_the_gateway_says_what_is_wrong(http: httpx.AsyncClient, changes: dict[str, Any], code: str) -> None:
    assert await code_of(http, **changes) == code


@pytest.mark.parametrize(
    ("changes", "key", "code"),
    [
        ({}, "api-key", "00"),
        ({}, "wrong", "009"),
        ({"to": []}, "api-key", "101"),
        ({"to": ["02053812345"]}, "api-key", "105"),
        ({"content": "Xã Điềm He"}, "api-key", "110"),
        ({"content": "a" * 460}, "api-key", "113"),
        ({"content": "a" * 70_000}, "api-key", "101"),
    ],
)
async def test_the_gateway_speaks_speedsms_too(
    postbox: Postbox, http: httpx.AsyncClient, changes: dict[str, Any], key: str, code: str
) -> None:
    request = {"to": ["84912345678"], "content": "NTM: xa Diem He", "sms_type": 3, "sender": "VPDP-NTM-LS"}
    answer = (await http.post(SPEEDSMS_PATH, json=request | changes, auth=(key, "x"))).json()
    assert answer["code"] == code
    assert [sent.to for sent in postbox.outbox.items] == ([["84912345678"]] if code == "00" else [])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"Phone": ["x"]}', b"\xff\xfe\x00", b'"' * 30_000])
async def test_a_broken_body_is_refused_and_the_next_message_accepted(http: httpx.AsyncClient, content: bytes) -> None:
    answer = await http.post(SMS_PATH, content=content)
    assert answer.status_code == 400
    assert answer.json()["CodeResult"] == "99"
    assert await code_of(http) == "100"


async def test_a_body_that_never_ends_is_cut_off(http: httpx.AsyncClient) -> None:
    assert (await http.post(SMS_PATH, content=b" " * 100_000)).status_code == 413


async def test_hostile_text_is_escaped_on_the_page(http: httpx.AsyncClient, smtp_port: int) -> None:
    await asyncio.to_thread(send, smtp_port, a_mail(subject=HOSTILE, html=HOSTILE))
    await code_of(http, Content=HOSTILE)

    for path in ("/", "/mail/1"):
        page = await http.get(path)
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_the_html_part_is_shown_where_it_can_run_nothing(http: httpx.AsyncClient, smtp_port: int) -> None:
    await asyncio.to_thread(send, smtp_port, a_mail(html=HOSTILE))

    assert '<iframe sandbox src="/mail/1.html"' in (await http.get("/mail/1")).text
    part = await http.get("/mail/1.html")
    assert part.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    "raw",
    [
        b"no header at all",
        b"Subject: =?utf-9?q?x?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        b"From: <<<>>>@@\r\nTo: :;:;\r\nMessage-ID: [<\r\nDate: never\r\nSubject:\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
        b"Content-Type: text/html; charset=utf-7\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
    ],
)
async def test_a_broken_mail_is_kept_and_shown(http: httpx.AsyncClient, smtp_port: int, raw: bytes) -> None:
    await asyncio.to_thread(send, smtp_port, raw)

    assert (await http.get("/outbox.json")).json()["items"][0]["to"] == ["b@example.vn", "c@example.vn"]
    for path in ("/", "/mail/1", "/mail/1.html"):
        assert (await http.get(path)).status_code == 200
    assert raw.rstrip() in (await http.get("/mail/1.eml")).content


async def test_the_list_continues_from_where_it_was_read(http: httpx.AsyncClient) -> None:
    for number in range(5):
        await code_of(http, RequestId=f"notice-{number}")

    first = (await http.get("/outbox.json?since=0&limit=2")).json()
    rest = (await http.get(f"/outbox.json?since={first['next']}")).json()
    newest = (await http.get("/outbox.json?limit=2")).json()
    assert [item["n"] for item in first["items"] + rest["items"]] == [1, 2, 3, 4, 5]
    assert [item["n"] for item in newest["items"]] == [4, 5]
    assert (await http.get("/outbox.json?since=x")).status_code == 400


async def test_older_messages_are_a_page_further(http: httpx.AsyncClient) -> None:
    for number in range(52):
        await code_of(http, RequestId=f"notice-{number}")

    page = (await http.get("/")).text
    assert "#52 " in page
    assert "#2 " not in page
    assert "#2 " in (await http.get("/?before=3")).text


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    Outbox(tmp_path).keep_mail("a@example.vn", ["b@example.vn"], bytes(a_mail()))
    (tmp_path / "mail" / "000002.eml").write_bytes(b"")
    (tmp_path / "sms" / "000003.json").write_bytes(b"{")

    outbox = Outbox(tmp_path)
    assert [sent.n for sent in outbox.items] == [1]
    assert outbox.keep_sms("NTM", "+84912345678", "x", None).n == 4

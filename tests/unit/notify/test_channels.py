"""The channels: the requests that they send, and the outcomes that providers' answers mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from aiosmtplib import errors
from pydantic import ValidationError

from services.notify.alerts.notice import Notice, NoticeStatus, Wording
from services.notify.contacts.masking import mask_address, mask_in
from services.notify.delivery.attempts import status_after
from services.notify.delivery.channels.channel import Outcome, Result
from services.notify.delivery.channels.email import compose, connecting_failed, sending_failed
from services.notify.delivery.channels.http import retry_after
from services.notify.delivery.channels.sms.esms import read_answer
from services.notify.settings import NotifySettings

NOW = datetime(2023, 6, 30, 2, 15, tzinfo=UTC)
SENDER = Address("Điều phối NTM", addr_spec="ntm@langson.example.vn")


def a_notice(**fields: Any) -> Notice:
    known = {
        "id": UUID(int=1),
        "request_id": UUID(int=2),
        "thread": UUID(int=4),
        "unit_code": "06280",
        "recipient": "district_office@184",
        "name": "Phòng Lao động huyện Văn Quan",
        "channel": "email",
        "address": "vanquan@example.vn",
        "language": "vi",
        "wording": Wording("Nội dung", "Xã Điềm He chậm tiến độ", "<p>Nội dung</p>"),
        "created_at": NOW,
        "attempts": 0,
        "retry_until": NOW + timedelta(days=1),
        "leased_until": NOW + timedelta(minutes=1),
    }
    return Notice(**{**known, **fields})


def some_settings(**fields: Any) -> NotifySettings:
    return NotifySettings(database_url="postgresql+asyncpg://x", smtp_host="localhost", smtp_from="a@b.vn", **fields)


def read(mail: EmailMessage) -> EmailMessage:
    parsed = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_mail_has_text_and_html_and_threads_by_commune_and_criterion() -> None:
    mail = read(compose(a_notice(), SENDER))
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in mail.iter_parts()] == ["utf-8", "utf-8"]
    assert mail["Subject"] == "Xã Điềm He chậm tiến độ"
    assert mail["From"] == "Điều phối NTM <ntm@langson.example.vn>"
    assert mail["Message-ID"] == f"<{UUID(int=2)}@langson.example.vn>"
    assert mail["References"] == mail["In-Reply-To"] == f"<thread.{UUID(int=4)}@langson.example.vn>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOW


def test_a_mail_composed_again_has_the_same_headers() -> None:
    assert compose(a_notice(), SENDER).items() == compose(a_notice(), SENDER).items()


@pytest.mark.parametrize("hostile", ["X\r\nBcc: evil@example.vn", "X\nBcc: evil@example.vn", "X\x00\x0bBcc: e@x.vn"])
def test_what_people_have_written_cannot_add_a_header(hostile: str) -> None:
    mail = read(compose(a_notice(name=hostile, wording=Wording("t", hostile, "<p>")), SENDER))
    assert mail["Bcc"] is None
    assert mail["To"].addresses[0].addr_spec == "vanquan@example.vn"
    assert len(mail["To"].addresses) == 1


@pytest.mark.parametrize("address", ["", "nobody", "a@b\r\nBcc: c@d.vn", "a b@c.vn", "a@", '"'])
def test_what_is_no_address_cannot_be_composed(address: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compose(a_notice(address=address), SENDER)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (errors.SMTPRecipientsRefused([errors.SMTPRecipientRefused(550, "no such user", "a@b.vn")]), Result.PERMANENT),
        (errors.SMTPRecipientsRefused([errors.SMTPRecipientRefused(450, "mailbox busy", "a@b.vn")]), Result.TEMPORARY),
        (errors.SMTPDataError(554, "refused"), Result.PERMANENT),
        (errors.SMTPDataError(452, "disk full"), Result.TEMPORARY),
        (errors.SMTPSenderRefused(550, "not your address", "x@y.vn"), Result.TECHNICAL),
        (errors.SMTPRecipientsRefused([errors.SMTPRecipientRefused(530, "log in", "a@b.vn")]), Result.TECHNICAL),
        (errors.SMTPServerDisconnected("gone"), Result.TEMPORARY),
        (errors.SMTPReadTimeoutError("slow"), Result.TEMPORARY),
        (ConnectionResetError(), Result.TEMPORARY),
        (errors.SMTPNotSupported("SMTPUTF8"), Result.PERMANENT),
    ],
)
def test_what_a_mail_server_answers_to_a_mail(error: Exception, result: Result) -> None:
    assert sending_failed(error).result is result


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (errors.SMTPConnectError("refused"), Result.TEMPORARY),
        (errors.SMTPConnectTimeoutError("slow"), Result.TEMPORARY),
        (errors.SMTPConnectResponseError(554, "not now"), Result.TEMPORARY),
        (errors.SMTPAuthenticationError(535, "wrong password"), Result.TECHNICAL),
        (errors.SMTPException("SMTP STARTTLS extension not supported by server."), Result.TECHNICAL),
    ],
)
def test_what_a_failed_connection_means(error: Exception, result: Result) -> None:
    assert connecting_failed(error).result is result


@pytest.mark.parametrize(
    ("status", "answer", "result"),
    [
        (200, {"CodeResult": "100", "SMSID": "7"}, Result.SENT),
        (200, {"CodeResult": "124", "ErrorMessage": "RequestId exists"}, Result.SENT),
        (200, {"CodeResult": "101", "ErrorMessage": "Authorize Failed"}, Result.TECHNICAL),
        (200, {"CodeResult": "103"}, Result.TECHNICAL),
        (200, {"CodeResult": "99"}, Result.TEMPORARY),
        (200, {"CodeResult": "131"}, Result.PERMANENT),
        (200, {"CodeResult": "999"}, Result.TEMPORARY),
        (200, {"CodeResult": 100}, Result.SENT),
        (400, {"CodeResult": "99"}, Result.TEMPORARY),
        (404, {}, Result.TECHNICAL),
        (200, {}, Result.TEMPORARY),
    ],
)
def test_what_the_gateway_answers(status: int, answer: dict[str, Any], result: Result) -> None:
    assert read_answer(status, answer).result is result


def test_a_gateway_that_asks_for_patience_gets_it() -> None:
    outcome = Outcome(Result.TEMPORARY, "HTTP 429", retry_after_seconds=retry_after("120"))
    _, due = status_after(a_notice(), outcome, some_settings(), NOW)
    assert due
    assert due >= NOW + timedelta(seconds=120)


TEMPORARY = Outcome(Result.TEMPORARY, "busy")


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 1), (1, 2), (2, 4), (9, 512), (10, 900), (5000, 900)])
def test_the_wait_doubles_up_to_a_quarter_of_an_hour(attempts: int, seconds: float) -> None:
    status, due = status_after(a_notice(attempts=attempts), TEMPORARY, some_settings(), NOW)
    assert status is NoticeStatus.TEMPORARY_FAILURE
    assert due
    assert 0.75 * seconds <= (due - NOW).total_seconds() <= 1.25 * seconds


def test_after_a_day_a_notice_has_failed_for_good() -> None:
    notice = replace(a_notice(attempts=100), retry_until=NOW + timedelta(seconds=60))
    assert status_after(notice, TEMPORARY, some_settings(), NOW) == (NoticeStatus.PERMANENT_FAILURE, None)


def test_refused_keys_are_tried_again_and_shown_as_a_technical_failure() -> None:
    status, due = status_after(a_notice(), Outcome(Result.TECHNICAL, "keys"), some_settings(), NOW)
    assert status is NoticeStatus.TECHNICAL_FAILURE
    assert due


@pytest.mark.parametrize("result", [Result.SENT, Result.PERMANENT])
def test_what_is_sent_or_failed_for_good_is_not_due_again(result: Result) -> None:
    assert status_after(a_notice(), Outcome(result, "-"), some_settings(), NOW) == (NoticeStatus(result.value), None)


@pytest.mark.parametrize(
    ("address", "shown"),
    [("+84912345678", "***678"), ("phong.ld@example.vn", "p***@example.vn"), ("", "")],
)
def test_addresses_are_masked(address: str, shown: str) -> None:
    assert mask_address(address) == shown


def test_an_address_is_masked_where_a_provider_quotes_it() -> None:
    assert mask_in("550 <a@b.vn>: unknown", "a@b.vn") == "550 <a***@b.vn>: unknown"
    assert mask_in("bad number 84912345678, 0912345678", "+84912345678") == "bad number ***678, ***678"
    assert mask_in("nothing", "") == "nothing"


def test_a_gateway_without_keys_is_refused_at_the_start() -> None:
    with pytest.raises(ValidationError, match="NTM_SMS_API_KEY"):
        some_settings(sms_url="https://sms.example.vn")


def test_a_sender_s_name_has_at_most_eleven_characters() -> None:
    with pytest.raises(ValidationError, match="sms_brandname"):
        some_settings(sms_brandname="SoLaoDongLangSon")


@pytest.mark.parametrize("sender", ["", "Điều phối NTM", "Name <nobody>"])
def test_a_sender_without_an_address_is_refused_at_the_start(sender: str) -> None:
    with pytest.raises(ValidationError, match="smtp_from"):
        NotifySettings(database_url="postgresql+asyncpg://x", smtp_host="localhost", smtp_from=sender)

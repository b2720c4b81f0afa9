"""Answers to mails: what they say, whom they come from, and the addresses that prove which notice is meant."""

from __future__ import annotations

from base64 import b64encode
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr, ValidationError

from services.notify.alerts.answer_addresses import LONGEST_NAME, AnswerAddresses
from services.notify.answers.mail import LONGEST_MAIL, read_mail
from services.notify.delivery.channels.email import compose
from tests.unit.notify.test_channels import SENDER, a_notice, read, some_settings

SECRET = "a secret of the tests, long enough to be one"
MAILBOX = "traloi@langson.example.vn"
ADDRESSES = AnswerAddresses(SecretStr(SECRET), MAILBOX)
NOTICE, RECIPIENT = UUID("8a6e0804-2bd0-4672-b79d-d97027f9071a"), "vanquan@example.vn"
ADDRESS = ADDRESSES.address(NOTICE, RECIPIENT)


def an_answer(words: str = "OK", **headers: str) -> bytes:
    mail = EmailMessage()
    for name, value in ({"From": RECIPIENT, "To": ADDRESS} | headers).items():
        mail[name.replace("_", "-")] = value
    mail.set_content(words)
    return mail.as_bytes()


@pytest.mark.parametrize(
    "first",
    ["1", "OK", "ok", "Ok.", "  OK! ", "đã nhận", "Đã nhận.", "ĐÃ NHẬN", "da nhan", "Da nhan!", "\n\nOK", "Đã nhận"],
)
def test_what_counts_as_received(first: str) -> None:
    assert read_mail(an_answer(first)).says_received


@pytest.mark.parametrize(
    "first",
    [
        "10",
        "11",
        "1 2",
        "oke",
        "OK nhưng cần thêm kinh phí",
        "chưa nhận",
        "không ok",
        "đã nhận được",
        "",
        "a\nOK",
        "> OK",
    ],
)
def test_what_is_a_note_or_nothing(first: str) -> None:
    assert not read_mail(an_answer(first)).says_received


def test_what_follows_the_first_line_is_its_note_without_what_is_quoted() -> None:
    quoted = "Vào Th 2, 3 thg 7, 2023 vào lúc 09:12 Điều phối NTM\n<traloi@langson.example.vn> đã viết:\n> Xã Điềm He"
    mail = read_mail(an_answer(f"Đã nhận.\nSẽ rà soát trong tuần.\n\n{quoted}"))
    assert (mail.says_received, mail.note) == (True, "Sẽ rà soát trong tuần.")


@pytest.mark.parametrize(
    "quoted",
    [
        "On Mon, Jul 3, 2023 at 9:12 AM NTM <a@b.vn> wrote:\n> x",
        "-----Original Message-----\nFrom: NTM",
        "________________________________\nFrom: NTM",
        "Từ: Điều phối NTM <a@b.vn>\nĐã gửi: Thứ Hai",
        "Sent from my iPhone",
        "--\nNguyễn Văn An",
    ],
)
def test_quotations_and_signatures_are_left_out(quoted: str) -> None:
    assert read_mail(an_answer(f"Từ hôm nay tôi lo việc này\n{quoted}")).words == "Từ hôm nay tôi lo việc này"


def test_html_alone_is_read_as_people_see_it() -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = RECIPIENT, ADDRESS
    hidden, quoted = "<head><style>OK</style></head>", "<blockquote>Xã Điềm He</blockquote>"
    mail.set_content(f"<html>{hidden}<div>Đã&nbsp;nhận<br></div>{quoted}</html>", subtype="html")
    read_of = read_mail(mail.as_bytes())
    assert (read_of.words, read_of.says_received) == ("Đã nhận", True)


def test_a_text_in_any_charset_is_read_and_one_in_none_is_replaced() -> None:
    head = f"From: {RECIPIENT}\r\nTo: {ADDRESS}\r\nContent-Type: text/plain; charset=".encode()
    utf_16 = b"utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b64encode("Đã nhận".encode("utf-16"))
    assert read_mail(head + utf_16).says_received
    assert read_mail(head + b"nonsense-7\r\n\r\nOK").says_received
    assert not read_mail(head + b"utf-8\r\n\r\n\xff\xfe\x00 x OK").says_received


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "Auto-Generated; x=1"},
        {"X_Auto_Response_Suppress": "All"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"Return_Path": "<>"},
        {"List_Id": "<x.example.vn>"},
        {"From": "MAILER-DAEMON@example.vn"},
    ],
)
def test_what_programs_write_is_known_as_such(headers: dict[str, str]) -> None:
    assert read_mail(an_answer(**headers)).is_automatic


def test_a_report_about_delivery_is_known_as_such_and_a_person_is_not() -> None:
    report = (
        b"From: x@example.vn\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b--"
    )
    assert read_mail(report).is_automatic
    assert not read_mail(an_answer(Auto_Submitted="no", Return_Path=f"<{RECIPIENT}>")).is_automatic


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 1000,
        b"OK",
        b"From: \r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 3000,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (at, at) for at in range(3000)),
        b"From: " + b"<" * 200_000,
        b"From: " + b"a@b.vn," * 30_000,
        b"To: =?utf-8?b?" + b"A" * 200_000,
        b"Content-Type: text/html\r\n\r\n" + b"<div" * 60_000,
        b"Content-Type: text/html\r\n\r\n" + b"<div>" * 50_000,
        b"Content-Type: text/html\r\n\r\n" + b"<!--" * 60_000,
        b"Content-Type: text/html\r\n\r\n" + b"<a x='" * 40_000,
        b"Content-Type: text/plain\r\n\r\n" + b"on x\n" * 50_000,
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"A" * 100_001,
        b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    ],
)
def test_a_hostile_mail_says_nothing_or_cannot_be_read(raw: bytes) -> None:
    try:
        mail = read_mail(raw)
    except Exception:  # noqa: BLE001 - whatever the parser says: its caller records such a mail
        return
    assert not (mail.says_received and mail.senders)
    assert len(mail.words) <= 500


def test_an_answer_is_read_whose_picture_is_larger_than_what_is_read() -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = RECIPIENT, ADDRESS
    mail.set_content("OK")
    mail.add_attachment(b"x" * LONGEST_MAIL * 2, maintype="image", subtype="png", filename="ảnh.png")
    assert read_mail(mail.as_bytes()).says_received


def test_what_is_attached_or_forwarded_within_is_not_what_the_writer_says() -> None:
    mail = EmailMessage()
    mail.set_content("Chưa xong")
    mail.add_attachment("OK", filename="ok.txt")
    assert read_mail(mail.as_bytes()).words == "Chưa xong"
    within, outer = EmailMessage(), EmailMessage()
    within.set_content("OK")
    outer.add_attachment(within)
    assert read_mail(outer.as_bytes()).words == ""


def test_a_mail_names_the_address_for_answers_and_it_fits_what_mail_servers_allow() -> None:
    mail = read(compose(a_notice(), SENDER, ADDRESSES))
    [reply_to] = mail["Reply-To"].addresses
    token = ADDRESSES.token_in([reply_to.addr_spec])
    assert token
    assert (token.notice, ADDRESSES.proves(token, "vanquan@example.vn")) == (UUID(int=1), True)
    longest = AnswerAddresses(SecretStr(SECRET), f"{'a' * LONGEST_NAME}@x.vn").address(NOTICE, RECIPIENT)
    assert len(longest.partition("@")[0]) == 64
    assert compose(a_notice(), SENDER)["Reply-To"] is None


def test_a_token_is_good_for_its_notice_and_its_recipient_alone() -> None:
    token = ADDRESSES.token_in(["other@example.vn", ADDRESS.upper()])
    assert token
    assert ADDRESSES.proves(token, RECIPIENT.upper())
    assert not ADDRESSES.proves(token, "other@example.vn")
    assert not ADDRESSES.proves(token._replace(notice=UUID(int=1)), RECIPIENT)
    assert not AnswerAddresses(SecretStr(SECRET + "!"), MAILBOX).proves(token, RECIPIENT)


@pytest.mark.parametrize(
    "addresses",
    [
        [],
        [MAILBOX],
        ["traloi+@langson.example.vn"],
        ["traloi+short@langson.example.vn"],
        [f"traloi+{'1' * 42}@langson.example.vn"],
        [f"traloi+{'ấ' * 42}@langson.example.vn"],
        [ADDRESS.replace("langson", "evil")],
        [ADDRESS.replace("traloi", "khac")],
        [ADDRESS.replace("+", "")],
        [ADDRESS + "x"],
        [ADDRESS, ADDRESSES.address(UUID(int=1), RECIPIENT)],
    ],
)
def test_what_names_no_notice_or_several_is_unknown(addresses: list[str]) -> None:
    assert ADDRESSES.token_in(addresses) is None


def test_the_same_address_in_several_headers_is_one() -> None:
    assert ADDRESSES.token_in([ADDRESS, ADDRESS.title()])


WHOLE = {"link_secret": SECRET, "mail_answers_host": "imap.x.vn", "mail_answers_password": "p"}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"mail_answers_address": MAILBOX}, "NTM_LINK_SECRET, NTM_MAIL_ANSWERS_HOST, NTM_MAIL_ANSWERS_PASSWORD"),
        (WHOLE | {"mail_answers_address": "tra+loi@x.vn"}, "NTM_MAIL_ANSWERS_ADDRESS"),
        (WHOLE | {"mail_answers_address": "trả.lời@x.vn"}, "NTM_MAIL_ANSWERS_ADDRESS"),
        (WHOLE | {"mail_answers_address": f"{'a' * (LONGEST_NAME + 1)}@x.vn"}, f"at most {LONGEST_NAME} characters"),
        (WHOLE | {"mail_answers_address": MAILBOX, "mail_answers_ca_file": "/no.pem"}, "NTM_MAIL_ANSWERS_CA_FILE"),
    ],
)
def test_settings_that_are_not_whole_name_what_is_missing(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        some_settings(**fields)
    assert some_settings().answer_addresses is None
    assert some_settings(**WHOLE, mail_answers_address=MAILBOX).answer_addresses

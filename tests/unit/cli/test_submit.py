"""`ntm submit` against an HTTP server that the test runs."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from deploy.local.running_system import RunningSystem
from services.cli.main import app
from services.cli.submission_file import UnreadableFileError, read
from services.cli.submit import NOT_ANSWERED, REFUSED, UNUSABLE
from tests.builders import a_posted_submission
from tests.ports import free_port

KEY = "ntm_0123456789ab_" + "s" * 43


@dataclass
class Intake:
    """An intake that sends its `answers` in order, and after them accepts every submission."""

    answers: list[tuple[int, dict[str, str], bytes] | None] = field(default_factory=list)
    """None: intake closes the connection before it answers."""
    requests: list[tuple[dict[str, str], list[Any]]] = field(default_factory=list)
    url: str = ""

    def refuse(self, status: int, **headers: str) -> None:
        document = {"title": "Quá nhiều", "detail": "Hãy chờ [bold]"}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, sent, json.dumps(document).encode()))


@pytest.fixture
def intake() -> Iterator[Intake]:
    told = Intake()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            items = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.requests.append((dict(self.headers), items))
            accepted = json.dumps({"items": [{"status": "accepted"} for _ in items]}).encode()
            answer = told.answers.pop(0) if told.answers else (202, {}, accepted)
            if answer is None:
                self.close_connection = True
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def submit(intake: Intake, directory: Path, content: bytes | str, name: str = "f.json", key: str = KEY) -> Result:
    file = directory / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    nowhere = "http://127.0.0.1:9"
    RunningSystem(
        intake_url=intake.url,
        scoring_url=nowhere,
        notify_url=nowhere,
        postbox_url=nowhere,
        nats_url=nowhere,
        database_url=nowhere,
        clock="real",
    ).write(directory)
    result = CliRunner().invoke(app, ["submit", str(file), "--data", str(directory), "--key", key])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    assert KEY not in result.output
    return result


def test_what_is_in_the_file_is_posted(intake: Intake, tmp_path: Path) -> None:
    result = submit(intake, tmp_path, json.dumps([a_posted_submission()]))
    assert result.exit_code == 0
    assert "1 tiếp nhận, 0 từ chối / 1 accepted, 0 refused" in result.output
    headers, items = intake.requests[0]
    assert items == [a_posted_submission()]
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_the_same_file_is_posted_under_the_same_keys(intake: Intake, tmp_path: Path) -> None:
    items = [a_posted_submission(revision=number + 1) for number in range(1500)]
    submit(intake, tmp_path, json.dumps(items))
    submit(intake, tmp_path, "\n".join(json.dumps(item) for item in items), "f.ndjson")
    keys = [headers["Idempotency-Key"] for headers, _ in intake.requests]
    assert [len(items) for _, items in intake.requests] == [1000, 500, 1000, 500]
    assert keys[:2] == keys[2:]
    assert keys[0] != keys[1]


def test_a_corrected_file_keeps_the_keys_of_what_it_did_not_change(intake: Intake, tmp_path: Path) -> None:
    items = [a_posted_submission(revision=number % 1000 + 1) for number in range(1500)]
    submit(intake, tmp_path, json.dumps(items))
    submit(intake, tmp_path, json.dumps([*items[:-1], a_posted_submission(period="2023-05")]))
    keys = [headers["Idempotency-Key"] for headers, _ in intake.requests]
    assert keys[0] == keys[2]
    assert keys[1] != keys[3]


def test_large_submissions_are_posted_in_smaller_parts(intake: Intake, tmp_path: Path) -> None:
    submit(intake, tmp_path, json.dumps([a_posted_submission(source_ref="x" * 500_000)] * 10))
    assert [len(items) for _, items in intake.requests] == [5, 5]


@pytest.mark.parametrize("status", [429, 503, 502])
def test_a_busy_server_is_asked_again_with_the_same_key(intake: Intake, tmp_path: Path, status: int) -> None:
    intake.refuse(status, Retry_After="0")
    intake.refuse(status, Retry_After="1")
    result = submit(intake, tmp_path, json.dumps(a_posted_submission()))
    assert result.exit_code == 0
    assert "Thử lại sau 1 giây. / Trying again in 1 s." in result.output
    assert "Hãy chờ [bold]" in result.output
    assert len({headers["Idempotency-Key"] for headers, _ in intake.requests}) == 1
    assert len(intake.requests) == 3


def test_a_lost_answer_is_asked_for_again(intake: Intake, tmp_path: Path) -> None:
    intake.answers.append(None)
    assert submit(intake, tmp_path, json.dumps(a_posted_submission())).exit_code == 0
    assert len({headers["Idempotency-Key"] for headers, _ in intake.requests}) == 1


def test_a_server_that_stays_busy_is_given_up(intake: Intake, tmp_path: Path) -> None:
    items = [a_posted_submission(revision=number + 1) for number in range(1001)]
    intake.answers.append((202, {}, json.dumps({"items": [{"status": "accepted"}] * 1000}).encode()))
    for _ in range(5):
        intake.refuse(503, Retry_After="0")
    result = submit(intake, tmp_path, json.dumps(items))
    assert result.exit_code == NOT_ANSWERED
    assert "Đã tiếp nhận 1000" in result.output
    assert "1000 accepted so far. Run it again" in result.output
    assert len(intake.requests) == 6


def test_nobody_waits_for_hours(intake: Intake, tmp_path: Path) -> None:
    intake.refuse(503, Retry_After="7200")
    assert submit(intake, tmp_path, json.dumps(a_posted_submission())).exit_code == NOT_ANSWERED
    assert len(intake.requests) == 1


def test_refused_items_are_named(intake: Intake, tmp_path: Path) -> None:
    fault = {"pointer": "/readings/households", "detail": "-1 nhỏ hơn mức [tối thiểu] 0"}
    problem = {"title": "Không được chấp nhận", "errors": [fault]}
    items = [{"status": "accepted"}, {"status": "refused", "problem": problem}]
    intake.answers.append((202, {}, json.dumps({"items": items}).encode()))
    result = submit(intake, tmp_path, json.dumps([a_posted_submission()] * 2))
    assert result.exit_code == REFUSED
    assert "2: /readings/households: -1 nhỏ hơn mức [tối thiểu] 0" in result.output
    assert "1 accepted, 1 refused" in result.output


@pytest.mark.parametrize(("status", "code"), [(401, UNUSABLE), (413, REFUSED)])
def test_a_refused_request_says_why(intake: Intake, tmp_path: Path, status: int, code: int) -> None:
    intake.refuse(status)
    result = submit(intake, tmp_path, json.dumps(a_posted_submission()))
    assert result.exit_code == code
    assert f"{status} Quá nhiều: Hãy chờ" in result.output


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<html>Welcome</html>"),
        (200, {}, b"[]"),
        (202, {}, b'{"items": []}'),
        (202, {}, b'{"items": 5}'),
        (302, {"Location": "/login"}, b""),
        (500, {}, b"[" * 100_000),
        (500, {}, b'{"title": "x", "errors": []}'),
    ],
)
def test_a_server_that_is_not_intake_is_told_apart(
    intake: Intake, tmp_path: Path, answer: tuple[int, dict[str, str], bytes]
) -> None:
    intake.answers.append(answer)
    result = submit(intake, tmp_path, json.dumps(a_posted_submission()))
    assert result.exit_code == NOT_ANSWERED
    assert "không như mong đợi" in result.output


def test_a_server_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.submit._TRIES", 2)
    nobody = Intake(url=f"http://127.0.0.1:{free_port()}")
    result = submit(nobody, tmp_path, json.dumps(a_posted_submission()))
    assert result.exit_code == NOT_ANSWERED
    assert nobody.url in result.output


@pytest.mark.parametrize("key", [KEY + "\n", "khóa", "a b", "\x1b[31m"])
def test_a_key_that_cannot_be_one_is_not_sent_and_not_shown(intake: Intake, tmp_path: Path, key: str) -> None:
    result = submit(intake, tmp_path, json.dumps(a_posted_submission()), key=key)
    assert result.exit_code == UNUSABLE
    assert "The key has characters" in result.output
    assert not intake.requests


@pytest.mark.parametrize(
    ("name", "content", "vi", "en"),
    [
        ("f.json", "", "không có số liệu", "nothing in it"),
        ("f.json", " \n", "không có số liệu", "nothing in it"),
        ("f.json", "[]", "không có số liệu", "nothing in it"),
        ("f.ndjson", "\n\n", "không có số liệu", "nothing in it"),
        ("f.csv", "", "không có số liệu", "nothing in it"),
        ("f.csv", "\n\n", "không có số liệu", "nothing in it"),
        ("f.csv", "unit;period;households\n;;\n", "không có số liệu", "nothing in it"),
        ("f.json", "[" * 100_000, "quá nhiều tầng", "nested too deeply"),
        ("f.json", "[" * 100_000 + "]" * 100_000, "quá nhiều tầng", "nested too deeply"),
        ("f.json", '{"a":' * 100_000 + "1" + "}" * 100_000, "quá nhiều tầng", "nested too deeply"),
        ("f.json", '{"households": NaN}', "NaN không phải", "NaN is not a number"),
        ("f.json", '{"households": -Infinity}', "-Infinity không phải", "-Infinity is not"),
        ("f.json", '{"households": 1e999}', "mục 1: có số quá lớn", "item 1: a number is too large"),
        ("f.json", '{"households": ' + "9" * 5000 + "}", "số quá dài", "too long"),
        ("f.json", '{"a": 1, "a": 2}', "'a' có hai lần", "'a' stands twice"),
        ("f.json", '{"a": "\\ud800"}', "ký tự không hợp lệ", "half a character"),
        ("f.json", '[{"a": 1},\n {]', "dòng 2, cột 3", "line 2, column 3"),
        ("f.ndjson", '{"a": 1}\n{"a": \n', "dòng 2, cột", "line 2, column"),
        ("f.ndjson", '{"a": 1}\n{"a": 1, "a": 2}\n', "dòng 2: tên 'a'", "line 2: the name 'a'"),
        ("f.json", b'{"a": "\xe1"}', "UTF-8", "UTF-8"),
        ("f.json", '{"a": 1}'.encode("utf-16"), "UTF-8", "UTF-8"),
        ("f.csv", "unit;period\n".encode("utf-16-le"), "UTF-8", "UTF-8"),
        ("f.csv", "unit;period;poor;poor\n06280;2023-06;1;2", "cột poor có hai lần", "the column poor stands twice"),
        ("f.csv", "unit,period, unit \n06280,2023-06,1", "cột unit có hai lần", "the column unit stands twice"),
        ("f.csv", "xa;ky;households\n", "thiếu cột unit, period", "no column unit and period"),
        ("f.csv", "unit;period;households\n06280;2023-06;1;7\n", "dòng 2: có ô nằm ngoài", "line 2: a cell stands"),
        ("f.csv", 'unit;period\n06280;"2023-06\n', "không đọc được CSV", "line 2"),
        ("f.csv", "unit;period;x\n06280;2023-06;" + "1" * 200_000, "không đọc được CSV", "field larger"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_explained(
    intake: Intake, tmp_path: Path, name: str, content: str | bytes, vi: str, en: str
) -> None:
    result = submit(intake, tmp_path, content, name)
    assert result.exit_code == UNUSABLE
    assert vi in result.output
    assert en in result.output
    assert not intake.requests


def test_a_directory_is_no_file(intake: Intake, tmp_path: Path) -> None:
    (tmp_path / "d.json").mkdir()
    submit(intake, tmp_path, "[]")
    result = CliRunner().invoke(app, ["submit", str(tmp_path / "d.json"), "--data", str(tmp_path), "--key", KEY])
    assert result.exit_code == UNUSABLE


@pytest.mark.parametrize(("suffix", "content", "places"), [
    (".csv", "unit;period;x\n06280;2023-06;1\n\n06283;2023-06;2\n", ["dòng 2", "dòng 4"]),
    (".ndjson", '{"unit":"06280"}\n\n{"unit":"06283"}', ["dòng 1", "dòng 3"]),
    (".json", '[{"unit":"06280"},\n\n{"unit":"06283"}]', ["mục 1", "mục 2"]),
])  # fmt: skip
def test_a_fault_is_told_by_the_line_of_the_file(suffix: str, content: str, places: list[str]) -> None:
    assert [item.place.vi for item in read(suffix, content.encode())] == places


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_csv_has_a_column_per_element(delimiter: str) -> None:
    rows = [
        ("unit", "period", "revision", "confirmed", "households", "has_plan", "note", ""),
        ("06280", "2023-06", "2", "TRUE", "1204", "false", "x", ""),
        ("", "", "", "", "", "", "", ""),
        ("06283", "2023-06", "", "", " 7.5 ", "", "[1]", ""),
    ]
    content = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    assert [json.loads(item.body) for item in read(".csv", content.encode())] == [
        {
            "unit": "06280",
            "period": "2023-06",
            "revision": 2,
            "confirmed": True,
            "readings": {"households": 1204, "has_plan": False, "note": "x"},
        },
        {"unit": "06283", "period": "2023-06", "readings": {"households": 7.5, "note": "[1]"}},
    ]


@pytest.mark.parametrize("cell", ["NaN", "Infinity", "1e999", "9" * 5000, "[[", '{"a":1}', '"1"', "null", "1_0", "+1"])
def test_what_is_no_number_stays_text(cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    (item,) = read(".csv", f"unit;period;x\n06280;2023-06;{quoted}".encode())
    assert json.loads(item.body)["readings"] == {"x": cell}


@given(
    suffix=st.sampled_from([".json", ".ndjson", ".csv"]),
    content=st.binary() | st.text('[]{}",:;\n1eN\\u').map(str.encode),
)
def test_any_file_is_read_or_explained(suffix: str, content: bytes) -> None:
    with contextlib.suppress(UnreadableFileError):
        assert [json.loads(item.body) for item in read(suffix, content)]

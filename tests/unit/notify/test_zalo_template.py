"""The template of a Zalo message: what fills it, how it is cut, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.notify.alerts.notice import Wording
from services.notify.delivery.channels.zalo.template import LONGEST, ZaloTemplate
from tests.unit.notify.test_channels import a_notice, some_settings

TEXT = "Kính gửi <ten>: <viec>. <link>"
DATA = {"ten": "{name} ({code})", "viec": "{headline}", "link": "{link}"}


def test_a_message_has_at_most_400_characters_and_no_parameter_more_than_its_limit() -> None:
    template = ZaloTemplate(id="1", text=TEXT, data=DATA, longest={"ten": 20})
    notice = a_notice(wording=Wording("NTM", "Điềm He " * 100), link="https://bao.example.vn/a/0123456789abcdefghijkl")
    data = template.filled(notice)
    assert len(template.message(data)) <= LONGEST
    assert len(data["ten"]) <= 20
    assert data["link"] == notice.link, "a link that is cut leads nowhere"
    assert data["viec"].startswith("Điềm He Điềm He")


def test_without_a_subject_the_words_of_the_sms_are_told() -> None:
    template = ZaloTemplate(id="1", text=TEXT, data=DATA)
    data = template.filled(a_notice(wording=Wording("NTM 06280 cham tien do")))
    assert (data["viec"], data["link"]) == ("NTM 06280 cham tien do", "")


@pytest.mark.parametrize(
    ("data", "named"),
    [({"ten": "{name}", "viec": "{headline}"}, "link, ten, viec"), ({**DATA, "viec": "{reason}"}, "reason")],
    ids=["a parameter is missing", "an unknown placeholder"],
)
def test_data_that_do_not_fit_the_text_are_refused_and_named(data: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        ZaloTemplate(id="1", text=TEXT, data=data)


def test_settings_that_lack_something_name_it(tmp_path: Path) -> None:
    path = tmp_path / "zalo.yaml"
    path.touch()
    with pytest.raises(ValidationError, match="NTM_ZALO_APP_SECRET"):
        some_settings(zalo_via="zalo", zalo_template=path, zalo_app_id="1", zalo_refresh_token="x")
    with pytest.raises(ValidationError, match="NTM_SMS_URL"):
        some_settings(zalo_via="esms", zalo_template=path, zalo_oa_id="1")

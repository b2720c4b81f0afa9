"""Pydantic's errors about parameters and bodies are told in words for people."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.problems.pydantic_errors import faults_of


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: UUID = UUID(int=0)
    limit: int = Field(default=1, ge=1, le=200)
    state: Literal["open", "closed"] = "open"
    closes: bool = Field(default=False, strict=True)
    words: str = Field(default="x", min_length=1, max_length=5)


@pytest.mark.parametrize(
    ("sent", "pointer", "code", "vietnamese"),
    [
        ({"id": "1"}, "/id", "bad_parameter", "Giá trị 1 không dùng được: cần mã dạng 0f8fad5b"),
        ({"limit": "many"}, "/limit", "bad_parameter", "Giá trị many không dùng được: cần số nguyên."),
        ({"limit": 0}, "/limit", "bad_parameter", "Giá trị 0 không dùng được: cần số từ 1 trở lên."),
        ({"limit": 201}, "/limit", "bad_parameter", "Giá trị 201 không dùng được: cần số không quá 200."),
        ({"state": "both"}, "/state", "bad_parameter", "Giá trị both không dùng được: cần một trong: open, closed."),
        ({"state": "opn"}, "/state", "bad_parameter", "cần một trong: open, closed (có phải là open?)."),
        ({"closes": "yes"}, "/closes", "bad_parameter", "Giá trị yes không dùng được: cần true hoặc false."),
        ({"words": ""}, "/words", "bad_parameter", "cần ít nhất 1 ký tự"),
        ({"words": "x" * 6}, "/words", "too_long", "Dài quá 5 ký tự."),
        ({"words": None}, "/words", "bad_parameter", "Giá trị không có giá trị không dùng được: cần chuỗi ký tự."),
        ({"a/b": 1}, "/a~1b", "unknown_field", "Trường không có trong quy định."),
    ],
)
def test_a_faulty_field_is_named_with_its_remedy(sent: Any, pointer: str, code: str, vietnamese: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate(sent)
    errors = [{**error, "loc": ("body", *error["loc"])} for error in caught.value.errors()]
    (fault,) = faults_of(errors)
    document = fault.document("vi")
    assert (document["pointer"], document["code"]) == (pointer, code)
    assert vietnamese in str(document["detail"])
    assert "expected" in fault.text("en") or code != "bad_parameter"

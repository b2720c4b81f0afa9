"""Reference data as one value, and the differences between two versions."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from shared.reference.archive import DamagedArchiveError, digest_of, pack, read_files, unpack, write_files
from shared.reference.differences import differences, taken_away
from shared.reference.load import PACKAGED, Plans, Reference, follow_each_other, load

REFERENCE = load()
PLANS = follow_each_other([REFERENCE])


def plans_of(reference: Reference) -> Plans:
    return Plans((reference,))


def test_an_archive_holds_the_files_and_is_the_same_for_the_same_files(tmp_path: Path) -> None:
    files = read_files(PACKAGED)
    assert {"units.csv", "criteria/ntm.yaml", "plans/lang-son-2023.yaml", "sources/lang-son-2023.txt"} <= files.keys()
    assert unpack(pack(files)) == files
    assert pack(dict(sorted(files.items(), reverse=True))) == pack(files)
    write_files(files, tmp_path)
    assert read_files(tmp_path) == files


def test_line_ends_and_a_byte_order_mark_make_no_other_digest_but_a_letter_or_the_plan_does(tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_bytes("\ufeffa,b\r\n".encode())
    files = read_files(tmp_path)
    assert digest_of("p", files) == digest_of("p", {"units.csv": "a,b\n"})
    assert digest_of("p", files) != digest_of("q", files)
    assert digest_of("p", files) != digest_of("p", {"units.csv": "a,B\n"})


def test_damaged_archives_and_paths_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    packed = pack(read_files(PACKAGED))
    for damaged in (b"", b"no zip", packed[: len(packed) // 2]):
        with pytest.raises(DamagedArchiveError):
            unpack(damaged)
    with pytest.raises(DamagedArchiveError, match="leads out"):
        write_files({"../elsewhere.yaml": "x"}, tmp_path / "inner")
    assert not (tmp_path / "elsewhere.yaml").exists()
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("units.csv", b"0" * (65 * 2**20))
    with pytest.raises(DamagedArchiveError, match="more than"):
        unpack(bomb.getvalue())


def test_differences_are_told_in_words() -> None:
    assert differences(PLANS, PLANS) == []
    plan = REFERENCE.plan
    first, *others = plan.commitments
    changed = replace(REFERENCE, plan=plan.model_copy(update={"tolerance": plan.tolerance * 2, "commitments": others}))
    words = [difference.words.en for difference in differences(PLANS, plans_of(changed))]
    assert words == [
        "changed plan lang-son-2023: tolerance: 0.1 → 0.2",
        f"removed commitment {first.id}",
    ]
    assert [d.words.vi for d in differences(plans_of(changed), PLANS)][1] == f"thêm chỉ tiêu kế hoạch {first.id}"


def test_what_figures_may_name_is_not_taken_away() -> None:
    elements = dict(REFERENCE.elements)
    del elements["households"]
    gone = replace(REFERENCE, elements=elements, sets={"ntm": REFERENCE.sets["ntm"]})
    faults = taken_away(PLANS, plans_of(gone), Path("new"))
    assert [(fault.field, fault.found) for fault in faults] == [("element", "households"), ("set", "advanced")]
    assert faults[0].text("vi").startswith("new/elements.yaml:1: element: ")
    assert taken_away(PLANS, PLANS, Path("new")) == []

"""What the recipient's tool does on its own: with the extra alone, on any system, and with files that are not right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from extracts.errors import CheckFailed, DiskFull, DropZoneUnreachable, VerificationFailed
from extracts.handover.collection import fetching
from extracts.handover.collection.area import FolderArea, is_plain, open_area
from extracts.handover.collection.checks import check_opened
from extracts.handover.collection.collecting import Means, collect
from extracts.handover.collection.waiting import find_waiting
from extracts.handover.facts import FileFacts
from extracts.handover.findings import Result
from tests.support.builders import a_plan, a_planned_dataset, some_limits
from tests.support.collection import a_true_plan, an_area
from tests.support.deliveries import NOW, MadeDelivery, a_delivery
from tests.support.keys import Keys


def means(folder: Path, keys: Keys, made: MadeDelivery) -> Means:
    return Means(keys.allowed_signers, folder / "here", lambda: NOW, made.identity, keys.private("recipient"))


def test_what_is_decrypted_and_not_as_agreed_gets_no_receipt(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path / "made", keys)  # its pseudonyms are none, and its bands are none
    top, how = FolderArea(an_area(tmp_path, keys, made)), means(tmp_path, keys, made)
    (waiting,) = find_waiting(top, how.into, how.signers, NOW).waiting
    with pytest.raises(CheckFailed, match="nino_pseudonym is not a pseudonym") as caught:
        collect(top, waiting, how)
    assert "No receipt was written" in str(caught.value)
    assert "value" not in caught.value.message
    assert top.names(("inbox",)) == ()
    assert find_waiting(top, how.into, how.signers, NOW).waiting == (waiting,), "it still waits"


def test_without_an_identity_the_receipt_says_verified_and_no_more(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path / "made", keys)
    top, how = FolderArea(an_area(tmp_path, keys, made)), replace(means(tmp_path, keys, made), identity=None)
    (waiting,) = find_waiting(top, how.into, how.signers, NOW).waiting
    done = collect(top, waiting, how)
    assert done.receipt is not None
    assert json.loads(done.receipt.read_bytes())["result"] == "verified"
    assert done.opened == ()


def test_a_delivery_that_the_index_does_not_list_as_it_is_is_not_believed(tmp_path: Path, keys: Keys) -> None:
    made, other = (a_delivery(tmp_path / n, keys, plan=a_true_plan(), rows=r) for n, r in (("made", 20), ("other", 30)))
    area = an_area(tmp_path, keys, made)
    how = means(tmp_path, keys, made)
    (waiting,) = find_waiting(FolderArea(area), how.into, how.signers, NOW).waiting
    place = area / waiting.request_id / waiting.delivery_id
    for path in place.iterdir():
        path.unlink()
    for path in other.folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    with pytest.raises(VerificationFailed, match="another delivery than the index lists"):
        collect(FolderArea(area), waiting, how)


def test_a_file_that_is_cut_off_is_said_and_gone_on_with(tmp_path: Path, keys: Keys) -> None:
    made = a_delivery(tmp_path / "made", keys, plan=a_true_plan())
    whole = FolderArea(an_area(tmp_path, keys, made))

    class Cut(FolderArea):
        def read(self, file: tuple[str, ...], offset: int):  # type: ignore[no-untyped-def]
            piece = next(iter(super().read(file, offset)), b"")
            yield piece[: max(1, len(piece) // 2)]

    how = means(tmp_path, keys, made)
    (waiting,) = find_waiting(whole, how.into, how.signers, NOW).waiting
    sizes = []
    for _ in range(3):
        with pytest.raises(DropZoneUnreachable, match="was cut off after"):
            collect(Cut(whole.root), waiting, how)
        partial = waiting.folder(how.into).with_name(f".{waiting.delivery_id}.partial")
        sizes.append(sum(p.stat().st_size for p in partial.iterdir()))
    assert sizes == sorted(set(sizes)), "each try goes on"
    assert collect(whole, waiting, how).receipt


def test_what_does_not_fit_is_said_before_anything_is_copied(
    tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = a_delivery(tmp_path / "made", keys)
    top, how = FolderArea(an_area(tmp_path, keys, made)), means(tmp_path, keys, made)
    (waiting,) = find_waiting(top, how.into, how.signers, NOW).waiting
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1 << 20}))
    with pytest.raises(DiskFull, match="are free here"):
        collect(top, waiting, how)
    assert not list(waiting.folder(how.into).with_name(f".{waiting.delivery_id}.partial").iterdir())


@pytest.mark.parametrize("name", ["..", ".x", "a/b", "a\\b", "CON", "nul.txt", "x.", "a b", "", "a" * 300, "a\x00"])
def test_a_name_that_is_no_plain_name_on_every_system_is_passed_over(name: str) -> None:
    assert not is_plain(name)


def test_an_area_that_is_not_there_is_said(tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(DropZoneUnreachable, match="cannot be read or written"):
        find_waiting(open_area(str(tmp_path / "nowhere")), tmp_path / "here", keys.allowed_signers, NOW)


# --- the expectations that can be checked again -----------------------------------------------------------------------

GOOD = {
    "nino_pseudonym": [f"{n:032x}" for n in range(4)],
    "sex": ["F", "F", "F", "F"],
    "council_code": ["S12000047"] * 4,
}
WRONG: dict[str, tuple[dict[str, list[str | None]], str]] = {
    "a pseudonym that is none": ({"nino_pseudonym": ["QQ123456C", *GOOD["nino_pseudonym"][1:]]}, "is not a pseudonym"),
    "a blank": ({"sex": ["F", " ", "F", "F"]}, "is blank or holds control characters in 1 rows"),
    "a second line": ({"sex": ["F", "F\nM", "F", "F"]}, "is blank or holds control characters"),
    "a long text": ({"sex": ["F" * 501, "F", "F", "F"]}, "is longer than 500 characters"),
    "an identifier": ({"sex": ["F", "QQ 12 34 56 C", "F", "F"]}, "holds what looks like an identifier in 1 rows"),
    "a group that is too small": ({"sex": ["F", "F", "F", "M"]}, "has a group of fewer than 3 people"),
    "a person counted twice": (
        {"nino_pseudonym": [GOOD["nino_pseudonym"][0]] * 3 + GOOD["nino_pseudonym"][3:]},
        "has a group of fewer than 3 people",
    ),
    "another column": ({"council_code": ["Fife"] * 4}, "is not a council's code"),
}


def findings(folder: Path, columns: dict[str, list[str | None]], rows: int = 4) -> dict[Result, str]:
    chosen = (("nino", "pseudonymise", ()), ("sex", "keep", ()), ("council_code", "council", ()))
    planned = replace(a_planned_dataset(columns=chosen), quasi_identifiers=("sex",))
    plan = a_plan(datasets=(planned,), limits=some_limits(k=3))
    path = folder / "data.parquet"
    parquet.write_table(pa.table(columns), path)
    facts = dict.fromkeys(FileFacts.__dataclass_fields__, "") | {
        "dataset": planned.dataset,
        "rows": rows,
        "name": "data",
    }
    found = check_opened(path, FileFacts(**facts), plan)  # type: ignore[arg-type]
    return {r: "; ".join(str(f) for f in found if f.result is r) for r in Result}


def test_a_good_file_passes_every_expectation(tmp_path: Path) -> None:
    said = findings(tmp_path, GOOD)
    assert said[Result.FAILED] == ""
    for what in ("exactly the 3 approved columns", "the 4 rows", "column sex keeps to its form (3 checks)", "3 people"):
        assert what in said[Result.CHECKED]


@pytest.mark.parametrize("case", WRONG)
def test_what_breaks_an_expectation_is_found_and_no_value_told(case: str, tmp_path: Path) -> None:
    changed, says = WRONG[case]
    failed = findings(tmp_path, {**GOOD, **changed})[Result.FAILED]
    assert says in failed
    assert "12" not in failed.replace("S12", "")
    assert "Fife" not in failed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: {**c, "extra": c["sex"]}, "does not have exactly the approved columns"),
        (lambda c: {**c, "sex": [1, 2, 3, 4]}, "column sex is BIGINT, where VARCHAR was approved"),
        (lambda c: {n: v[:3] for n, v in c.items()}, "has 3 rows, where the manifest says 4"),
    ],
)
def test_another_shape_is_found(change: Callable[[Any], Any], says: str, tmp_path: Path) -> None:
    assert says in findings(tmp_path, change(GOOD))[Result.FAILED]

"""`extracts request check`: what it says of dates and refusals, without a register or a source."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from extracts.steps.drafting import _stopping
from extracts.steps.requests import examine
from tests.support.builders import BENEFIT_CAP, EXAMPLES, TODAY, a_request, the_datasets, the_parties, the_policy
from tests.support.command_line import Said, extracts


def check(folder: Path, *changes: tuple[str, str], governance: Path = EXAMPLES / "governance") -> Said:
    text = (EXAMPLES / "requests" / f"{BENEFIT_CAP}.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "request.yaml").write_text(text)
    home = {"EXTRACTS_HOME": str(folder / "home"), "EXTRACTS_GOVERNANCE": str(governance)}
    return extracts(None, "request", "check", folder / "request.yaml", **home)


def a_lax_policy(folder: Path) -> Path:
    """A statement of one harmless rule, so that only the floors are left."""
    shutil.copytree(EXAMPLES / "governance", folder / "governance")
    file = folder / "governance" / "policy.yaml"
    head, _, rules = file.read_text().partition("rules:\n")
    file.write_text(f"{head}rules:\n{rules[rules.index('  - id: P2') : rules.index('  - id: P3')]}")
    return folder / "governance"


def test_no_date_is_shown_on_which_nothing_would_be_delivered(tmp_path: Path) -> None:
    starts, review = (
        ("start_on: 2026-01-01", "start_on: 2028-11-30"),
        ("review_on: 2027", "review_on: 2028-12-01 # 2027"),
    )
    said = check(tmp_path, starts, review, ("max_deliveries: 40", "max_deliveries: 1"))
    assert said.text.endswith("Next dates: Wed 06 Dec 2028"), said.text


def test_what_a_floor_refuses_is_told_although_every_rule_passes(tmp_path: Path) -> None:
    said = check(
        tmp_path, ("safe_address: withhold rows", "safe_address: not applicable"), governance=a_lax_policy(tmp_path)
    )
    assert said.code == 1
    assert "0 violations, 0 gaps" in said.text
    assert "must stay hidden" in said.text


def test_deciders_are_told_of_the_floor_too() -> None:
    rules = tuple(r for r in the_policy().rules if r.check == "people_described")
    work: Any = SimpleNamespace(
        policy=the_policy().model_copy(update={"rules": rules}),
        datasets=the_datasets(),
        parties=the_parties(),
        today=lambda: TODAY,
    )
    found = examine(work, a_request(BENEFIT_CAP, {"datasets.0.safe_address": "not applicable"}))
    assert found.plan is None
    assert "must stay hidden" in _stopping(found)

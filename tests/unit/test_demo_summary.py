"""What the demo says at its end, without a demo: on one screen, with nothing cut off."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace as Made
from typing import Any

import pytest

from extracts.agreement.request import parse_request
from extracts.agreement.status import Status
from extracts.cli import demo_summary
from extracts.cli.demo_summary import show_summary
from extracts.documents import read
from extracts.errors import Outcome
from extracts.local.demo import Delivered
from extracts.record.delivery_entries import DeliveredFile, DeliveryEntry
from extracts.settings import PROJECT

DATASETS = {
    "SDDSB-2026-014": "scottish_child_payment",
    "SDDSB-2026-021": "benefit_cap",
    "SDDSB-2026-027": "pension_credit_award",
}
FUNNEL = {"source": 240_123, "filtered": 130_000, "held": 1_130, "withheld": 1_084, "delivered": 107_909}
NOON = datetime(2026, 11, 23, 12)


def delivered(request_id: str, outcome: Outcome = Outcome.DELIVERED) -> Delivered:
    entry = DeliveryEntry(
        request_id=request_id,
        version=1,
        period="2026-11",
        period_first=date(2026, 11, 1),
        period_last=date(2026, 11, 30),
        revision=1,
        recipient="fife-council",
        decision_digest="",
        run_id="run",
        created_at=NOON,
        files=(DeliveredFile("file", DATASETS[request_id], 107_909, 809_781, ""),),
    )
    folder = Path.cwd() / ".extracts" / "dropzone" / "fife-council" / request_id / entry.delivery_id
    return Delivered(request_id, {"outcome": outcome}, entry, folder, {DATASETS[request_id]: FUNNEL}, ("",) * 15)


def world(home: Path) -> Any:
    files = sorted((PROJECT / "examples" / "requests").glob("*.yaml"))
    decided = []
    for file in files:
        request = parse_request(read(file))
        approved = request.request_id in DATASETS
        examined = Made(request=request, plan="a plan" if approved else None)
        status = Status.APPROVED if approved else Status.REFUSED
        decided.append(Made(file=file, examined=examined, status=status, request_id=request.request_id))
    people = Made(allowed_signers=home / "trust" / "allowed_signers")
    places = Made(drop_zone_folder=home / "dropzone")
    return Made(
        home=Made(home=home, people=people), work=Made(places=places), decided=decided, source_rows={"person": 476_664}
    )


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is said on a terminal of this width."""

    def summary(width: int, done: list[Delivered], home: Path = Path.cwd() / ".extracts") -> str:
        from rich.console import Console

        console = Console(width=width, highlight=False, soft_wrap=True, record=True)
        monkeypatch.setattr(demo_summary, "out", console)
        monkeypatch.setattr("extracts.cli.output.out", console)
        show_summary(world(home), done, 92.4)
        return console.export_text()

    return summary


def test_it_fits_on_one_screen_and_cuts_nothing_off(said: Any) -> None:
    done = [delivered(request_id) for request_id in DATASETS]
    lines = said(100, done).splitlines()
    assert sum(max(1, -(-len(line.rstrip()) // 100)) for line in lines) <= 40
    assert "…" not in said(80, done)


def test_it_tells_who_asked_what_was_decided_what_left_and_where_it_lies(said: Any) -> None:
    text = said(100, [delivered("SDDSB-2026-014"), delivered("SDDSB-2026-021", Outcome.NOTHING_DUE)])
    for told in ("fife-council", "refused", "240,123", "1,130", "107,909", "809,781 bytes", "14 checks passed"):
        assert told in text
    assert "SDDSB-2026-021.2026-11.r1 (delivered before): " in text
    assert "Everything lies in .extracts" in text


def test_what_was_not_delivered_says_why(said: Any) -> None:
    stopped = Delivered("SDDSB-2026-021", {"outcome": Outcome.SOURCE_LATE, "reason": "person was loaded in May."})
    assert "SDDSB-2026-021: source late, person was loaded in May." in said(100, [stopped])


def test_commands_name_the_home_where_it_is_not_the_usual_one(said: Any, tmp_path: Path) -> None:
    done = [delivered("SDDSB-2026-014")]
    assert "EXTRACTS_HOME" not in said(100, done)
    assert f"EXTRACTS_HOME='{tmp_path}/a home' " in said(100, done, tmp_path / "a home")

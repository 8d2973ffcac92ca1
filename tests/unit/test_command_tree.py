"""The command line as a whole: what holds of every command, without a world to run it in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer.main
from rich.console import Console

from extracts.agreement.status import Status
from extracts.cli import demo, output
from extracts.cli.app import app
from extracts.cli.output import show_facts, show_table
from extracts.local.demo import Delivered
from tests.support.command_line import extracts

ROOT = typer.main.get_command(app)


def leaves(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if not children:
        yield path, command
    for name, child in (children or {}).items():
        yield from leaves(child, (*path, name))


LEAVES = dict(leaves())


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_can_answer_as_json(path: tuple[str, ...]) -> None:
    assert "--json" in {name for parameter in LEAVES[path].params for name in parameter.opts}


def test_every_command_and_option_says_what_it_is_for() -> None:
    for path, command in LEAVES.items():
        assert command.help, path
        for parameter in command.params:
            assert parameter.help, (path, parameter.name)


def test_the_lists_of_commands_are_not_cut_off() -> None:
    for group in (ROOT, *ROOT.commands.values()):
        for name, command in getattr(group, "commands", {}).items():
            assert not command.get_short_help_str(62).endswith("..."), name


@pytest.mark.parametrize(
    ("arguments", "told", "help_at"),
    [
        (("nonsense",), "No such command 'nonsense'", "extracts --help"),
        (("request", "shw"), "show", "extracts request --help"),
        (("run", "SDDSB-2026-021", "--perid", "x"), "--period", "extracts run --help"),
        (("run",), "ID", "extracts run --help"),
        (("keys", "backup"), "--to", "extracts keys backup --help"),
        (("verify", "nowhere", "--signers", "x"), "nowhere", "extracts verify --help"),
    ],
)
def test_what_is_mistyped_is_told_with_where_the_help_is(
    arguments: tuple[str, ...], told: str, help_at: str, tmp_path: Path
) -> None:
    said = extracts(None, *arguments, "--json", EXTRACTS_HOME=str(tmp_path))
    assert said.code == 2
    assert told in said.err
    assert help_at.removesuffix(" --help") in said.err
    assert (said.json["error"], said.json["advice"]) == ("UsageError", f"Try `{help_at}`.")
    assert told in said.json["message"]


def test_an_unreadable_document_is_told_to_programs_by_file_line_field_and_what_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "request.yaml").write_text("request_id: SDDSB-2026-021\nidentifiability: named\n")
    said = extracts(None, "request", "check", tmp_path / "request.yaml", "--json", EXTRACTS_HOME=str(tmp_path))
    assert said.code == 2
    assert said.json["source"].endswith("request.yaml")
    problem = next(p for p in said.json["problems"] if p["field"] == "identifiability")
    assert problem["line"] == 2
    assert {"identified", "pseudonymised"} <= set(problem["allowed"])
    assert problem["message"]


def test_an_unknown_status_is_told_with_the_statuses_there_are(tmp_path: Path) -> None:
    said = extracts(None, "request", "list", "--status", "nonsense", EXTRACTS_HOME=str(tmp_path))
    assert said.code == 2
    assert "in review" in said.text


# --- what needs servers, with the servers left out ---------------------------------------------------------------


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Delivered]:
    """`demo` and `up` in a world where all is made and delivered already; `up` is interrupted once it is ready."""
    entry = SimpleNamespace(delivery_id="SDDSB-2026-021.2026-10.r1", bytes=9, files=())
    done = [Delivered("SDDSB-2026-021", {"outcome": "delivered"}, cast(Any, entry), None, {"cap": {"source": 9}})]
    request = SimpleNamespace(
        request_id="SDDSB-2026-021", title="A title", requester=SimpleNamespace(organisation="fife-council")
    )
    decided = SimpleNamespace(examined=SimpleNamespace(request=request), status=Status.APPROVED)
    config = SimpleNamespace(passwords=lambda: {"forum": "a-password"})
    airflow = SimpleNamespace(url="http://127.0.0.1:8080", config=config, check=_interrupt)
    world = SimpleNamespace(
        source_rows={"person": 9},
        decided=[decided],
        airflow=airflow,
        work=SimpleNamespace(places=SimpleNamespace(home=tmp_path)),
    )

    @contextmanager
    def running(*_: Any) -> Iterator[Any]:
        yield world

    monkeypatch.setattr("extracts.local.demo.running", running)
    monkeypatch.setattr("extracts.local.demo.deliver_all", lambda *_: done)
    monkeypatch.setattr("extracts.local.demo.stop", lambda *_: None)
    monkeypatch.setattr(demo, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _: None))
    return done


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_the_demo_sums_up_as_json(delivered: list[Delivered]) -> None:
    said = extracts(None, "demo", "--json")
    assert said.code == 0
    assert said.json["requests"][0] == {
        "request": "SDDSB-2026-021",
        "asked_by": "fife-council",
        "for": "A title",
        "decided": "approved",
    }
    assert said.json["deliveries"][0]["rows"] == {"cap": {"source": 9}}


def test_a_demo_that_did_not_deliver_is_one_document_too_and_exits_1(delivered: list[Delivered]) -> None:
    late = {"outcome": "source late", "reason": "It was loaded long ago."}
    delivered[0] = replace(delivered[0], outcome=late, delivery=None)
    said = extracts(None, "demo", "--json")
    assert said.code == 1
    assert said.json["deliveries"][0]["reason"] == "It was loaded long ago."


def test_up_says_in_one_line_where_it_is_and_who_may_enter(delivered: list[Delivered]) -> None:
    said = extracts(None, "up", "--json")
    assert said.code == 130
    (line,) = said.out.splitlines()
    assert json.loads(line) == {"url": "http://127.0.0.1:8080", "users": {"forum": "a-password"}}


def test_down_answers_as_json(delivered: list[Delivered], tmp_path: Path) -> None:
    assert extracts(None, "down", "--json", EXTRACTS_HOME=str(tmp_path)).json == {"ended": str(tmp_path)}


def test_locking_datasets_answers_as_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("extracts.steps.dataset_lock.lock_datasets", lambda *_: {"benefit_cap": "1.0.1"})
    said = extracts(None, "dataset", "lock", "--address", "host=none", "--json", EXTRACTS_HOME=str(tmp_path))
    assert said.json == {"locked": {"benefit_cap": "1.0.1"}}


# --- tables ------------------------------------------------------------------------------------------------------

COLUMNS = ("id", "title", "recipient", "state", "rows")
ROWS = [("SDDSB-2026-021.2026-10.r1", "Benefit cap support", "scottish-government-analysts", "published", "1,440")]


def shown(monkeypatch: pytest.MonkeyPatch, width: int, show: Any, *what: Any, terminal: bool = False) -> list[str]:
    with open(os.devnull, "w") as nowhere:
        console = Console(width=width, file=nowhere, highlight=False, soft_wrap=True, record=True)
        console._force_terminal = terminal
        monkeypatch.setattr(output, "out", console)
        show(*what, *([console] if show is show_facts else []))
        return console.export_text().splitlines()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_table_loses_nothing_and_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = shown(monkeypatch, width, show_table, "Deliveries", COLUMNS, ROWS)
    text = "".join("".join(lines).split())
    assert "…" not in text
    for cell in (ROWS[0][0], "published", "1,440"):
        assert any(cell in line for line in lines), cell
    if width > 40:
        assert max(map(len, lines)) <= width


def test_long_values_go_on_below_themselves_on_a_terminal_and_stay_whole_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = {"reason": "word " * 40, "path": "/a" * 60}
    there = shown(monkeypatch, 60, show_facts, "Title", facts, terminal=True)
    assert all(len(line) <= 60 for line in there if "word" in line)
    assert any("/a" * 60 in line for line in there)
    assert len(shown(monkeypatch, 60, show_facts, "Title", facts)) == 3

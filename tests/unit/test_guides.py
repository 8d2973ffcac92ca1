"""What the guides name exists: commands, options, variables, pages, tests, words. They are typed in tests/journey."""

from __future__ import annotations

import re
import runpy
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main

from extracts import signing
from extracts.cli.app import app
from extracts.errors import Outcome
from extracts.settings import PROJECT, SETTINGS, SOURCE_PREFIX
from extracts.steps.run_folder import GATES
from tests.support.guides import DOCS, HOW_TO, commands

PAGES = sorted(p for p in DOCS.rglob("*.md") if "reference" not in p.parts)
# The words that the project agreed on before the first line was written.
WORDS = """
    request, requester, recipient, Board, Controller, forum, gateway, lawful basis, purpose, policy statement,
    assessment, decision, agreement, contract, plan, treatment, extract, release, delivery, manifest, receipt,
    drop zone, ledger, snapshot, reconciliation, identifiability, identified, pseudonymised, aggregated, hold,
    restricted record, Information Asset Owner, quasi-identifier, direct identifier, k-anonymity, outcome,
    transfer area, gap, violation, allowed_signers, recovery key, delegation, order, safe address, staging,
    quality report, classification, identifier kind, certificate of destruction, data subject, rehearsal,
    membership index, anchor, canary
"""


def _id(page: Path) -> str:
    return str(page.relative_to(DOCS))


def _command(words: list[str]) -> Any:
    found: Any = typer.main.get_command(app)
    for word in words:
        children = getattr(found, "commands", {})
        if not children:
            break
        assert word in children, f"there is no command `extracts {' '.join(words)}`"
        found = children[word]
    return found


def _spans(page: Path) -> list[str]:
    """Every command that a page names: in its console blocks, and in backticks within its sentences."""
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    spans = [" ".join(s.split()) for s in re.findall(r"`([^`]+)`", prose)]
    found = [re.sub(r"^([A-Z_]+=(\"[^\"]*\"|\S+) )+", "", c) for c in (*commands(page), *spans)]
    return [c for c in found if c.startswith("extracts ")]


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    for span in _spans(page):
        words = span.split()[1:]
        command = _command([w for w in words if not w.startswith("-")])
        options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        unknown = [w for w in words if w.startswith("--") and w.partition("=")[0] not in options]
        assert not unknown, f"{page.name}: {span}"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    known = {s.name for s in SETTINGS}
    named = set(re.findall(r"EXTRACTS_[A-Z_]+[A-Z]", page.read_text()))
    assert not [n for n in named if n not in known and not n.startswith(SOURCE_PREFIX) and f"{n}_" != SOURCE_PREFIX]


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_setting_of_airflow_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)", page.read_text()))
    known = _airflow_settings() if named else {}
    for section, name in sorted(named):
        found = known[f"{section}.{name.removesuffix('_CMD')}".lower()]
        assert "sensitive: true" in found or not name.endswith("_CMD"), f"{name}: only secrets come from a command"


def _airflow_settings() -> dict[str, str]:
    """Airflow's own list, read by its indentation (a YAML reader takes seconds): section.option -> what it says."""
    spec = find_spec("airflow")  # importing it takes seconds more
    assert spec
    assert spec.origin
    text = (Path(spec.origin).parent / "config_templates" / "config.yml").read_text()
    found = {}
    for section in re.split(r"^(?=\w)", text, flags=re.MULTILINE):
        for option in re.split(r"^    (?=\w)", section, flags=re.MULTILINE)[1:]:
            found[f"{section.partition(':')[0]}.{option.partition(':')[0]}"] = option
    celery = runpy.run_path(str(Path(spec.origin).parent / "providers/celery/get_provider_info.py"))
    for section, told in celery["get_provider_info"]()["config"].items():
        found |= {f"{section}.{option}": str(what) for option, what in told["options"].items()}
    return found


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        found = page.parent / target if target else page
        assert found.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", page.read_text()))
    there = {t for f in PROJECT.glob("tests/**/test_*.py") for t in re.findall(r"def (test_\w+)", f.read_text())}
    assert not named - there


def test_the_glossary_has_every_agreed_word_in_order() -> None:
    glossary = re.findall(r"^\| \*\*(.+?)\*\* \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert glossary == sorted(glossary, key=str.lower)
    assert not {" ".join(w.split()) for w in WORDS.split(",")} - set(glossary)


def test_every_claim_about_an_attacker_names_what_proves_it() -> None:
    page = (DOCS / "explanation" / "trust.md").read_text().partition("## An attacker in each seat")[2]
    seats = [line for line in page.partition("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    assert len(seats) >= 19
    assert all("`test_" in line for line in seats)


def test_operators_are_told_what_each_outcome_and_gate_asks_for() -> None:
    page = (HOW_TO / "when-something-stops.md").read_text()
    assert not [o for o in Outcome if f"| {o.value} |" not in page and f"## {o.value.capitalize()}" not in page]
    assert not [g for g in GATES if f"| `{g}` |" not in page]


def test_the_set_up_names_every_namespace_that_signatures_are_made_in() -> None:
    page = (HOW_TO / "set-up-production.md").read_text()
    assert not [n for n in signing.NAMESPACES if f"`{n}`" not in page]


def test_every_dependency_says_why_it_is_there() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["recipient"], *extras["pipeline"], *extras["embedded"]]
    names = {re.split(r"[\[<>=]", d)[0] for d in wanted} - {project["name"]}
    page = next((DOCS / "adr").glob("*-dependencies-and-why-*.md")).read_text()
    assert not [n for n in sorted(names) if f"`{n}`" not in page]


def test_decisions_on_record_count_up_and_have_one_form() -> None:
    files = sorted((DOCS / "adr").glob("*.md"))
    parts = ["Context", "Decision", "Consequences", "Considered", "Amendments"]
    for number, file in enumerate(files, start=1):
        text = file.read_text()
        assert file.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == parts

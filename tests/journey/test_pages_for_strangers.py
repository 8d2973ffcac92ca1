"""The pages for people without an account, as the commands write them, and the request that comes back."""

from __future__ import annotations

from pathlib import Path

from extracts.settings import PROJECT
from tests.support.builders import TODAY, a_request_document, the_datasets, the_parties
from tests.support.command_line import extracts


def test_the_catalogue_says_what_is_held_in_which_treatments_and_what_for(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.html"
    said = extracts(None, "catalogue", "page", "--output", file, "--json", EXTRACTS_HOME=str(tmp_path))
    page = file.read_text()
    assert {d["name"] for d in said.json} == set(the_datasets())
    for dataset in said.json:
        assert dataset["title"] in page
        assert f"loaded at most {dataset['max_age_hours']} hours ago" in page
        assert dataset["owner"] in page
    assert "held, never shared" in page
    assert "Not for <code>" in page, "what a power forbids is said, with why"
    assert "<script" not in page


def test_the_catalogue_names_no_control_column_and_nobody_who_decides(tmp_path: Path) -> None:
    said = extracts(None, "catalogue", "page", "--json", EXTRACTS_HOME=str(tmp_path))
    columns = {c["name"]: c["treatments"] for d in said.json for c in d["columns"]}
    assert not {"restricted", "safe_address"} & set(columns)
    assert columns["sort_code"] == {"identified": [], "pseudonymised": []}
    assert "keep" not in columns["nino"]["pseudonymised"]
    assert not [p for p in the_parties().principals if p in said.out]


def test_a_power_that_is_not_in_force_is_not_offered(tmp_path: Path) -> None:
    said = extracts(None, "catalogue", "page", "--json", EXTRACTS_HOME=str(tmp_path))
    offered = {p["gateway"] for d in said.json for p in d["powers"]}
    assert offered
    assert all(the_parties().gateways[g].is_in_force(TODAY) for g in offered)


def test_the_form_is_written_for_a_stranger_and_for_one_who_goes_on(tmp_path: Path) -> None:
    sample = PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml"
    home = {"EXTRACTS_HOME": str(tmp_path)}
    assert extracts(None, "request", "form", "--output", tmp_path / "form.html", **home).code == 0
    again = extracts(None, "request", "form", "--from", sample, "--output", tmp_path / "again.html", **home)
    assert str(tmp_path / "again.html") in again.text
    assert (tmp_path / "form.html").read_text().startswith("<!doctype html>")
    assert "SDDSB-2026-021" in (tmp_path / "again.html").read_text()
    facts = extracts(None, "request", "form", "--from", sample, "--json", **home).json
    assert facts["begun"] == a_request_document("fife-benefit-cap").value


def test_a_form_that_cannot_be_written_or_read_is_told(tmp_path: Path) -> None:
    home = {"EXTRACTS_HOME": str(tmp_path)}
    said = extracts(None, "request", "form", "--output", tmp_path / "no" / "form.html", **home)
    assert (said.code, "cannot be written" in said.text) == (2, True)
    (tmp_path / "bad.yaml").write_text("title: NO\n")
    said = extracts(None, "request", "form", "--from", tmp_path / "bad.yaml", **home)
    assert (said.code, "ambiguous" in said.text) == (2, True)
    said = extracts(None, "request", "form", "--output", tmp_path, **home)
    assert (said.code, "cannot be written" in said.text) == (2, True)
    assert not [*tmp_path.glob(".*"), *tmp_path.parent.glob(f".{tmp_path.name}.*")]

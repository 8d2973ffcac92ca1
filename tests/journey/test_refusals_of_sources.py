"""A source that is not what was approved, late, gone, or whose hold list cannot be trusted: nothing leaves."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from extracts.errors import ExtractsError, Outcome, SourceChanged
from extracts.extraction.sources.names import data_view, role_name
from extracts.extraction.sources.role_sql import source_ended_sql
from extracts.handover.manifest import read_manifest
from extracts.local.home import SOURCE
from extracts.local.rehearsing import rehearse_all
from extracts.local.world import apply_scripts, decide_all
from extracts.settings import PROJECT
from extracts.steps.approval_file import load_published
from extracts.steps.run import OUTCOME, run_step
from extracts.steps.run_folder import GATES
from extracts.steps.source_script import source_script
from tests.support.command_line import extracts
from tests.support.world import ANALYSTS, FIFE, World

OTHER = "SDDSB-2026-201"
VIEW = (PROJECT / "sql" / "benefit_cap" / "view.sql").read_text()
_IN_FORCE = "UPDATE dwp.load_stamp SET row_count = (SELECT count(*) FROM curated.hold) WHERE table_name = 'hold'"


@contextmanager
def changed(world: World, change: str, undo: str) -> Iterator[None]:
    """The source, which all tests share, with something else in it for a while."""
    try:
        world.source(change)
        yield
    finally:
        world.source(undo)


def restored_views(world: World) -> str:
    """Statements that bring back the curated view of benefit_cap and the agreement's own."""
    return f"DROP VIEW IF EXISTS curated.benefit_cap CASCADE; SET ROLE source_owner; {VIEW}; RESET ROLE; " + (
        source_script(world.work, FIFE)
    )


def assert_nothing_left(world: World, request_id: str, found: dict[str, Any]) -> None:
    assert not world.deliveries()
    assert not world.staged()
    named = (request_id, "benefit_cap", "pension_credit_award", "hold list")
    assert any(about in found["reason"] for about in named), found
    told = extracts(world, "why", request_id, "--json").json
    assert told["last_outcome"] == found["outcome"]
    assert told["stopped_by"] == found["gate"]
    assert world.ledger("run.ended")[-1].payload["outcome"] == found["outcome"]


def run_against(world: World, change: str, undo: str, request_id: str = FIFE) -> dict[str, Any]:
    """A whole run against the changed source, which delivers nothing."""
    with changed(world, change, undo):
        found = world.run(request_id)
    assert_nothing_left(world, request_id, found)
    return found


# --- its shape -------------------------------------------------------------------------------------------------------


def _view_with(old: str, new: str) -> str:
    assert old in VIEW
    return f"DROP VIEW curated.benefit_cap CASCADE; SET ROLE source_owner; {VIEW.replace(old, new)}; RESET ROLE"


@pytest.mark.parametrize(
    "change",
    [
        _view_with("claimant.surname::text AS surname", "claimant.surname::text AS family_name"),
        _view_with("claimant.surname::text AS surname", "claimant.surname::varchar AS surname"),
        _view_with("    claimant.surname::text AS surname,\n", ""),
        _view_with("WHERE period.cap_reduction > 0", "WHERE period.cap_reduction >= 0"),
        "ALTER TABLE dwp.person RENAME COLUMN surname TO family_name",
        f"ALTER VIEW {data_view(FIFE, 'benefit_cap')} SET (security_barrier = false)",
        f"ALTER VIEW {data_view(FIFE, 'benefit_cap')} RENAME COLUMN surname TO family_name",
        f"DROP VIEW {data_view(FIFE, 'benefit_cap')}",
    ],
    ids=[
        *("renamed", "retyped", "dropped", "edited", "renamed below"),
        *("agreement's view without barrier", "agreement's view renamed", "agreement's view gone"),
    ],
)
def test_a_changed_view_stops_the_run(world: World, change: str) -> None:
    undo = restored_views(world)
    if change.startswith("ALTER TABLE"):
        undo = "ALTER TABLE dwp.person RENAME COLUMN family_name TO surname; " + undo
    found = run_against(world, change, undo)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_source"), found


def test_a_column_added_to_the_source_changes_nothing(world: World) -> None:
    assert world.run(FIFE)["outcome"] == Outcome.DELIVERED
    add = "ALTER TABLE dwp.person ADD COLUMN shoe_size integer DEFAULT 42"
    with changed(world, add, "ALTER TABLE dwp.person DROP COLUMN shoe_size"):
        assert world.run(FIFE, reason="The source has another column.")["outcome"] == Outcome.DELIVERED
    before, after = (read_manifest((f / "manifest.json").read_bytes())[0].files[0] for f in world.deliveries(FIFE))
    assert (after.columns, after.schema_digest) == (before.columns, before.schema_digest)
    assert (after.rows, after.clear_sha256) == (before.rows, before.clear_sha256)


def test_a_curated_view_edited_in_its_file_stops_until_its_contract_says_so(world: World, tmp_path: Path) -> None:
    sql = shutil.copytree(world.work.places.sql, tmp_path / "sql")
    file = sql / "benefit_cap" / "view.sql"
    file.write_text(VIEW.replace("cap_reduction > 0", "cap_reduction >= 0"))
    places = replace(world.work.places, sql=sql)
    found = World(world.home, replace(world.work, places=places), world.started_at).run(FIFE)
    assert found["outcome"] != Outcome.DELIVERED
    assert "benefit_cap" in found["reason"]
    assert not world.deliveries()
    file.write_text("-- Another comment, the same view.\n" + VIEW)
    assert World(world.home, replace(world.work, places=places), world.started_at).run(FIFE)["outcome"] == "delivered"


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        ("GRANT SELECT ON dwp.person TO {role}", "REVOKE ALL ON dwp.person FROM {role}"),
        ("GRANT SELECT (nino) ON dwp.person TO {role}", "REVOKE ALL ON dwp.person FROM {role}"),
        ("GRANT source_owner TO {role}", "REVOKE source_owner FROM {role}"),
        ("ALTER ROLE {role} CREATEROLE", "ALTER ROLE {role} NOCREATEROLE"),
        ("ALTER ROLE {role} BYPASSRLS", "ALTER ROLE {role} NOBYPASSRLS"),
        ("GRANT TEMPORARY ON DATABASE source TO {role}", "REVOKE TEMPORARY ON DATABASE source FROM {role}"),
        ("GRANT INSERT ON dwp.hold TO PUBLIC", "REVOKE INSERT ON dwp.hold FROM PUBLIC"),
        ("ALTER ROLE {role} SUPERUSER", "ALTER ROLE {role} NOSUPERUSER"),
    ],
)
def test_a_role_with_more_rights_than_planned_reads_nothing(world: World, change: str, undo: str) -> None:
    role = role_name(FIFE)
    key = world.key(FIFE)
    run_step(world.work, "check_approval", key)
    with changed(world, change.format(role=role), undo.format(role=role)), pytest.raises(SourceChanged) as caught:
        run_step(world.work, "check_source", key)
    assert f"{FIFE}: the role {role} has other rights than planned" in str(caught.value)


def test_the_agreements_role_itself_can_read_its_own_rows_and_nothing_else(world: World) -> None:
    address = f"{world.work.source('sample')} user={role_name(FIFE)} passfile={world.work.places.passfile}"
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(f"SELECT count(*), count(DISTINCT council_code) FROM {data_view(FIFE, 'benefit_cap')}")
        rows, councils = row.fetchone() or (0, 0)
        assert rows > 0
        assert councils == 1, "rows of other councils are invisible"
        for statement in (
            "SELECT 1 FROM dwp.person",
            "SELECT 1 FROM curated.benefit_cap",
            f"SELECT journal_note FROM {data_view(FIFE, 'benefit_cap')}",
            f"SELECT 1 FROM {data_view(ANALYSTS, 'pension_credit_award')}",
            f"DELETE FROM {data_view(FIFE, 'benefit_cap')}",
            "CREATE TEMPORARY TABLE mine (a int)",
            "SET default_transaction_read_only = off; CREATE TEMPORARY TABLE mine (a int)",
            "SET ROLE source_owner",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(statement)


@pytest.fixture
def reader(world: World) -> Iterator[World]:
    """The world, with a source that is entered as one role for all agreements, which may read every curated view."""
    server, role = world.home.postgres, "reads_all"
    server.create_role(role)
    passfile = world.home.home / "reader.pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text(server.passfile(role).read_text())
    work = replace(world.work, places=replace(world.work.places, passfile=passfile))
    things = {"CONNECT": f"DATABASE {SOURCE}", "USAGE": "SCHEMA curated", "SELECT": "ALL TABLES IN SCHEMA curated"}
    grant = "; ".join(f"GRANT {right} ON {thing} TO {role}" for right, thing in things.items())
    revoke = "; ".join(f"REVOKE {right} ON {thing} FROM {role}" for right, thing in things.items())
    with changed(world, grant, revoke):
        yield _moved(World(world.home, work, world.started_at), user=role)


def test_where_a_source_has_no_role_per_agreement_our_query_minimises_and_the_manifest_says_so(reader: World) -> None:
    allowed = replace(reader.work, limits=replace(reader.work.limits, allow_query=True))
    found = World(reader.home, allowed, reader.started_at).run(FIFE)
    assert found["outcome"] == Outcome.DELIVERED, found
    (folder,) = reader.deliveries(FIFE)
    (told,) = read_manifest((folder / "manifest.json").read_bytes())[0].sources
    assert told.enforced_by == "query"


def test_unless_that_is_allowed_another_role_than_the_agreements_reads_nothing(reader: World) -> None:
    found = reader.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_source")
    assert "EXTRACTS_ALLOW_QUERY_ENFORCEMENT" in found["reason"]
    assert not reader.deliveries()


# --- gone, late, empty -------------------------------------------------------------------------------------------


def _moved(world: World, **keywords: str) -> World:
    address = " ".join(f"{k}={v}" for k, v in {**_keywords(world), **keywords}.items())
    return World(world.home, replace(world.work, sources={"sample": address}), world.started_at)


def _keywords(world: World) -> dict[str, str]:
    return dict(part.split("=", 1) for part in world.work.source("sample").split())


def test_an_unreachable_source_is_a_technical_failure_that_may_be_tried_again(world: World) -> None:
    key = world.key(FIFE)
    run_step(world.work, "check_approval", key)
    with pytest.raises(ExtractsError) as caught:
        run_step(_moved(world, port="1").work, "check_source", key)
    assert type(caught.value).__name__ == "SourceUnreachable"
    assert caught.value.retryable
    assert run_step(world.work, "check_source", key), "the next try of the same run goes on"
    found = run_step(world.work, OUTCOME, key)
    assert found["outcome"] == Outcome.FAILED
    assert not world.deliveries()
    assert not world.staged()


def test_a_wrong_password_is_told_without_it(world: World, tmp_path: Path) -> None:
    wrong = tmp_path / "passfile"
    wrong.write_text("*:*:*:*:ZZWRONGPASSWORDZZ\n")
    wrong.chmod(0o600)
    said = extracts(world, "run", FIFE, "--json", EXTRACTS_SOURCE_PASSFILE=str(wrong))
    assert said.code == 1
    assert said.json["outcome"] == "technical failure"
    assert "password in the passfile" in said.text
    assert "ZZWRONG" not in said.text
    assert not world.deliveries()


def test_a_late_source_is_called_late_and_nobodys_fault(world: World) -> None:
    change = "UPDATE dwp.load_stamp SET loaded_at = loaded_at - interval '9 days' WHERE table_name = 'person'"
    found = run_against(world, change, change.replace("-", "+"))
    assert found["outcome"] == "source late"
    assert "hours ago" in found["reason"]
    assert "source's owner" in extracts(world, "why", FIFE, "--json").json["move"]
    assert world.run(FIFE)["outcome"] == Outcome.DELIVERED


def test_a_source_that_breaks_its_promise_leaves_a_quality_report(world: World) -> None:
    with world.home.postgres.superuser(SOURCE) as connection:
        query = f"SELECT min(nino) FROM {data_view(ANALYSTS, 'pension_credit_award')}"
        (nino,) = connection.execute(query.encode()).fetchone() or ()
    change = f"UPDATE dwp.person SET nino = 'QQ98765' WHERE nino = '{nino}'"
    found = run_against(world, change, f"UPDATE dwp.person SET nino = '{nino}' WHERE nino = 'QQ98765'", ANALYSTS)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_source")
    (report,) = world.work.places.runs.rglob("report.html")
    text = report.read_text()
    assert "Stopped: nothing leaves" in text
    assert "nino <span>in pension_credit_award</span>" in text
    assert "QQ98765" not in text


def test_a_source_without_rows_delivers_nothing(world: World) -> None:
    change = "UPDATE dwp.universal_credit_assessment_period SET cap_reduction = -cap_reduction WHERE cap_reduction > 0"
    undo = "UPDATE dwp.universal_credit_assessment_period SET cap_reduction = -cap_reduction WHERE cap_reduction < 0"
    found = run_against(world, change, undo)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "build_extract"), found
    assert re.search(r"benefit_cap, \d{4}-\d\d: 0 rows, but at least \d+ are expected", found["reason"]), found


def test_more_rows_than_agreed_are_not_delivered(world: World, tmp_path: Path) -> None:
    text = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text().replace(FIFE, OTHER)
    (tmp_path / "request.yaml").write_text(re.sub(r"max_rows: .*", "max_rows: 5", text))
    decided = decide_all(world.work, world.home, tmp_path, lambda _: None)
    try:
        apply_scripts(world.work, world.home, decided, lambda _: None)
        rehearse_all(world.work, world.home, decided, lambda _: None)
        found = world.run(OTHER)
    finally:
        plan = load_published(world.work, OTHER).plan
        world.source(source_ended_sql(plan, world.work.datasets, world.work.places.sql / "roles"))
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "build_extract"), found
    assert re.search(r"\d+ rows, but the agreement allows at most 5\.", found["reason"]), found
    assert_nothing_left(world, OTHER, found)


# --- the hold list -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "undo", "told"),
    [
        (
            "UPDATE dwp.load_stamp SET loaded_at = loaded_at - interval '30 hours' WHERE table_name = 'hold'",
            "UPDATE dwp.load_stamp SET loaded_at = loaded_at + interval '30 hours' WHERE table_name = 'hold'",
            "hours ago; at most 24",
        ),
        (
            "UPDATE dwp.load_stamp SET loaded_at = loaded_at + interval '30 hours' WHERE table_name = 'hold'",
            "UPDATE dwp.load_stamp SET loaded_at = loaded_at - interval '30 hours' WHERE table_name = 'hold'",
            "in the future",
        ),
        (
            "UPDATE dwp.load_stamp SET row_count = row_count + 1 WHERE table_name = 'hold'",
            _IN_FORCE,
            "says that it has",
        ),
        (
            "UPDATE dwp.load_stamp SET table_name = 'lost' WHERE table_name = 'hold'",
            "UPDATE dwp.load_stamp SET table_name = 'hold' WHERE table_name = 'lost'",
            "no load stamp",
        ),
    ],
    ids=["stale", "future", "miscounted", "without stamp"],
)
def test_a_hold_list_that_cannot_be_trusted_stops_everything(world: World, change: str, undo: str, told: str) -> None:
    found = run_against(world, change, undo)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "check_source")
    assert told in found["reason"], found["reason"]


def _person_in_scope(world: World) -> str:
    with world.home.postgres.superuser(SOURCE) as connection:
        row = connection.execute(
            f"SELECT min(nino) FROM {data_view(FIFE, 'benefit_cap')} WHERE date_trunc('month', assessment_period_end)"
            " = date_trunc('month', current_date) - interval '1 month'".encode()
        ).fetchone()
    assert row
    assert row[0]
    return str(row[0])


@contextmanager
def hold(world: World, effect: str, scope: str = "all") -> Iterator[str]:
    nino = _person_in_scope(world)
    world.source(f"SELECT dwp.record_hold('{nino}', '{scope}', '{effect}', 'canary', clock_timestamp())")
    try:
        yield nino
    finally:
        world.source(f"DELETE FROM dwp.hold WHERE reason_code = 'canary'; {_IN_FORCE}")


def test_a_hold_added_between_build_and_release_stops_the_release(world: World) -> None:
    key = world.key(FIFE)
    for step in GATES[:-1]:
        run_step(world.work, step, key)
    with hold(world, "leave out") as nino:
        with pytest.raises(ExtractsError):
            run_step(world.work, "release", key)
        found = run_step(world.work, OUTCOME, key)
        assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "release")
        assert "put on hold since the snapshot" in found["reason"]
        assert nino not in str(found)
        assert_nothing_left(world, FIFE, found)
        again = world.run(FIFE)
        assert again["outcome"] == Outcome.DELIVERED, "the new snapshot leaves the person out"


def test_a_hold_that_says_stop_and_ask_stops_and_names_nobody(world: World) -> None:
    with hold(world, "stop and ask", f"agreement:{FIFE}") as nino:
        found = world.run(FIFE)
        assert found["outcome"] == Outcome.STOPPED
        assert_nothing_left(world, FIFE, found)
        assert nino not in str(found)
        assert world.run(ANALYSTS)["outcome"] == Outcome.DELIVERED, "another agreement is not concerned"

"""Canaries: values that nobody else has are planted in the source, and no failure of any driver may repeat them.

After each failure everything that was written is searched: run records and reports, ledger and register, what was
printed, every exception with its causes, and the published and delivered clear files. So are the passwords.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import duckdb
import psycopg
import pytest

from extracts.errors import ExtractsError, Outcome
from extracts.extraction import reading
from extracts.extraction.sources import rows
from extracts.extraction.sources.names import data_view
from extracts.handover.manifest import read_manifest
from extracts.local.home import SOURCE
from extracts.steps import gate_sign
from extracts.steps.run import OUTCOME, run_step
from extracts.steps.run_folder import GATES
from extracts.steps.source_script import source_script
from tests.support.command_line import extracts
from tests.support.world import FIFE, SCP, World

SURNAME, FORENAMES, ADDRESS = "ZZCANARYNAME", "ZZCANARYFORE", "ZZ1 CANARY STREET"
POSTCODE, NINO, BORN = "ZZ99 9ZZ", "QQ987654D", "1812-03-04"
CANARIES = (SURNAME, FORENAMES, ADDRESS, POSTCODE, NINO, BORN)
LAST_MONTH = "date_trunc('month', d.assessment_period_end) = date_trunc('month', current_date) - interval '1 month'"


@contextmanager
def planted(world: World, **more: str) -> Iterator[None]:
    """One person in scope has the canaries' values; `more` sets further columns, as SQL."""
    values = {
        "surname": f"'{SURNAME}'",
        "forenames": f"'{FORENAMES}'",
        "address": f"'{ADDRESS}'",
        "postcode": f"'{POSTCODE}'",
        "nino": f"'{NINO}'",
        **more,
    }
    with world.home.postgres.superuser(SOURCE) as connection:
        found = connection.execute(
            f"SELECT p.person_id, p.nino, to_jsonb(p)::text FROM dwp.person p WHERE p.nino ="
            f" (SELECT min(d.nino) FROM {data_view(FIFE, 'benefit_cap')} d WHERE {LAST_MONTH})".encode()
        ).fetchone()
        assert found
        person, nino, before = found
        sets = ", ".join(f"{name} = {value}" for name, value in values.items())
        connection.execute(f"UPDATE dwp.person SET {sets} WHERE person_id = {person}".encode())
        try:
            yield
        finally:
            names = ", ".join(values)
            connection.execute(
                f"UPDATE dwp.person p SET ({names}) = (SELECT {names} FROM jsonb_populate_record(null::dwp.person,"
                f" %s::jsonb)) WHERE p.person_id = {person}".encode(),
                [before],
            )
            row = connection.execute("SELECT nino FROM dwp.person WHERE person_id = %s", [person]).fetchone()
            assert row == (nino,)


def passwords(world: World) -> list[str]:
    """Every password of the source's passfile, and of the server's roles."""
    files = [world.home.passfile, *(world.home.postgres.folder / "passwords").iterdir()]
    return [line.rpartition(":")[2] for file in files for line in file.read_text().splitlines() if line]


def told_by(error: BaseException | None) -> str:
    """All that an exception could tell: its text, its arguments, its causes and contexts, and its traceback."""
    text = "".join(traceback.format_exception(error)) if error else ""
    while error is not None:
        text += f"{error} {error!r} {error.args} {vars(error)}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return text


def written(world: World) -> str:
    """Everything that a run writes and keeps in clear."""
    places = world.work.places
    files = [p for top in (places.runs, places.published, places.drop_zone) for p in top.rglob("*") if p.is_file()]
    text = "".join(p.read_text(errors="replace") for p in files if p.suffix != ".age")
    text += "".join(str(p) for p in places.home.rglob("*"))
    with world.home.postgres.superuser(world.register) as connection:
        tables = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('register', 'ledger')"
        ).fetchall()
        assert len(tables) > 5
        for (table,) in tables:
            text += str(connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t".encode()).fetchall())
    return text


def assert_silent(world: World, *said: str) -> None:
    text = written(world) + "".join(said)
    assert not [c for c in (*CANARIES, *passwords(world)) if c in text]


def fail_at(
    world: World, gate: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> tuple[ExtractsError, dict[str, Any]]:
    """Run to the gate, which must fail; nothing that it says or writes holds a canary."""
    caplog.set_level(logging.DEBUG)
    key, caught = world.key(FIFE), None
    try:
        for step in GATES[: GATES.index(gate) + 1]:
            run_step(world.work, step, key)
    except ExtractsError as error:
        caught = error
    assert caught is not None, f"{gate} passed"
    found = run_step(world.work, OUTCOME, key)
    assert found["gate"] == gate, found
    out, err = capfd.readouterr()
    assert_silent(world, told_by(caught), str(found), caplog.text, out, err)
    assert not world.deliveries()
    assert not world.staged()
    return caught, found


def test_the_search_finds_a_canary_where_there_is_one(world: World) -> None:
    with planted(world):
        world.work.places.runs.mkdir(exist_ok=True)
        (world.work.places.runs / "leak.json").write_text(f'{{"found": "{SURNAME}"}}')
        with pytest.raises(AssertionError):
            assert_silent(world)
        (world.work.places.runs / "leak.json").unlink()
        assert_silent(world)
    with pytest.raises(ExtractsError) as leaking:
        _forgetful()
    assert SURNAME in told_by(leaking.value)


def _forgetful() -> None:
    try:
        raise ValueError(SURNAME)
    except ValueError:
        raise ExtractsError("Something failed.")


def test_a_delivery_of_canaries_leaves_none_in_clear(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with planted(world):
        assert world.run(FIFE)["outcome"] == Outcome.DELIVERED
        printed = [
            *(extracts(world, "why", FIFE).text, extracts(world, "deliveries", "list", "--json").text),
            *(extracts(world, "ledger", "show", "--json").text, extracts(world, "plan", FIFE).text),
            *(extracts(world, "settings").text, extracts(world, "doctor").text),
        ]
    assert_silent(world, caplog.text, *printed, *capfd.readouterr())


def test_people_who_must_never_leave_are_looked_for_in_every_extract(world: World) -> None:
    assert world.run(SCP)["outcome"] == Outcome.DELIVERED
    (folder,) = world.deliveries(SCP)
    manifest, _ = read_manifest((folder / "manifest.json").read_bytes())
    found = [c for r in manifest.reports for c in r.checks if c.name == "no canary is in the bytes"]
    assert [(c.passed, c.detail) for c in found] == [(True, "4 canaries looked for")]
    cells = [c for r in manifest.reports for c in r.checks if c.name == "no canary is in it"]
    assert {c.target for c in cells} >= {"scottish_child_payment.surname", "scottish_child_payment.nino"}


def test_if_holds_stop_working_the_person_on_hold_is_found_in_the_finished_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = source_script(world.work, SCP)
    with monkeypatch.context() as without_holds:
        without_holds.setattr(rows, "not_held", lambda *_: [])
        without_holds.setattr(rows, "held", lambda *_: "false")
        world.source(source_script(world.work, SCP))
        try:
            found = world.run(SCP)
        finally:
            world.source(script)
    assert (found["outcome"], found["gate"]) == (Outcome.STOPPED, "validate_extract"), found
    assert "no canary is in it" in found["reason"]
    canaries = world.home.canaries.read_text().splitlines()
    assert len(canaries) == 4
    assert not [c for c in canaries if c in written(world) + str(found)]
    assert not world.deliveries()


def test_without_a_usable_list_of_them_nothing_is_signed(world: World) -> None:
    world.home.canaries.chmod(0o644)
    found = world.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.FAILED, "validate_extract")
    assert "EXTRACTS_CANARIES names can be read by others" in found["reason"]
    assert not world.deliveries()


def _dividing(expression: str) -> str:
    """The agreement's view is what was approved; below it, a function fails with the row's values in its message."""
    return (
        "CREATE OR REPLACE FUNCTION dwp.fail(value text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
        f" IF value = '{SURNAME}' THEN RAISE EXCEPTION 'no good: %', value USING DETAIL = value, HINT = value; END IF;"
        f" RETURN {expression}; END $$"
    )


def test_a_database_error_that_quotes_a_row_does_not_get_out(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    # PostgreSQL tells the value in message, detail and hint; row-level security makes it fail below unchanged views.
    policy = (
        f"{_dividing('value')}; ALTER FUNCTION dwp.fail(text) OWNER TO source_owner;"
        " ALTER TABLE dwp.person ENABLE ROW LEVEL SECURITY; ALTER TABLE dwp.person FORCE ROW LEVEL SECURITY;"
        " CREATE POLICY canary ON dwp.person USING (dwp.fail(surname) IS NOT NULL)"
    )
    with planted(world):
        try:
            world.source(policy)
            with world.home.postgres.superuser(SOURCE) as connection:
                connection.execute("SET ROLE source_owner")
                with pytest.raises(psycopg.Error, match=SURNAME):
                    connection.execute("SELECT count(*) FROM dwp.person")
            error, _ = fail_at(world, "check_source", caplog, capfd)
            assert "P0001" in str(error), "PostgreSQL's own error, raised on the planted row, is what stopped it"
        finally:
            world.source(
                "DROP POLICY IF EXISTS canary ON dwp.person; ALTER TABLE dwp.person DISABLE ROW LEVEL SECURITY;"
                " ALTER TABLE dwp.person NO FORCE ROW LEVEL SECURITY; DROP FUNCTION IF EXISTS dwp.fail(text)"
            )


def test_a_failing_expectation_counts_and_names_no_value(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with planted(world, date_of_birth=f"'{BORN}'"):
        error, found = fail_at(world, "validate_extract", caplog, capfd)
        assert type(error).__name__ == "CheckFailed", found
        assert "date_of_birth" in str(error)


def _raising(kind: Callable[[str], BaseException]) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise kind(f"Conversion Error: could not read '{SURNAME}', '{NINO}', '{POSTCODE}'")

    return fail


@pytest.mark.parametrize(
    ("gate", "place", "kind"),
    [
        ("build_extract", "extracts.extraction.reading.Reader.read", duckdb.ConversionException),
        ("build_extract", "extracts.extraction.reading.Reader.read", duckdb.OutOfMemoryException),
        ("build_extract", "extracts.extraction.engine.read_counts", psycopg.errors.InvalidTextRepresentation),
        ("build_extract", "extracts.extraction.engine.finish", duckdb.IOException),
        ("build_extract", "extracts.steps.gate_build.save_extract", ValueError),
        ("validate_extract", "extracts.steps.gate_validate.validate_release", KeyError),
        ("validate_extract", "extracts.extraction.inspection.inspect", UnicodeError),
        ("sign_manifest", "extracts.steps.gate_sign.encrypt", OSError),
        ("sign_manifest", "extracts.steps.gate_sign.assemble", RuntimeError),
        ("release", "extracts.handover.dropzone.folder.write_delivery", PermissionError),
        ("release", "extracts.handover.dropzone.folder.check_written", MemoryError),
    ],
)
def test_whatever_a_driver_says_stays_inside(
    world: World,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    gate: str,
    place: str,
    kind: Callable[[str], BaseException],
) -> None:
    monkeypatch.setattr(place, _raising(kind))
    error, found = fail_at(world, gate, caplog, capfd)
    assert found["outcome"] in (Outcome.FAILED, Outcome.STOPPED)
    assert error.__cause__ is None
    told = extracts(world, "why", FIFE)
    assert told.code == 0
    assert_silent(world, told.text)


def test_duckdb_s_own_error_about_a_row_stays_inside(
    world: World,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(duckdb.ConversionException, match=SURNAME):
        duckdb.execute(f"SELECT CAST('{SURNAME}' AS integer)").fetchall()
    monkeypatch.setattr(reading, "treated", lambda column, _: f'CAST("{column.source}" AS integer)')
    with planted(world):
        error, _ = fail_at(world, "build_extract", caplog, capfd)
    assert "(ConversionException)" in str(error)


@pytest.mark.parametrize("key", [f"age1{SURNAME.lower()}", f"ssh-ed25519 {SURNAME}"])
def test_pyrage_s_own_error_stays_inside(
    world: World,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    known = gate_sign.decryption_keys(world.work, "fife-council")
    monkeypatch.setattr(gate_sign, "decryption_keys", lambda *_: [replace(known[0], public_key=key)])
    fail_at(world, "sign_manifest", caplog, capfd)


def test_a_command_that_crashes_shows_no_traceback(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extracts.steps.why.why", _raising(ValueError))
    said = extracts(world, "why", FIFE)
    assert said.code == 1
    assert "ValueError" in said.text
    assert "Traceback" not in said.text
    assert_silent(world, said.text)

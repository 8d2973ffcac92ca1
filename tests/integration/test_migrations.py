"""Migrations of register and ledger: forward only, once each, and owned by nobody who can log in."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from extracts.errors import (
    NotFound,
    Refused,
    TechnicalFailure,
)
from extracts.record.boundary import open_engine
from extracts.record.ledger import metadata as ledger_metadata
from extracts.record.migrations import OWNER, migrate, pending
from extracts.record.tables import Base
from tests.support.register import (
    APPLICATION,
    MIGRATIONS,
    NOON,
    a_register,
)


@pytest.fixture
def register(database):
    """An empty register of the test's own."""
    fresh = a_register(database)
    yield fresh
    fresh.engine.dispose()


@pytest.fixture
def migrations(tmp_path):
    """A copy of the files that a test may change."""
    return shutil.copytree(MIGRATIONS, tmp_path / "register")


@pytest.fixture
def owner_engine(database):
    database.role(APPLICATION)
    engine = open_engine(database.url())
    yield engine
    engine.dispose()


def test_migrating_twice_equals_once(owner_engine, migrations):
    names = tuple(p.name for p in sorted(migrations.glob("*.sql")))
    assert pending(owner_engine, migrations) == names
    assert migrate(owner_engine, migrations, application=APPLICATION, now=NOON) == names
    assert migrate(owner_engine, migrations, application=APPLICATION, now=NOON) == ()
    assert pending(owner_engine, migrations) == ()


def test_two_migrators_at_once_apply_each_file_once(owner_engine, migrations):
    with ThreadPoolExecutor(4) as pool:
        applied = list(
            pool.map(lambda _: migrate(owner_engine, migrations, application=APPLICATION, now=NOON), range(4))
        )
    assert sorted(name for names in applied for name in names) == sorted(p.name for p in migrations.glob("*.sql"))


def test_a_further_migration_is_applied_alone_and_one_that_fails_leaves_nothing(owner_engine, migrations, database):
    migrate(owner_engine, migrations, application=APPLICATION, now=NOON)
    number = len(list(migrations.glob("*.sql"))) + 1
    further = migrations / f"{number:04}_note.sql"
    further.write_text("CREATE TABLE register.note (n int); SELECT 1 / 0;")
    with pytest.raises(TechnicalFailure, match="SQLSTATE 22012"):
        migrate(owner_engine, migrations, application=APPLICATION, now=NOON)
    further.write_text('CREATE TABLE register.note (n int); GRANT SELECT ON register.note TO :"application"; -- 100%')
    assert migrate(owner_engine, migrations, application=APPLICATION, now=NOON) == (further.name,)
    assert database.rows("SELECT * FROM register.note", APPLICATION) == []
    assert database.rows("SELECT tableowner FROM pg_tables WHERE tablename = 'note'") == [(OWNER,)]


def test_a_migration_that_was_edited_after_it_ran_is_refused(owner_engine, migrations):
    migrate(owner_engine, migrations, application=APPLICATION, now=NOON)
    first = migrations / "0001_ledger.sql"
    kept = first.read_bytes()
    first.write_bytes(kept.replace(b"\n", b"\r\n"))  # another system's checkout is no edit
    assert pending(owner_engine, migrations) == ()
    first.write_bytes(kept + b"\n-- a comment")
    for ask in (
        lambda: migrate(owner_engine, migrations, application=APPLICATION, now=NOON),
        lambda: pending(owner_engine, migrations),
    ):
        with pytest.raises(Refused, match=r"0001_ledger\.sql was edited after it was applied"):
            ask()


def test_a_database_newer_than_the_program_is_refused(owner_engine, migrations):
    migrate(owner_engine, migrations, application=APPLICATION, now=NOON)
    last = sorted(migrations.glob("*.sql"))[-1]
    last.unlink()
    with pytest.raises(Refused, match=f"has migration {last.name}, which this program does not know"):
        pending(owner_engine, migrations)


@pytest.mark.parametrize("name", ["0099_too_far.sql", "0002_twice.sql", "notes.sql"])
def test_migrations_that_do_not_count_up_are_refused(owner_engine, migrations, name):
    (migrations / name).write_text("SELECT 1")
    with pytest.raises(Refused, match=r"is out of order: number 00\d\d was expected"):
        migrate(owner_engine, migrations, application=APPLICATION, now=NOON)


def test_a_parameter_that_nobody_gives_and_an_empty_folder_are_refused(owner_engine, migrations, tmp_path):
    (migrations / f"{len(list(migrations.glob('*.sql'))) + 1:04}_more.sql").write_text('SELECT :"somebody"')
    with pytest.raises(Refused, match="asks for a parameter 'somebody'"):
        migrate(owner_engine, migrations, application=APPLICATION, now=NOON)
    with pytest.raises(Refused, match="There are no migrations"):
        migrate(owner_engine, tmp_path, application=APPLICATION, now=NOON)


def test_an_application_that_could_act_as_owner_is_refused(owner_engine, migrations, database):
    for role, error in (("postgres", Refused), (OWNER, Refused), ("no_such_role", NotFound)):
        with pytest.raises(error):
            migrate(owner_engine, migrations, application=role, now=NOON)
    migrate(owner_engine, migrations, application=APPLICATION, now=NOON)
    database.role("member_of_owner")
    database.execute(f"GRANT {OWNER} TO member_of_owner")
    with pytest.raises(Refused, match="could act as owner of the ledger"):
        migrate(owner_engine, migrations, application="member_of_owner", now=NOON)


def test_an_administrator_who_is_no_superuser_can_migrate(database, migrations):
    database.role(APPLICATION)
    administrator = database.role("administrator")
    database.execute(f"ALTER ROLE administrator CREATEROLE; GRANT CREATE ON DATABASE {database.name} TO administrator")
    database.execute(f"DROP ROLE IF EXISTS {OWNER}_2")
    engine = open_engine(database.url(administrator))
    assert migrate(engine, migrations, application=APPLICATION, owner=f"{OWNER}_2", now=NOON)
    engine.dispose()
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('ledger', 'register')"
    assert database.rows(owners) == [(f"{OWNER}_2",)]


def test_the_typed_models_are_what_the_migrations_make(register):
    def ours(name, kind, parent) -> bool:
        return name in ("ledger", "register") if kind == "schema" else name != "schema_migration"

    with register.database.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_schemas": True, "include_name": ours})
        found = compare_metadata(context, [Base.metadata, ledger_metadata])
    # Comments live in the migrations alone.
    assert [d for d in found if "comment" not in str(d[0])] == []

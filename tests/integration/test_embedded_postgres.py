"""The embedded PostgreSQL: nobody enters without a password, and it comes back whatever happened to it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine

from extracts.errors import TechnicalFailure, UsageError
from extracts.local.postgres import EmbeddedPostgres
from extracts.local.processes import processes_in, wait_until
from extracts.local.programs import Account, copy_programs, remove_copy, server_account
from tests.support.postgres import Database, temporary_database

AS_ROOT = os.geteuid() == 0
NOBODY = Account(65534, 65534)


@pytest.fixture
def server(tmp_path: Path):
    """A server of the test's own, which it may mistreat."""
    own = EmbeddedPostgres(tmp_path / "home", durable=False)
    yield own
    own.stop()


@pytest.fixture
def ordinary_home():
    """A folder that belongs to an ordinary user and that they can reach; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    NOBODY.own(folder)
    yield folder
    shutil.rmtree(folder)


def succeeds_as(account: Account, work: Callable[[], None]) -> bool:
    """Whether `work` ends well in a child that belongs to another user and keeps what is imported already."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def password(server: EmbeddedPostgres, role: str) -> str:
    return server.passfile(role).read_text().strip().rpartition(":")[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def listening(server: EmbeddedPostgres) -> set[tuple[str, int]]:
    """Addresses on which the server listens; Unix sockets appear with their path."""
    found = set()
    for socket in psutil.Process(server.pid()).net_connections(kind="all"):
        if socket.status == psutil.CONN_LISTEN:
            found.add((socket.laddr.ip, socket.laddr.port))
        elif isinstance(socket.laddr, str) and socket.laddr:
            found.add((socket.laddr, 0))
    return found


# --- who may enter ---------------------------------------------------------------------------------------------------


def test_a_role_enters_its_own_database_with_its_passfile(pg, database):
    role = database.role("visitor")
    assert database.rows("SELECT current_user, current_database()", role) == [(role, database.name)]


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_the_address_works_in_sqlalchemy_and_holds_no_password(pg, database, driver):
    role = database.role("visitor")
    url = database.url(role, driver)
    assert password(pg, role) not in url
    assert password(pg, role) not in database.conninfo(role)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT current_user").scalar() == role
    engine.dispose()


@pytest.mark.parametrize("role", ["postgres", "visitor"])
def test_a_wrong_password_is_refused(pg, database, role):
    database.role("visitor")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host="127.0.0.1",
            port=pg.current_port(),
            user=role,
            dbname=database.name,
            password="wrong",
            passfile="/dev/null",
        )


def test_the_superuser_without_a_password_is_refused(pg):
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(
            host="127.0.0.1", port=pg.current_port(), user="postgres", dbname="postgres", passfile="/dev/null"
        )


def test_every_way_in_demands_a_password_a_local_socket_too(pg):
    with pg.superuser() as connection:
        ways = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
        kinds = connection.execute("SELECT type FROM pg_hba_file_rules ORDER BY 1").fetchall()
    assert ways == [("scram-sha-256",)]
    assert kinds == [("host",), ("local",)]


def test_it_listens_on_the_loopback_address_only_and_on_no_socket_file(pg):
    assert listening(pg) == {("127.0.0.1", pg.current_port())}


def test_a_role_may_not_enter_a_database_it_was_not_let_into(pg, database):
    pg.create_role("stranger")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        database.connect("stranger")


def test_a_role_let_in_may_not_make_temporary_tables(pg, database):
    role = database.role("visitor")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("CREATE TEMP TABLE t (n int)", role)


def test_the_clear_password_of_a_role_never_travels_to_the_server(server):
    server.start()
    with server.superuser() as connection:
        connection.execute("ALTER ROLE postgres SET log_statement = 'all'")
    server.create_role("quiet")
    said = server.log.read_text()
    assert """CREATE ROLE "quiet" LOGIN PASSWORD 'SCRAM-SHA-256$""" in said
    assert password(server, "quiet") not in said


@pytest.mark.parametrize("name", ["Robert", "a b", 'x"; DROP', "", "../up", "1st", "x" * 64])
def test_names_that_would_need_quoting_are_refused(pg, name):
    with pytest.raises(UsageError):
        pg.create_role(name)
    with pytest.raises(UsageError):
        pg.create_database(name)


def test_making_a_role_or_database_twice_changes_nothing(pg):
    pg.create_role("twice")
    before = pg.passfile("twice").read_text()
    pg.create_role("twice")
    pg.create_database("twice", "twice")
    pg.create_database("twice", "twice")
    assert pg.passfile("twice").read_text() == before
    with psycopg.connect(pg.conninfo("twice", "twice")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("twice",)
    pg.drop_database("twice")
    pg.drop_database("twice")


# --- what lies around ----------------------------------------------------------------------------------------------


def test_passwords_lie_in_files_that_only_their_owner_reads(pg):
    pg.create_role("visitor")
    assert mode(pg.folder) == mode(pg.folder / "passwords") == mode(pg.data) == 0o700
    files = [*(pg.folder / "passwords").iterdir(), pg.log, pg.folder / "port"]
    assert {mode(path) for path in files} == {0o600}


def test_no_process_shows_a_password_in_its_command_line_or_environment(pg):
    secrets = [path.read_text().strip().rpartition(":")[2] for path in (pg.folder / "passwords").iterdir()]
    for pid in processes_in(pg.data):
        seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        assert not [secret for secret in secrets if secret.encode() in seen]


def test_the_log_holds_no_value_from_a_failed_statement(pg, database):
    database.execute("CREATE TABLE person (nino text PRIMARY KEY, age int); INSERT INTO person VALUES ('QQ123456C', 1)")
    for statement in (
        "INSERT INTO person VALUES ('QQ123456C', 2)",
        "INSERT INTO person VALUES ('QQ999999A', 'QQ123456C')",
        "SELECT 'QQ123456C'::int",
    ):
        with pytest.raises(psycopg.Error, match="QQ123456C"):
            database.execute(statement)
    assert "QQ" not in pg.log.read_text()


@pytest.mark.skipif(not AS_ROOT, reason="only root has to give the server to somebody else")
def test_root_gives_the_server_to_nobody_and_opens_no_folder(tmp_path):
    home = tmp_path / "shut" / "home"
    home.parent.mkdir(mode=0o700)
    parents = [path for path in home.parents if path.is_dir()]
    before = [path.stat().st_mode for path in parents]
    users = pwd.getpwall()
    server = EmbeddedPostgres(home)
    groups_before = os.getgroups()
    os.setgroups([4, 27])
    try:
        server.start()
        uids = {uid for pid in processes_in(server.data) for uid in psutil.Process(pid).uids()}
        groups = {tuple(psutil.Process(pid).gids()) for pid in processes_in(server.data)}
        assert uids == {pwd.getpwnam("nobody").pw_uid}
        assert groups == {(pwd.getpwnam("nobody").pw_gid,) * 3}
        # Not one of root's other groups came along, nor a right.
        assert "Groups:\t \n" in Path(f"/proc/{server.pid()}/status").read_text()
        assert "CapEff:\t0000000000000000\n" in Path(f"/proc/{server.pid()}/status").read_text()
        assert [path.stat().st_mode for path in parents] == before
        assert pwd.getpwall() == users
        copied = (server.folder / "programs").readlink()
        assert {path.stat().st_uid for path in copied.rglob("*")} == {0}
        assert not [path for path in [*copied.rglob("*"), *copied.parents[:2]] if mode(path) & 0o022]
    finally:
        os.setgroups(groups_before)
        server.stop()
    assert not copied.parents[1].exists()


@pytest.mark.skipif(not AS_ROOT, reason="as an ordinary user, every other test shows this")
def test_an_ordinary_user_runs_it_too(ordinary_home, monkeypatch):
    # The wheel may lie where only root may enter; a copy is like a wheel that this user installed.
    programs = copy_programs(NOBODY)
    monkeypatch.setattr("extracts.local.postgres.wheel_programs", lambda: programs)

    def work() -> None:
        server = EmbeddedPostgres(ordinary_home, durable=False)
        server.start()
        server.create_database("mine")
        with psycopg.connect(server.conninfo("mine")) as connection:
            connection.execute("SELECT 1")
        server.stop()

    try:
        assert succeeds_as(NOBODY, work)
    finally:
        remove_copy(programs)
    assert {path.stat().st_uid for path in ordinary_home.rglob("*")} == {NOBODY.uid}


@pytest.mark.skipif(not AS_ROOT, reason="needs two users")
def test_a_folder_of_somebody_else_is_refused_with_a_reason(tmp_path):
    def work() -> None:
        with pytest.raises(TechnicalFailure, match=r"cannot use the folder.*Choose another EXTRACTS_HOME"):
            EmbeddedPostgres(tmp_path / "home").start()

    assert succeeds_as(NOBODY, work)


# --- whatever happens to it ----------------------------------------------------------------------------------------


def test_starting_and_stopping_twice_equal_once(server):
    server.start()
    first = server.pid()
    server.start()
    assert server.pid() == first
    EmbeddedPostgres(server.home).start()  # another command of the same person
    assert server.pid() == first
    server.stop()
    server.stop()
    assert not server.is_running()
    assert processes_in(server.data) == set()


def test_another_command_stops_it(server):
    server.start()
    EmbeddedPostgres(server.home).stop()
    assert not server.is_running()
    assert processes_in(server.data) == set()


def test_after_sigkill_it_starts_again_with_what_was_committed(tmp_path):
    server = EmbeddedPostgres(tmp_path / "home")
    server.start()
    try:
        server.create_database("kept")
        with psycopg.connect(server.conninfo("kept")) as connection:
            connection.execute("CREATE TABLE t AS SELECT 42 AS n")
        port = server.current_port()
        for _ in range(2):
            os.kill(server.pid(), signal.SIGKILL)
            assert wait_until(lambda: server.pid() is None, 30)
            assert (server.data / "postmaster.pid").exists()
            server.start()
            with psycopg.connect(server.conninfo("kept")) as connection:
                assert connection.execute("SELECT n FROM t").fetchone() == (42,)
            assert server.current_port() == port
    finally:
        server.stop()


def test_a_lock_file_that_names_a_living_stranger_is_no_obstacle_and_the_stranger_lives(server):
    server.start()
    account, lock = server_account(server.data), server.data / "postmaster.pid"
    lines = lock.read_text().split("\n")
    os.kill(server.pid(), signal.SIGKILL)
    assert wait_until(lambda: server.pid() is None, 30)
    # The number of the killed server, given to another process of the same user: PostgreSQL itself would refuse.
    stranger = subprocess.Popen([shutil.which("sleep"), "600"], **account.popen(Path("/")))
    try:
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        assert server.pid() is None
        server.stop()
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        server.start()
        assert server.is_running()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_start_that_was_killed_while_making_the_cluster_is_begun_again(server):
    (server.folder / "data.new" / "base").mkdir(parents=True)
    (server.folder / "data.new" / "PG_VERSION").write_text("18\n")
    server.start()
    assert server.is_running()
    assert not (server.folder / "data.new").exists()


def test_a_home_with_a_space_and_a_long_path_works(tmp_path):
    home = tmp_path / "a folder with spaces, 100% long" / ("x" * 120) / "é'\""
    server = EmbeddedPostgres(home, durable=False)
    server.start()
    try:
        server.create_role("owner")
        server.create_database("mine", "owner")
        engine = create_engine(server.url("mine", "owner"))
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT current_user").scalar() == "owner"
        engine.dispose()
    finally:
        server.stop()


def test_a_given_port_that_is_taken_is_said_plainly_and_nothing_is_left(pg, tmp_path):
    server = EmbeddedPostgres(tmp_path / "home", port=pg.current_port())
    with pytest.raises(TechnicalFailure, match=f"did not start on port {pg.current_port()}"):
        server.start()
    assert processes_in(server.data) == set()
    assert not (server.folder / "programs").exists()


def test_what_needs_the_server_says_that_it_does_not_run(server):
    with pytest.raises(TechnicalFailure, match="not running"):
        server.url("postgres")
    with pytest.raises(TechnicalFailure, match="not running"):
        server.create_role("early")


def test_an_order_that_fails_says_its_sqlstate_and_not_its_text(pg):
    with pytest.raises(TechnicalFailure, match="22P02") as caught, pg.superuser() as connection:
        connection.execute("SELECT 'QQ123456C'::int")
    assert "QQ" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_fresh_database_is_empty_and_gone_afterwards(pg):
    with temporary_database(pg) as fresh:
        assert isinstance(fresh, Database)
        assert fresh.rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
        fresh.engine().connect()
    with pg.superuser() as connection:
        assert not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [fresh.name]).fetchone()

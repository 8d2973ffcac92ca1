"""The guides' commands, typed in their order into a small world. Names that a page makes up are replaced by ours."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pyarrow import parquet

from extracts import signing
from extracts.catalogue.people import Role
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, role_name
from extracts.extraction.sources.postgres import open_source
from extracts.handover.decryption import decrypt_stream, read_identity
from extracts.local.home import SOURCE, DemoHome
from extracts.local.people import BOARD, CONTROLLER, SERVICE
from extracts.local.postgres import EmbeddedPostgres
from extracts.local.world import review_all
from extracts.settings import PROJECT
from extracts.steps.approval_file import load_published
from extracts.steps.receipts import take_receipts
from extracts.steps.signers import service_principal
from tests.support.command_line import environment_of, extracts
from tests.support.deciding import REQUESTER
from tests.support.guides import HOW_TO, Shell, blocks, commands
from tests.support.world import FIFE, SCP, World, copied

SHOWN_DELIVERY = f"{FIFE}.2026-10.r1"
REGISTER = "host=register.example dbname=register user=extracts_migrator"
RECIPIENT = "data.team@fife.example"


def a_shell(world: World, folder: Path, **names: str) -> Shell:
    folder.mkdir(exist_ok=True)
    return Shell(folder, names, environment_of(world))


def page(name: str) -> Path:
    return HOW_TO / f"{name}.md"


@pytest.fixture(scope="module")
def lived(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which the council handed over its key and the first agreement was made, as the pages say.

    Tests read it, or add what leaves the others' sight as it was.
    """
    with copied(template_world, tmp_path_factory.mktemp("lived") / "home") as world:
        council = a_shell(world, council_of(world))
        for command in commands(page("collect-and-verify"))[:2]:
            assert council.works(command)
        shutil.copy(council.folder / "fife-council.pub", world.work.places.recipient_keys)
        told = signing.key_fingerprint(council.folder / "fife-council.pub")
        how = ("--fingerprint", told, "--channel", "telephone", "--spoke-with", "A. Steward")
        assert extracts(world, "keys", "confirm-recipient", "fife-council", *how).code == 0
        shutil.copy(PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml", world.home.home / "request.yaml")
        shell = a_shell(world, world.home.home)
        shell.names = {"/mnt/dropzone": str(world.work.places.drop_zone)}
        shell.names["/etc/extracts/trust"] = str(world.home.people.allowed_signers.parent)
        typed = commands(page("set-up-production"))
        first = typed.index("extracts request submit request.yaml")
        for command in typed[first : typed.index("make -C /srv/extracts env", first)]:
            shell.works(command)
        yield world


def council_of(world: World) -> Path:
    """Where the recipient works."""
    return world.home.home.with_name("council")


# --- the recipient ---------------------------------------------------------------------------------------------------


def test_a_recipient_follows_the_page_from_the_first_key_to_the_certificate(lived: World) -> None:
    shell = a_shell(lived, council_of(lived))
    typed = commands(page("collect-and-verify"))[2:]
    (delivered,) = lived.deliveries(FIFE)
    shutil.copytree(delivered.parent, shell.folder / FIFE)
    shutil.copytree(delivered, shell.folder / delivered.name)
    _list_of_signers(lived, shell.folder / "allowed_signers")
    area = lived.work.places.drop_zone / "fife-council"
    (area / "inbox").mkdir(exist_ok=True)
    shell.names = {SHOWN_DELIVERY: delivered.name, **_times(delivered), "/mnt/transfer/fife-council": str(area)}
    for command in typed:
        if command.startswith("cd "):
            shell.folder = shell.folder.parent if command == "cd .." else shell.folder / delivered.name
        elif not command.startswith("pip "):
            shell.works(command)
    assert (shell.folder / delivered.name / "benefit_cap.parquet").read_bytes().startswith(b"PAR1")
    assert (delivered.name,) in [t.deliveries for t in take_receipts(lived.work).taken]
    assert extracts(lived, "deliveries", "show", delivered.name, "--json").json["custody"] == "destroyed"


def _list_of_signers(world: World, path: Path) -> None:
    """The list as it is some time later: the Board's key has expired since it signed."""
    text = world.home.people.allowed_signers.read_text()
    until = (world.started_at - timedelta(seconds=1)).strftime("%Y%m%d%H%M%SZ")
    text = text.replace(f"{BOARD} ", f'{BOARD} valid-before="{until}",')
    path.write_text(text)


def _times(delivery: Path) -> dict[str, str]:
    """The page's three example times, and this delivery's, both in the order of the commands."""
    pattern = re.compile(r"-Overify-time=(\w+)")
    shown = pattern.findall(page("collect-and-verify").read_text())
    return dict(zip(shown, pattern.findall((delivery / "README.txt").read_text()), strict=True))


# --- the requester ---------------------------------------------------------------------------------------------------


def test_the_rows_that_the_page_asks_for_pass_the_check(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extracts.cli.options.signed_in", lambda: REQUESTER)
    (rows,) = [b.text for b in blocks(page("write-a-request")) if b.text.startswith("rows:")]
    sample = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text()
    shell = a_shell(world, tmp_path)
    text = sample.partition("    rows:\n")[0] + "".join(f"    {line}\n" for line in rows.splitlines())
    (tmp_path / "my-request.yaml").write_text(text.replace("version: 1", "version: 2", 1))
    shell.names = {"SDDSB-2026-014": FIFE}
    for command in commands(page("write-a-request")):
        shell.works(command)


# --- the deciders and the source's administrator ---------------------------------------------------------------------


def test_two_people_decide_and_stop_as_the_page_says(world: World, tmp_path: Path) -> None:
    text = (PROJECT / "examples" / "requests" / "scottish-child-payment.yaml").read_text()
    (tmp_path / "second.yaml").write_text(text.replace("version: 1", "version: 2", 1))
    shell = a_shell(world, tmp_path)
    shell.works("extracts request submit second.yaml")
    review_all(world.work, SCP)
    for role, who in ((Role.BOARD, BOARD), (Role.CONTROLLER, CONTROLLER)):
        shell.names = {"~/.ssh/id_ed25519": str(world.home.people.key(who)), "2027-03-31": "2028-03-31"}
        shell.names["host=uc.example dbname=warehouse user=dba"] = world.home.postgres.conninfo(SOURCE)
        for command in commands(page("decide")):
            if _is_for(command, role):
                shell.works(command)
    assert "REVOKE" in (tmp_path / "sddsb-2026-014-ended.sql").read_text()


def _is_for(command: str, role: Role) -> bool:
    """The Board signs first; the Controller does the rest. Signing elsewhere, undoing and returning have own tests."""
    if any(mark in command for mark in ("--print", "ssh-keygen", "--signature", "psql", "--outcome return")):
        return False
    return ("--as board" in command) == (role is Role.BOARD)


def test_with_the_script_and_the_lines_that_the_page_shows_the_role_reads_its_views(
    world: World, tmp_path: Path
) -> None:
    (script, *_) = [c for c in commands(page("decide")) if c.startswith("extracts source sql")]
    (applied, *_) = [c for c in commands(page("decide")) if c.startswith("psql")]
    address = {"host=uc.example dbname=warehouse user=dba": world.home.postgres.conninfo(SOURCE)}
    shell = Shell(tmp_path, address, environment_of(world))
    shell.works(script)
    shell.works(applied)
    lines = next(b.text for b in blocks(page("decide")) if b.text.startswith("uc.example:")).splitlines()
    known = {r: world.home.postgres.passfile(r).read_text().strip() for r in (role_name(SCP), MEMBERSHIP_ROLE)}
    assert [line.split(":")[3] for line in lines] == list(known)
    assert [line.count(":") for line in lines] == [line.count(":") for line in known.values()]
    passfile = tmp_path / "source.pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text("".join(f"{line}\n" for line in known.values()))
    with open_source(load_published(world.work, SCP).plan, world.work.source("sample"), passfile).transaction() as to:
        assert to.execute("SELECT 1").fetchone() == (1,)


# --- operators -------------------------------------------------------------------------------------------------------


def test_an_operators_day_can_be_typed(lived: World, tmp_path: Path) -> None:
    shell = a_shell(lived, tmp_path)
    shell.names = {"/mnt/dropzone": str(lived.work.places.drop_zone), "2026-10": lived.deliveries(FIFE)[0].name[15:22]}
    for command in [*commands(page("operate")), *commands(page("when-something-stops"))]:
        if not _takes_a_whole_run(command) and command != "extracts doctor":  # it looks at this machine's disk too
            shell.works(command)
    assert len(lived.deliveries(FIFE)) == 1


def _takes_a_whole_run(command: str) -> bool:
    """Other periods and corrections: that they work is tested elsewhere, that the options exist in tests/unit."""
    return command.startswith("extracts redeliver") or ("extracts run" in command and "--period" in command)


def test_a_backup_is_restored_into_another_database_and_an_index_is_read(lived: World, tmp_path: Path) -> None:
    server, migrator = lived.home.postgres, _migrator(lived.home.postgres, lived.register)
    typed = commands(page("back-up-and-restore"))
    made = typed.index(next(c for c in typed if c.startswith("pg_restore")))
    shell = a_shell(lived, tmp_path / "safe")
    shell.names = {
        REGISTER: server.conninfo(lived.register, migrator),
        "/mnt/dropzone": str(lived.work.places.drop_zone),
        "/mnt/audit/anchors": str(shell.folder),
    }
    shell.environment = {
        **environment_of(lived),
        "EXTRACTS_RECOVERY_RECIPIENT": lived.work.recovery_recipient,
        "EXTRACTS_SERVICE_KEY": str(lived.work.places.service_key),
    }
    for command in typed[:made]:
        shell.works(command)
    shutil.copy(lived.home.people.recovery_identity, shell.folder / "recovery.key")  # this world's own
    restored = f"{lived.register}_restored"
    try:
        _restore(lived, shell, typed[made:], restored, tmp_path / "other")
    finally:
        server.drop_database(restored)


def _restore(world: World, shell: Shell, typed: list[str], database: str, other: Path) -> None:
    server, (delivered,) = world.home.postgres, world.deliveries(FIFE)
    for statement in _sql_of_the_register(database)[1]:
        with server.superuser() as connection:
            connection.execute(statement.encode())
    other.mkdir(mode=0o700)
    _settings_of(world, other, server.url(database, "extracts_app"), server.url(database, "extracts_migrator"))
    shell.environment = {"EXTRACTS_HOME": str(other)}
    shell.names = {
        REGISTER: server.conninfo(database, "extracts_migrator"),
        "/mnt/dropzone": str(world.work.places.drop_zone),
        f"membership/{SHOWN_DELIVERY}": f"{other}/membership/{delivered.name}",
        "python3 who_received.py index.parquet keys": f"echo {_somebody_delivered(world)} | "
        f"python3 who_received.py index.parquet {other}/keys",
    }
    (script,) = [b for b in blocks(page("back-up-and-restore")) if b.path]
    (shell.folder / script.path).write_text(script.text)
    _type_the_restore(shell, typed, other)


def _type_the_restore(shell: Shell, typed: list[str], other: Path) -> None:
    for command in typed:
        if command == "extracts doctor" or command.startswith("extracts keys replace"):
            continue
        said = shell.works(command)
        if "ledger verify" in command:
            assert "1 anchor" in said.text
        if "who_received" in command:
            assert said.out == "benefit_cap: included\n"
    assert "-----BEGIN OPENSSH" in (shell.folder / "service_key").read_text()
    assert sorted(p.stem for p in (other / "published").glob("*.json")) == [SCP, FIFE, "SDDSB-2026-027"]


def _somebody_delivered(world: World) -> str:
    """The number of a (made-up) person in the council's delivery, as the council reads it."""
    clear, (delivered,) = io.BytesIO(), world.deliveries(FIFE)
    with (delivered / "benefit_cap.parquet.age").open("rb") as sealed:
        decrypt_stream(sealed, clear, read_identity(council_of(world) / "fife-council"), "a delivery")
    clear.seek(0)
    return str(parquet.read_table(clear, columns=["nino"])["nino"][0].as_py())


def _migrator(server: EmbeddedPostgres, database: str) -> str:
    server.create_role("extracts_migrator")
    with server.superuser() as connection:
        connection.execute("GRANT extracts_owner TO extracts_migrator")
        connection.execute(f"GRANT CONNECT ON DATABASE {database} TO extracts_migrator".encode())
    return "extracts_migrator"


def _settings_of(world: World, folder: Path, register: str, owner: str) -> None:
    text = (world.home.home / "settings.env").read_text()
    kept = [line for line in text.splitlines() if not line.startswith("EXTRACTS_REGISTER")]
    lines = [*kept, f"EXTRACTS_REGISTER_URL={register}", f"EXTRACTS_REGISTER_OWNER_URL={owner}"]
    path = folder / "settings.env"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n")


# --- setting up production -------------------------------------------------------------------------------------------


def _sql_of_the_register(database: str) -> tuple[list[str], list[str]]:
    """The page's statements for roles, and those for the database under this name."""
    (text,) = [b.text for b in blocks(page("set-up-production")) if b.text.startswith("CREATE ROLE extracts_owner")]
    statements = [s.strip() for s in text.split(";") if s.strip()]
    roles = [s for s in statements if "ROLE" in s or s.startswith("GRANT extracts_owner")]
    renamed = [re.sub(r"DATABASE register\b", f"DATABASE {database}", s) for s in statements if s not in roles]
    return roles, renamed


def test_the_registers_roles_and_database_are_enough_to_migrate_and_to_work(
    pg: EmbeddedPostgres, tmp_path: Path
) -> None:
    database, names = "set_up", {"extracts_app": "set_up_app", "extracts_migrator": "set_up_migrator"}
    roles, statements = _sql_of_the_register(database)
    with pg.superuser() as connection:
        for statement in (*roles, *statements):
            for shown, ours in names.items():
                statement = statement.replace(shown, ours)
            if statement.startswith("CREATE ROLE extracts_owner"):
                statement = f"DO $$ BEGIN {statement}; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            connection.execute(statement.encode())
    for role in names.values():
        pg.create_role(role)  # gives it a password
    command = next(c for c in commands(page("set-up-production")) if c.endswith("extracts register migrate"))
    environment = {"EXTRACTS_HOME": str(tmp_path), "EXTRACTS_REGISTER_URL": pg.url(database, "set_up_app")}
    shown = re.search(r'"(postgresql[^"]*)"', command)
    assert shown
    shell = Shell(tmp_path, {shown[1]: pg.url(database, "set_up_migrator")}, environment)
    assert "0001_ledger.sql" in shell.works(command).out
    assert "0 events" in shell.type("extracts doctor --json").text
    pg.drop_database(database)


def test_the_list_of_signers_lets_each_sign_what_the_page_says_and_no_other(world: World, tmp_path: Path) -> None:
    (shown,) = [b for b in blocks(page("set-up-production")) if b.path.endswith("allowed_signers")]
    people = world.home.people
    keys = {
        "BOARD_KEY": people.key(BOARD),
        "CONTROLLER_KEY": people.key(CONTROLLER),
        "SERVICE_KEY": people.key(SERVICE),
    }
    text = shown.text
    for name, key in keys.items():
        text = text.replace(name, key.with_name(f"{key.name}.pub").read_text().split()[1])
    listed = tmp_path / "allowed_signers"
    listed.write_text(text)
    may = {
        "BOARD_KEY": {signing.DECISION_BOARD, signing.ORDER},
        "CONTROLLER_KEY": {signing.DECISION_CONTROLLER, signing.ORDER},
        "SERVICE_KEY": {signing.MANIFEST, signing.INDEX, signing.PAGE, signing.NO_DELIVERY},
    }
    for name, key in keys.items():
        assert {n for n in signing.NAMESPACES if _counts(key, n, listed, world)} == may[name]


def _counts(key: Path, namespace: str, listed: Path, world: World) -> bool:
    signature = signing.sign(b"a document", key, namespace)
    try:
        signing.verify(b"a document", signature, namespace, listed, world.work.now())
    except signing.SignatureInvalid:
        return False
    return True


def test_the_keys_that_the_page_makes_serve(world: World, tmp_path: Path) -> None:
    shell = a_shell(world, tmp_path, **{"/var/lib/extracts/": f"{tmp_path}/", "/etc/extracts/": f"{tmp_path}/"})
    signing.generate_key(tmp_path / "fife-council", RECIPIENT)
    for command in commands(page("set-up-production")):
        if command.startswith(("ssh-keygen", "age-keygen", "install -D")):
            shell.works(command)
    assert (tmp_path / "trust" / "recipients" / "fife-council.pub").is_file()
    places = world.work.places
    listed = places.allowed_signers.read_text().splitlines()
    public = (tmp_path / "service_key.pub").read_text().split()[:2]
    places.allowed_signers.write_text("\n".join([*listed[:2], " ".join([*listed[2].split()[:2], *public])]) + "\n")
    work = replace(world.work, places=replace(places, service_key=tmp_path / "service_key"))
    assert service_principal(work) == SERVICE
    assert "AGE-SECRET-KEY-1" in (tmp_path / "recovery.key").read_text()


def test_the_settings_that_the_page_shows_are_read(tmp_path: Path) -> None:
    from extracts.settings import open_workplace

    (shown,) = [b for b in blocks(page("set-up-production")) if b.path.endswith("settings.env")]
    (tmp_path / "settings.env").touch(mode=0o600)
    (tmp_path / "settings.env").write_text(shown.text)
    work = open_workplace({"EXTRACTS_HOME": str(tmp_path)})
    assert work.source("uc").startswith("host=uc.example")
    assert work.register.url.username == "extracts_app"
    assert not work.register.url.password

"""The transfer area's server, asked with the real `sftp` and `ssh`: recipients are apart, and only files are served."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from extracts import signing
from tests.support.sftp_area import PUBLISHER, SftpArea, an_area

A, B = "fife-council", "scottish-government-analysts"
REFUSED = "sftp connections only"


@pytest.fixture(scope="module")
def area(sftp_area: SftpArea) -> Iterator[SftpArea]:
    """Both recipients have a delivery, and B a receipt in its inbox."""
    here = sftp_area.folder / "secret"
    here.write_text("for its recipient alone\n")
    for recipient in (A, B):
        made = sftp_area.sftp(
            PUBLISHER, f"mkdir {recipient}/deliveries/R1", f"put {here} {recipient}/deliveries/R1/secret"
        )
        assert made.returncode == 0, made.stderr
    assert sftp_area.sftp(B, f"put {here} inbox/receipt").returncode == 0
    yield sftp_area
    for recipient in (A, B):
        shutil.rmtree(sftp_area.room(recipient) / "deliveries" / "R1")
        for left in (sftp_area.room(recipient) / "inbox").iterdir():
            left.unlink()


def everything(area: SftpArea) -> dict[str, tuple[int, int, int]]:
    """All that is served, as root sees it."""
    found = {str(p.relative_to(area.root)): p.lstat() for p in area.root.rglob("*")}
    return {name: (s.st_mode, s.st_size, s.st_uid) for name, s in found.items()}


def test_a_recipient_reads_its_deliveries_and_adds_a_receipt(area: SftpArea, tmp_path: Path) -> None:
    (tmp_path / "receipt").write_text("collected\n")
    done = area.sftp(
        A,
        f"get deliveries/R1/secret {tmp_path}/got",
        f"put {tmp_path}/receipt inbox/.part",
        "rename inbox/.part inbox/receipt-1",
        "ls inbox",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_text() == "for its recipient alone\n"
    assert (area.room(A) / "inbox" / "receipt-1").read_text() == "collected\n"


@pytest.mark.parametrize(
    "command",
    [
        *(
            f"ls {p}"
            for p in (f"../{B}", f"/{B}", f"/../{B}/deliveries", f"deliveries/../../{B}", "/.incoming", "..incoming")
        ),
        *(f"get {p}/deliveries/R1/secret {{here}}" for p in (f"../{B}", f"/{B}", f"/../../{B}", "{root}/" + B)),
        "get /etc/passwd {here}",
        "get ../../../../../../etc/passwd {here}",
        "get /proc/self/environ {here}",
        "put {file} /new",
        "put {file} deliveries/new",
        "put {file} deliveries/R1/new",
        "put {file} deliveries/R1/secret",
        "put {file} ../new",
        f"put {{file}} /../{B}/inbox/new",
        f"put {{file}} ../{B}/deliveries/R1/secret",
        "rm deliveries/R1/secret",
        "rmdir deliveries/R1",
        "rename deliveries/R1/secret deliveries/R1/mine",
        "rename deliveries/R1/secret inbox/secret",
        "rename deliveries/R1 inbox/R1",
        "rename inbox deliveries/inbox",
        "rename inbox other",
        "ln deliveries/R1/secret inbox/hard",
        "ln -s / inbox/link",
        f"ln -s ../../{B}/deliveries inbox/link",
        "symlink /etc/passwd inbox/link",
        "mkdir inbox/folder",
        "mkdir folder",
        "chmod 777 deliveries/R1/secret",
        "chmod 777 inbox",
        "chown 0 inbox",
        "chgrp 0 deliveries/R1/secret",
        "df /",
    ],
)
def test_a_recipient_can_do_nothing_else(area: SftpArea, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("forged\n")
    before = everything(area)
    words = command.format(here=tmp_path / "got", file=tmp_path / "file", root=area.root)
    done = area.sftp(A, words)
    assert done.returncode != 0, done.stdout
    assert not (tmp_path / "got").exists()
    assert everything(area) == before


@pytest.mark.parametrize(
    "command", ["put {file} inbox/kept", "rm inbox/kept", "chmod 600 inbox/kept", "reput {file} inbox/kept"]
)
def test_a_receipt_once_added_can_be_read_and_not_changed(area: SftpArea, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("collected\n")
    kept = area.room(A) / "inbox" / "kept"
    if not kept.exists():
        assert area.sftp(A, f"put {tmp_path}/file inbox/kept").returncode == 0
    (tmp_path / "file").write_text("another thing, and longer\n")
    assert area.sftp(A, command.format(file=tmp_path / "file")).returncode != 0
    assert kept.read_text() == "collected\n"


def test_renaming_onto_another_receipt_is_refused(area: SftpArea, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
        assert area.sftp(A, f"put {tmp_path}/{name} inbox/{name}").returncode == 0
    assert area.sftp(A, "rename inbox/second inbox/first").returncode != 0
    assert (area.room(A) / "inbox" / "first").read_text() == "first"


def test_a_link_that_somebody_else_left_leads_nowhere_outside(area: SftpArea, tmp_path: Path) -> None:
    """Even the publisher's mistake, or root's, does not open a room: links are followed inside of it alone."""
    links = area.room(A) / "deliveries" / "R1"
    (links / "up").symlink_to(f"../../../{B}/deliveries/R1/secret")
    (links / "absolute").symlink_to(area.room(B) / "deliveries" / "R1" / "secret")
    for name in ("up", "absolute"):
        assert area.sftp(A, f"get deliveries/R1/{name} {tmp_path}/got").returncode != 0
        assert not (tmp_path / "got").exists()
        (links / name).unlink()


def test_the_rooms_are_closed_to_each_others_accounts_even_without_the_server(area: SftpArea) -> None:
    """Were the chroot ever lost, the file system would still say no."""
    for path in (area.room(B), area.room(B) / "deliveries" / "R1" / "secret", area.root / ".incoming"):
        words = ["setpriv", "--reuid", area.prefix + A, "--regid", area.prefix + A, "--init-groups", "ls", str(path)]
        done = subprocess.run(words, capture_output=True, text=True)
        assert "Permission denied" in done.stderr, path


# --- logging in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [A, PUBLISHER])
def test_there_is_no_shell_and_no_command(area: SftpArea, name: str) -> None:
    for words in ((), ("id",), ("sh", "-c", "id"), ("/usr/lib/openssh/sftp-server",)):
        done = area.ssh(name, *words)
        assert done.returncode != 0
        assert "uid=" not in done.stdout
        assert REFUSED in done.stdout + done.stderr or words[:1] == ("/usr/lib/openssh/sftp-server",)
    assert "PTY allocation request failed" in area.ssh(name, options=["-tt"]).stderr


@pytest.mark.parametrize("name", [A, PUBLISHER])
def test_nothing_is_forwarded_or_tunnelled(area: SftpArea, name: str) -> None:
    inward = area.ssh(name, options=["-N", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9"])
    assert "remote port forwarding failed" in inward.stderr
    outward = area.ssh(name, options=["-W", f"127.0.0.1:{area.port}"])
    assert "administratively prohibited" in outward.stderr + outward.stdout
    assert outward.returncode != 0
    socket = area.ssh(name, options=["-N", "-o", "ExitOnForwardFailure=yes", "-R", "/inbox/s:127.0.0.1:9"])
    assert "remote port forwarding failed" in socket.stderr


@pytest.mark.parametrize("name", [A, PUBLISHER])
def test_what_the_configuration_says_of_each_account(area: SftpArea, name: str) -> None:
    """As the server itself resolves it: agent, X11, tunnels, passwords and the rest are off for everybody."""
    asked = [
        "/usr/sbin/sshd",
        "-T",
        "-f",
        str(area.etc / "sshd_config"),
        "-C",
        f"user={area.prefix}{name},host=h,addr=127.0.0.1",
    ]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    off = ("passwordauthentication", "kbdinteractiveauthentication", "hostbasedauthentication", "permitemptypasswords",
           "allowagentforwarding", "allowtcpforwarding", "allowstreamlocalforwarding", "x11forwarding", "permittunnel",
           "permittty", "permituserrc", "permituserenvironment", "permitrootlogin", "gatewayports")  # fmt: skip
    for word in off:
        assert f"{word} no" in lines
    assert "disableforwarding yes" in lines
    assert "authenticationmethods publickey" in lines
    assert any(line.startswith("chrootdirectory /") or line == "chrootdirectory %h" for line in lines)
    assert any(line.startswith("forcecommand internal-sftp") for line in lines)


def test_an_agent_is_not_forwarded(area: SftpArea) -> None:
    done = area.ssh(A, options=["-v", "-A", "-N", "-o", "ControlMaster=no", "-s", "sftp"])
    assert "agent forwarding" not in done.stdout
    environment = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    socket, pid = (part.split("=")[1].split(";")[0] for part in environment.splitlines()[:2])
    try:
        os.environ["SSH_AUTH_SOCK"] = socket
        said = area.ssh(A, options=["-vv", "-A"])
        assert "Requesting authentication agent forwarding" in said.stderr
        assert not list(Path("/tmp").glob("ssh-*/agent.*")) or REFUSED in said.stdout + said.stderr
    finally:
        os.environ.pop("SSH_AUTH_SOCK", None)
        os.kill(int(pid), 15)


def test_a_password_is_not_asked_for(area: SftpArea) -> None:
    none = ["-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password,keyboard-interactive"]
    done = area.ssh(A, options=[*none, "-o", "NumberOfPasswordPrompts=1"])
    assert "Permission denied (publickey)." in done.stderr


def test_another_recipients_key_a_strangers_and_root_are_refused(area: SftpArea, tmp_path: Path) -> None:
    signing.generate_key(tmp_path / "stranger", "stranger")
    for key in (area.key(B), area.key(PUBLISHER), tmp_path / "stranger"):
        refused = subprocess.run(
            ["ssh", "-F", "none", "-p", str(area.port), "-o", f"UserKnownHostsFile={area.known_hosts}",
             "-o", "IdentitiesOnly=yes", "-i", key, f"{area.prefix}{A}@127.0.0.1"],
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert "Permission denied (publickey)." in refused.stderr
    root = area.ssh(A, options=["-l", "root"])
    assert "Permission denied (publickey)." in root.stderr


# --- the operator's script ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_area(sftp_area: SftpArea) -> Iterator[SftpArea]:
    """An area that may be changed."""
    with an_area(A) as own:
        yield own


def test_everything_may_be_set_up_again_and_stays_as_it_was(own_area: SftpArea) -> None:
    before, pin = everything(own_area), own_area.area("pin", "files.example").stdout
    assert pin.startswith(f"[files.example]:{own_area.port} ssh-ed25519 ")
    own_area.init()
    own_area.add(A)
    assert everything(own_area) == before
    assert own_area.area("pin", "files.example").stdout == pin
    assert own_area.sftp(A, "ls deliveries").returncode == 0


def test_a_locked_recipient_cannot_log_in_until_it_is_given_keys_again(own_area: SftpArea) -> None:
    own_area.area("lock", A)
    assert "Permission denied (publickey)." in own_area.ssh(A).stderr
    own_area.add(A)
    assert own_area.sftp(A, "ls").returncode == 0


def test_locking_ends_what_is_under_way(own_area: SftpArea) -> None:
    words = [*own_area.command("sftp", A), f"{own_area.prefix}{A}@127.0.0.1"]
    under_way = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert under_way.stdin is not None
    assert under_way.stdout is not None
    under_way.stdin.write("pwd\n")
    under_way.stdin.flush()
    assert "Remote working directory: /" in under_way.stdout.readline() + under_way.stdout.readline()
    own_area.area("lock", A)
    listed, _ = under_way.communicate("ls\n", timeout=90)
    assert under_way.returncode != 0
    assert "deliveries" not in listed
    own_area.add(A)


def test_new_keys_take_the_place_of_the_old_ones(own_area: SftpArea, tmp_path: Path) -> None:
    signing.generate_key(tmp_path / "new", "new")
    own_area.area("recipient", A, str(tmp_path / "new.pub"))
    assert "Permission denied (publickey)." in own_area.ssh(A).stderr
    own_area.add(A)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("recipient", "Fife", "{key}"), "is no recipient's id"),
        (("recipient", "../etc", "{key}"), "is no recipient's id"),
        (("recipient", "publisher", "{key}"), "is no recipient's id"),
        (("recipient", "a" * 40, "{key}"), "longer than the 32 characters"),
        (("recipient", A, "/dev/null"), "holds no key"),
        (("recipient", A, "{options}"), "has options before it"),
        (("recipient", A, "{private}"), "no public SSH key"),
        (("init",), "--publisher-key is needed"),
        (("init", "--listen", "any;id"), "--listen an IP address"),
        (("lock",), "area lock ID"),
        (("lock", "../../passwd"), "is no recipient's id"),
        (("lock", "nobody-we-know"), "somebody else's, or not there"),
        (("destroy",), "say init, recipient, lock or pin"),
        (("pin", "h", "--colour"), "there is no option --colour"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    own_area: SftpArea, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    public = own_area.key(A).with_name(f"{A}.pub")
    (tmp_path / "options").write_text('command="sh" ' + public.read_text())
    names = {"key": public, "options": tmp_path / "options", "private": own_area.key(A)}
    before = everything(own_area)
    done = own_area.area(*(w.format(**names) for w in words), check=False)
    assert done.returncode == 1
    assert why in done.stderr
    assert everything(own_area) == before
    assert own_area.sftp(A, "ls").returncode == 0


def test_an_account_that_is_somebody_elses_is_never_taken(own_area: SftpArea, tmp_path: Path) -> None:
    key = str(own_area.key(A).with_name(f"{A}.pub"))
    places = ["--root", str(own_area.root), "--etc", str(own_area.etc)]
    script = Path(__file__).parents[2] / "dropzone" / "area"
    done = subprocess.run([script, "recipient", "daemon", key, *places], capture_output=True, text=True)
    assert "the account daemon is somebody else's" in done.stderr
    assert not own_area.room("daemon").exists()

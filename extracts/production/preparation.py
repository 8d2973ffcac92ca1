"""Makes the folder that `docker-compose.yml` runs from: secrets, folders of state, and whom containers run as.

Rules:
1. Everything is owned by whoever asks, and closed to everybody else.
2. What is there stays. Nothing is made for people that only people can: their keys and the sources' passwords.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from extracts.production.compose import FOLDERS, PLACES, SECRETS_FOLDER
from extracts.production.secrets import GIVEN, make_passwords, make_secrets, missing_secrets, write_secret


@dataclass(frozen=True)
class Prepared:
    """What was made, and which secrets people still have to put there (name to meaning)."""

    made: list[str]
    missing: Mapping[str, str]


def prepare(folder: Path, uid: int, gid: int) -> Prepared:
    """Secrets, folders and `.env` below `folder`."""
    secrets = folder / SECRETS_FOLDER
    made = make_secrets(secrets, PLACES)
    for place in FOLDERS.values():
        (folder / place).mkdir(mode=0o700, parents=True, exist_ok=True)
    names = [user.partition(":")[0] for user in PLACES.users.split(",")]
    make_passwords(folder / FOLDERS["sign_in"] / "passwords.json", names)
    if not (folder / ".env").exists():
        write_secret(folder / ".env", f"SERVICE_UID={uid}\nSERVICE_GID={gid}\n")
        made.append(".env")
    return Prepared(made, {name: GIVEN[name] for name in missing_secrets(secrets)})

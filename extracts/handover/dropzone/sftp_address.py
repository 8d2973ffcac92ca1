"""Where an SFTP transfer area is, and what proves who is who: an address, a key file, pinned host keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, urlsplit

SCHEME = "sftp://"
DELIVERIES = "deliveries"
_FORM = "sftp://user@host:port/path"


@dataclass(frozen=True)
class SftpAddress:
    """`key`: the private key file that logs in. `known_hosts`: the pinned host keys, in OpenSSH's form.

    `key_from`, `pins_from`: what people set to name these two files.
    """

    user: str
    host: str
    port: int
    root: PurePosixPath
    key: Path
    known_hosts: Path
    key_from: str = "EXTRACTS_DROP_ZONE_KEY"
    pins_from: str = "EXTRACTS_DROP_ZONE_KNOWN_HOSTS"

    def __str__(self) -> str:
        port = "" if self.port == 22 else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}{self.user}@{host}{port}{self.root}"

    def __truediv__(self, path: str) -> str:
        """How people are told of a delivery: its place <recipient>/<request id>/<delivery id>, as an address."""
        recipient, _, rest = path.partition("/")
        return f"{str(self).rstrip('/')}/{recipient}/{DELIVERIES}/{rest}"


def address_problem(text: str) -> str:
    """What is wrong with an address, in words that repeat nothing of it; empty if nothing is."""
    parts = _split(text)
    if parts is None:
        return f"is not of the form {_FORM}"
    if parts.password is not None:
        return "holds a password: there is none, the key file logs in"
    path = PurePosixPath(parts.path or "/")
    plain = re.fullmatch(r"[A-Za-z0-9._-]+", parts.username or "") and re.fullmatch(r"[\w.:-]+", parts.hostname or "")
    if not plain or parts.query or parts.fragment or ".." in path.parts:
        return f"is not of the form {_FORM}"
    return ""


def read_address(text: str, key: Path, known_hosts: Path) -> SftpAddress:
    """The address in `text`. Raises ValueError if `address_problem` finds any."""
    parts = _split(text)
    if parts is None or (problem := address_problem(text)):
        raise ValueError(problem if parts else f"is not of the form {_FORM}")
    root = PurePosixPath(parts.path or "/")
    return SftpAddress(parts.username or "", parts.hostname or "", parts.port or 22, root, key, known_hosts)


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        is_sftp = parts.scheme == "sftp" and parts.port != 0
    except ValueError:
        return None
    return parts if is_sftp else None

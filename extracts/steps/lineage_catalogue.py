"""The address of a catalogue of lineage, and the key to it: what may be used, before anything is sent there.

Light on purpose: `workplace` imports it, and with it every DAG file at parse.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from extracts.errors import SettingMissing

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Catalogue:
    """An OpenLineage HTTP endpoint, whole (`https://host/api/v1/lineage`); none if `url` is empty."""

    url: str = ""
    key_file: Path | None = None

    def check(self) -> None:
        """Raises SettingMissing for what cannot be used safely."""
        if problem := address_problem(self.url):
            raise SettingMissing(f"EXTRACTS_LINEAGE_URL {problem}.")
        self.key()

    def key(self) -> str:
        """The bearer key; empty for none. Raises SettingMissing."""
        if self.key_file is None:
            return ""
        try:
            exposed = self.key_file.stat().st_mode & 0o077
            text = self.key_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise SettingMissing("The file of EXTRACTS_LINEAGE_KEY_FILE cannot be read.") from None
        if exposed:
            raise SettingMissing("The catalogue's key can be read by others.", advice="chmod 600 its file.")
        return text


NO_CATALOGUE = Catalogue()


def address_problem(url: str) -> str:
    """What is wrong with a catalogue's address; empty if it can be used."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    except ValueError:
        return "is no address"
    if parts.username or parts.password:
        return "holds a password; put a key into EXTRACTS_LINEAGE_KEY_FILE"
    return "" if safe and parts.hostname else "must be https://..., or http:// on this machine"

"""Canaries: values of planted people who must never leave. Every finished file is searched for them.

Rules:
1. They are personal as far as anybody can tell, so the file is 0600, and nothing else ever holds one: a report says
   how many were looked for.
2. A file that cannot be used is an error, never a search for nothing.
"""

from __future__ import annotations

from pathlib import Path

from extracts.errors import SettingMissing

_SETTING = "EXTRACTS_CANARIES"
_SHORTEST = 6


def read_canaries(path: Path | None) -> tuple[str, ...]:
    """The values of the file, one a line; none if no file is set. Raises SettingMissing if it cannot be used."""
    if path is None:
        return ()
    try:
        exposed, lines = path.stat().st_mode & 0o077, path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingMissing(f"The file that {_SETTING} names cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise SettingMissing(f"The file that {_SETTING} names is not UTF-8 text.") from None
    found = tuple(line.strip() for line in lines if line.strip())
    if exposed:
        raise SettingMissing(f"The file that {_SETTING} names can be read by others.", advice="chmod 600 it.")
    if not found or min(map(len, found)) < _SHORTEST:
        raise SettingMissing(
            f"The file that {_SETTING} names holds no value, or one of fewer than {_SHORTEST} characters.",
            advice="Write one value per line; one that is too short would be found everywhere.",
        )
    return found

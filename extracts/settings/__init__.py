"""Environment, clock and secrets: read here and nowhere else, and handed in as one `Workplace`.

Rules:
1. Every setting is a row of `SETTINGS`; the reference page, `extracts settings` and `extracts doctor` come from it.
2. No secret has a default. Without one, whatever needs it says which variable is missing and where to set it.
3. The environment wins over `settings.env` in EXTRACTS_HOME (0600), which the demo writes for its own servers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from extracts.errors import InvalidDocument, SettingMissing
from extracts.settings.making import workplace_of
from extracts.settings.problems import problems_of
from extracts.settings.table import (
    BY_NAME,
    PROJECT,
    RECOVERY,
    SETTINGS,
    SOURCE_PREFIX,
    Setting,
    is_public_key,
    is_source,
)
from extracts.steps.workplace import Workplace


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The effective variables: defaults, then `settings.env` of EXTRACTS_HOME, then the environment."""
    given = dict(os.environ if environ is None else environ)
    return _effective(given, _read_env_file(_home(given) / "settings.env"))


def published_folder() -> Path:
    """Where published agreements lie; light enough for a DAG file to call at parse."""
    return Path(environment()["EXTRACTS_PUBLISHED"])


def open_workplace(environ: Mapping[str, str] | None = None) -> Workplace:
    """Everything that steps work in. Connections are opened when first used. Raises SettingMissing, InvalidDocument."""
    found = environment(environ)
    if problems := problems_of(found):
        raise InvalidDocument("environment", problems)
    return workplace_of(found)


def open_to_examine(environ: Mapping[str, str] | None = None) -> tuple[Workplace, list[str]]:
    """A workplace to look at, and what is wrong with its settings: of those, the defaults are in it."""
    given = dict(os.environ if environ is None else environ)
    try:
        file, told = _read_env_file(_home(given) / "settings.env"), []
    except SettingMissing as error:
        file, told = {}, [str(error)]
    problems = problems_of(_effective(given, file))
    wrong = {p.field for p in problems}
    right = ({n: v for n, v in source.items() if n not in wrong} for source in (given, file))
    return workplace_of(_effective(*right)), [*told, *map(str, problems)]


def masked(found: Mapping[str, str]) -> dict[str, str]:
    """The effective settings for people to read: secrets as `(set)`, any password where none belongs as `***`.

    What no setting has the name of is not shown: it may be a secret that was misspelt.
    """
    return {name: _masked(name, value) for name, value in sorted(found.items())}


def _masked(name: str, value: str) -> str:
    from extracts.extraction.sources.address import shown_address

    setting = BY_NAME.get(name)
    if is_source(name):
        return shown_address(value)
    if setting is None:
        return "(no setting has this name; not shown)"
    if setting.secret and value:
        return "(set)"
    if name == RECOVERY and value and not is_public_key(value):
        return "(no public key; not shown)"
    return re.sub(r"://\S*@", "://***@", value)


def _home(given: Mapping[str, str]) -> Path:
    return Path(given.get("EXTRACTS_HOME") or ".extracts").absolute()


def _effective(given: Mapping[str, str], file: Mapping[str, str]) -> dict[str, str]:
    home = str(_home(given))
    found = {**file, **{k: v for k, v in given.items() if k.startswith("EXTRACTS_")}, "EXTRACTS_HOME": home}
    for setting in SETTINGS:
        if setting.default is not None and "<" not in setting.name and not found.get(setting.name):
            found[setting.name] = setting.default.format(PROJECT=PROJECT, EXTRACTS_HOME=home) if setting.default else ""
    return found


def _read_env_file(path: Path) -> dict[str, str]:
    try:
        text = path.read_text()
        exposed = path.stat().st_mode & 0o077
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SettingMissing(f"{path.name} in EXTRACTS_HOME cannot be read ({error.strerror}).") from None
    if exposed:
        raise SettingMissing(f"{path} can be read by others; it holds secrets.", advice=f"chmod 600 {path}")
    pairs = (line.partition("=") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


__all__ = [
    "PROJECT",
    "SETTINGS",
    "SOURCE_PREFIX",
    "Setting",
    "environment",
    "masked",
    "open_to_examine",
    "open_workplace",
    "published_folder",
]

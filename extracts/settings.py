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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from extracts.agreement.suppression import Suppression
from extracts.errors import InvalidDocument, Problem, SettingMissing
from extracts.handover.dropzone.sftp_address import SftpAddress, address_problem, read_address
from extracts.mail.channel import Channel
from extracts.mail.folder import FolderChannel
from extracts.mail.smtp import Security, SmtpChannel
from extracts.steps import lineage_catalogue
from extracts.steps.lineage_catalogue import Catalogue
from extracts.steps.workplace import Limits, Places, Workplace

PROJECT = Path(__file__).resolve().parent.parent
SOURCE_PREFIX = "EXTRACTS_SOURCE_"


@dataclass(frozen=True)
class Setting:
    """One variable. `default` may name another by `{VARIABLE}`; None means that it must be set where it is needed."""

    name: str
    meaning: str
    default: str | None
    secret: bool = False


SETTINGS = (
    Setting("EXTRACTS_HOME", "Folder of all state, mode 0700", ".extracts"),
    Setting("EXTRACTS_EXPECTATIONS", "Folder of contracts and expectation suites", "{PROJECT}/expectations"),
    Setting("EXTRACTS_SQL", "Folder of curated views, migrations and role scripts", "{PROJECT}/sql"),
    Setting(
        "EXTRACTS_GOVERNANCE", "Folder of policy, parties, gateways and delegations", "{PROJECT}/examples/governance"
    ),
    Setting("EXTRACTS_PUBLISHED", "Folder of published agreements, which the DAGs read", "{EXTRACTS_HOME}/published"),
    Setting("EXTRACTS_DROP_ZONE", "The drop zone: a folder, or sftp://user@host:port/path", "{EXTRACTS_HOME}/dropzone"),
    Setting("EXTRACTS_DROP_ZONE_KEY", "The publisher's private SSH key, mode 0600, for an SFTP transfer area", ""),
    Setting("EXTRACTS_DROP_ZONE_KNOWN_HOSTS", "The pinned host keys of an SFTP transfer area: a known_hosts file", ""),
    Setting("EXTRACTS_STAGING", "Folder for treated rows while a run lasts, mode 0700", "{EXTRACTS_HOME}/staging"),
    Setting("EXTRACTS_RUNS", "Folder of run records and quality reports (no personal data)", "{EXTRACTS_HOME}/runs"),
    Setting(
        "EXTRACTS_TAKEN_BACK",
        "Folder of encrypted deliveries that nobody acknowledged, kept to be published again; all workers'; mode 0700",
        "{EXTRACTS_HOME}/taken-back",
    ),
    Setting("EXTRACTS_KEYS", "Folder of pseudonym keys and the membership key, mode 0700", "{EXTRACTS_HOME}/keys"),
    Setting(
        "EXTRACTS_ALLOWED_SIGNERS",
        "Who may sign as what: ssh-keygen's ALLOWED SIGNERS file",
        "{EXTRACTS_HOME}/trust/allowed_signers",
    ),
    Setting("EXTRACTS_SERVICE_KEY", "Path of the SSH key that signs manifests (never decisions)", None),
    Setting(
        "EXTRACTS_RECOVERY_RECIPIENT",
        "The controller's age public key: membership index and key backups are for it",
        None,
    ),
    Setting("EXTRACTS_REGISTER_URL", "SQLAlchemy URL of register and ledger, application role", None, secret=True),
    Setting(
        "EXTRACTS_REGISTER_OWNER_URL",
        "The same as the owner; only `extracts register migrate` needs it",
        "",
        secret=True,
    ),
    Setting(
        f"{SOURCE_PREFIX}<SYSTEM>",
        "libpq keywords of a source, without user and password (host=... port=... dbname=...), or its SQLAlchemy URL",
        "",
    ),
    Setting(
        "EXTRACTS_ALLOW_QUERY_ENFORCEMENT",
        "yes: our own query or reader may minimise where the source does not by a role (manifests say so)",
        "no",
    ),
    Setting("EXTRACTS_SOURCE_PASSFILE", "libpq password file for the agreements' roles, mode 0600", ""),
    Setting(
        "EXTRACTS_CANARIES",
        "File, mode 0600, of values that must never leave (of planted people), one a line; every extract is searched",
        "",
    ),
    Setting("EXTRACTS_HOLD_MAX_AGE_HOURS", "A hold list older than this stops every delivery", "24"),
    Setting("EXTRACTS_MEMORY_LIMIT_MB", "Memory that the engine may use, in MB", "400"),
    Setting("EXTRACTS_THREADS", "Threads with which finished files are validated", "2"),
    Setting(
        "EXTRACTS_SMALL_COUNT", "Counts of people or rows below this are hidden in briefings; a multiple of 5", "10"
    ),
    Setting("EXTRACTS_NOTICES", "How notices are sent: folder, smtp, or both with a comma", "folder"),
    Setting("EXTRACTS_NOTICES_FOLDER", "Folder of notices, one text file each", "{EXTRACTS_HOME}/notices"),
    Setting("EXTRACTS_SMTP_HOST", "Mail server for notices", ""),
    Setting("EXTRACTS_SMTP_PORT", "Its port", "587"),
    Setting(
        "EXTRACTS_SMTP_SECURITY",
        "starttls, tls (from the first byte), or none, which goes to this machine only and without a password",
        "starttls",
    ),
    Setting("EXTRACTS_SMTP_FROM", "The address that notices come from", ""),
    Setting("EXTRACTS_SMTP_USER", "The name to sign in to the mail server with, if it wants one", ""),
    Setting("EXTRACTS_SMTP_PASSWORD_FILE", "File, mode 0600, that holds the password of EXTRACTS_SMTP_USER", ""),
    Setting("EXTRACTS_SMTP_CA_FILE", "Certificates by which to know the mail server, if not the system's", ""),
    Setting(
        "EXTRACTS_LINEAGE_URL",
        "OpenLineage endpoint that is told of every run (https://.../api/v1/lineage); empty: the file alone",
        "",
    ),
    Setting("EXTRACTS_LINEAGE_KEY_FILE", "File, mode 0600, of the bearer key for that endpoint", ""),
    Setting("EXTRACTS_IMAGE_DIGEST", "Digest of the container image it runs in, for manifests", ""),
    Setting(
        "EXTRACTS_AIRFLOW_URL", "Airflow that considers requests (https://...); empty: runs are started by hand", ""
    ),
    Setting("EXTRACTS_AIRFLOW_LOGIN", "File, mode 0600, with `user:password` for that Airflow", ""),
    Setting("EXTRACTS_RETRIES", "How often Airflow tries again when a server cannot be reached", "3"),
    Setting("EXTRACTS_RETRY_SECONDS", "Seconds before the first retry; doubles each time", "60"),
)
_BY_NAME = {s.name: s for s in SETTINGS}
_RECOVERY = "EXTRACTS_RECOVERY_RECIPIENT"
_DROP_ZONE = "EXTRACTS_DROP_ZONE"
_SMALL_COUNT = "EXTRACTS_SMALL_COUNT"
_ALLOW_QUERY = "EXTRACTS_ALLOW_QUERY_ENFORCEMENT"
_NUMBERS = {
    "EXTRACTS_HOLD_MAX_AGE_HOURS": "hold_max_age_hours",
    "EXTRACTS_MEMORY_LIMIT_MB": "memory_limit_mb",
    "EXTRACTS_THREADS": "threads",
    _SMALL_COUNT: "small_count",
}


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
    if problems := _problems(found):
        raise InvalidDocument("environment", problems)
    return _workplace(found)


def open_to_examine(environ: Mapping[str, str] | None = None) -> tuple[Workplace, list[str]]:
    """A workplace to look at, and what is wrong with its settings: of those, the defaults are in it."""
    given = dict(os.environ if environ is None else environ)
    try:
        file, told = _read_env_file(_home(given) / "settings.env"), []
    except SettingMissing as error:
        file, told = {}, [str(error)]
    problems = _problems(_effective(given, file))
    wrong = {p.field for p in problems}
    right = ({n: v for n, v in source.items() if n not in wrong} for source in (given, file))
    return _workplace(_effective(*right)), [*told, *map(str, problems)]


def masked(found: Mapping[str, str]) -> dict[str, str]:
    """The effective settings for people to read: secrets as `(set)`, any password where none belongs as `***`.

    What no setting has the name of is not shown: it may be a secret that was misspelt.
    """
    return {name: _masked(name, value) for name, value in sorted(found.items())}


def _masked(name: str, value: str) -> str:
    from extracts.extraction.sources.address import shown_address

    setting = _BY_NAME.get(name)
    if _is_source(name):
        return shown_address(value)
    if setting is None:
        return "(no setting has this name; not shown)"
    if setting.secret and value:
        return "(set)"
    if name == _RECOVERY and value and not _is_public(value):
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


def _problems(found: Mapping[str, str]) -> list[Problem]:
    """Names that no setting has, numbers that are none, and a private key where a public one belongs."""
    unknown = [n for n in found if n not in _BY_NAME and not n.startswith(SOURCE_PREFIX)]
    problems = [Problem(n, "no setting has this name", allowed=tuple(_BY_NAME)) for n in unknown]
    no_number = [n for n in _NUMBERS if not re.fullmatch(r"[0-9]{1,9}", found[n])]
    problems += [Problem(n, "must be a whole number") for n in no_number]
    problems += _notice_problems(found)
    problems += _drop_zone_problems(found)
    if problem := lineage_catalogue.address_problem(found["EXTRACTS_LINEAGE_URL"]):
        problems.append(Problem("EXTRACTS_LINEAGE_URL", problem))
    if found[_ALLOW_QUERY] not in ("yes", "no"):
        problems.append(Problem(_ALLOW_QUERY, "must be yes or no"))
    if not no_number and not _is_threshold(int(found[_SMALL_COUNT])):
        problems.append(Problem(_SMALL_COUNT, "must be 5, 10, or a larger multiple of 5"))
    if (key := found.get(_RECOVERY)) and not _is_public(key):
        is_private = "AGE-SECRET-KEY" in key.upper()
        told = "is a private key, which belongs on no worker" if is_private else "is no public key"
        problems.append(Problem(_RECOVERY, f"{told}; give the public one (age1...)"))
    return problems


def _notice_problems(found: Mapping[str, str]) -> list[Problem]:
    named = [name.strip() for name in found["EXTRACTS_NOTICES"].split(",")]
    problems = []
    if set(named) - {"folder", "smtp"} or len(set(named)) < len(named):
        problems.append(Problem("EXTRACTS_NOTICES", "must be folder, smtp, or both", allowed=("folder", "smtp")))
    if found["EXTRACTS_SMTP_SECURITY"] not in list(Security):
        problems.append(Problem("EXTRACTS_SMTP_SECURITY", "is no way to protect mail", allowed=tuple(Security)))
    if not re.fullmatch(r"[0-9]{1,5}", found["EXTRACTS_SMTP_PORT"]) or int(found["EXTRACTS_SMTP_PORT"]) > 65535:
        problems.append(Problem("EXTRACTS_SMTP_PORT", "must be a port, such as 587"))
    if (sender := found["EXTRACTS_SMTP_FROM"]) and not re.fullmatch(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+", sender):
        problems.append(Problem("EXTRACTS_SMTP_FROM", "must be one mail address"))
    if "smtp" in named and not (found["EXTRACTS_SMTP_HOST"] and sender):
        problems.append(Problem("EXTRACTS_NOTICES", "mail needs EXTRACTS_SMTP_HOST and EXTRACTS_SMTP_FROM"))
    return problems


def _drop_zone_problems(found: Mapping[str, str]) -> list[Problem]:
    text = found[_DROP_ZONE]
    if "://" not in text:
        return []
    if problem := address_problem(text):
        return [Problem(_DROP_ZONE, problem)]
    files = [f"{_DROP_ZONE}_KEY", f"{_DROP_ZONE}_KNOWN_HOSTS"]
    return [Problem(name, "must be set for an SFTP transfer area") for name in files if not found[name]]


def _drop_zone(found: Mapping[str, str]) -> Path | SftpAddress:
    if "://" not in found[_DROP_ZONE]:
        return Path(found[_DROP_ZONE]).absolute()
    key, known = (Path(found[f"{_DROP_ZONE}_{name}"]).absolute() for name in ("KEY", "KNOWN_HOSTS"))
    return read_address(found[_DROP_ZONE], key, known)


def _is_threshold(number: int) -> bool:
    try:
        return Suppression(number).threshold == number
    except ValueError:
        return False


def _is_public(key: str) -> bool:
    return key.startswith(("age1", "ssh-")) and "AGE-SECRET-KEY" not in key.upper()


def _workplace(found: Mapping[str, str]) -> Workplace:
    return Workplace(
        places=_places(found),
        limits=_limits(found),
        sources={n.removeprefix(SOURCE_PREFIX).lower(): v for n, v in found.items() if _is_source(n)},
        register_url=found.get("EXTRACTS_REGISTER_URL", ""),
        register_owner_url=found.get("EXTRACTS_REGISTER_OWNER_URL", ""),
        recovery_recipient=found.get(_RECOVERY, ""),
        image_digest=found.get("EXTRACTS_IMAGE_DIGEST", ""),
        now=lambda: datetime.now(UTC),
        channels=_channels(found),
        lineage=Catalogue(found["EXTRACTS_LINEAGE_URL"], _file(found["EXTRACTS_LINEAGE_KEY_FILE"])),
    )


def _file(path: str) -> Path | None:
    return Path(path) if path else None


def _channels(found: Mapping[str, str]) -> tuple[Channel, ...]:
    """Those that are switched on, in the order in which they are tried."""

    def file(name: str) -> Path | None:
        return Path(found[name]) if found[name] else None

    folder = FolderChannel(Path(found["EXTRACTS_NOTICES_FOLDER"]).absolute())
    mail = SmtpChannel(
        host=found["EXTRACTS_SMTP_HOST"],
        port=int(found["EXTRACTS_SMTP_PORT"]),
        sender=found["EXTRACTS_SMTP_FROM"],
        security=Security(found["EXTRACTS_SMTP_SECURITY"]),
        user=found["EXTRACTS_SMTP_USER"],
        password_file=file("EXTRACTS_SMTP_PASSWORD_FILE"),
        ca_file=file("EXTRACTS_SMTP_CA_FILE"),
    )
    named = [name.strip() for name in found["EXTRACTS_NOTICES"].split(",")]
    return tuple(channel for channel in (folder, mail) if channel.name in named)


def _limits(found: Mapping[str, str]) -> Limits:
    numbers = {field: int(found[name]) for name, field in _NUMBERS.items()}
    return Limits(**numbers, allow_query=found[_ALLOW_QUERY] == "yes")


def _is_source(name: str) -> bool:
    return name.startswith(SOURCE_PREFIX) and name != "EXTRACTS_SOURCE_PASSFILE"


def _places(found: Mapping[str, str]) -> Places:
    def place(name: str) -> Path:
        return Path(found[name]).absolute()

    return Places(
        home=place("EXTRACTS_HOME"),
        expectations=place("EXTRACTS_EXPECTATIONS"),
        sql=place("EXTRACTS_SQL"),
        governance=place("EXTRACTS_GOVERNANCE"),
        published=place("EXTRACTS_PUBLISHED"),
        drop_zone=_drop_zone(found),
        staging=place("EXTRACTS_STAGING"),
        runs=place("EXTRACTS_RUNS"),
        kept=place("EXTRACTS_TAKEN_BACK"),
        keys=place("EXTRACTS_KEYS"),
        allowed_signers=place("EXTRACTS_ALLOWED_SIGNERS"),
        service_key=Path(found["EXTRACTS_SERVICE_KEY"]) if found.get("EXTRACTS_SERVICE_KEY") else None,
        passfile=Path(found["EXTRACTS_SOURCE_PASSFILE"]) if found.get("EXTRACTS_SOURCE_PASSFILE") else None,
        canaries=Path(found["EXTRACTS_CANARIES"]) if found.get("EXTRACTS_CANARIES") else None,
    )


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

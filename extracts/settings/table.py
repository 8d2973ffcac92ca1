"""Every setting: one row each, from which the reference page, `extracts settings` and `extracts doctor` come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
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
BY_NAME = {s.name: s for s in SETTINGS}
RECOVERY = "EXTRACTS_RECOVERY_RECIPIENT"
DROP_ZONE = "EXTRACTS_DROP_ZONE"
SMALL_COUNT = "EXTRACTS_SMALL_COUNT"
ALLOW_QUERY = "EXTRACTS_ALLOW_QUERY_ENFORCEMENT"
NUMBERS = {
    "EXTRACTS_HOLD_MAX_AGE_HOURS": "hold_max_age_hours",
    "EXTRACTS_MEMORY_LIMIT_MB": "memory_limit_mb",
    "EXTRACTS_THREADS": "threads",
    SMALL_COUNT: "small_count",
}


def is_source(name: str) -> bool:
    """Whether a variable is the address of a source."""
    return name.startswith(SOURCE_PREFIX) and name != "EXTRACTS_SOURCE_PASSFILE"


def is_public_key(key: str) -> bool:
    """Whether a key may be shown, and given to a worker."""
    return key.startswith(("age1", "ssh-")) and "AGE-SECRET-KEY" not in key.upper()

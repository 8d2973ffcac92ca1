"""A workplace, made from variables that were found to be right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from extracts.handover.dropzone.sftp_address import SftpAddress, read_address
from extracts.mail.channel import Channel
from extracts.mail.folder import FolderChannel
from extracts.mail.smtp import Security, SmtpChannel
from extracts.settings.table import ALLOW_QUERY, DROP_ZONE, NUMBERS, RECOVERY, SOURCE_PREFIX, is_source
from extracts.steps.lineage_catalogue import Catalogue
from extracts.steps.workplace import Limits, Places, Workplace


def _drop_zone(found: Mapping[str, str]) -> Path | SftpAddress:
    if "://" not in found[DROP_ZONE]:
        return Path(found[DROP_ZONE]).absolute()
    key, known = (Path(found[f"{DROP_ZONE}_{name}"]).absolute() for name in ("KEY", "KNOWN_HOSTS"))
    return read_address(found[DROP_ZONE], key, known)


def workplace_of(found: Mapping[str, str]) -> Workplace:
    """Everything that steps work in; nothing is opened yet."""
    return Workplace(
        places=_places(found),
        limits=_limits(found),
        sources={n.removeprefix(SOURCE_PREFIX).lower(): v for n, v in found.items() if is_source(n)},
        register_url=found.get("EXTRACTS_REGISTER_URL", ""),
        register_owner_url=found.get("EXTRACTS_REGISTER_OWNER_URL", ""),
        recovery_recipient=found.get(RECOVERY, ""),
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
    numbers = {field: int(found[name]) for name, field in NUMBERS.items()}
    return Limits(**numbers, allow_query=found[ALLOW_QUERY] == "yes")


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

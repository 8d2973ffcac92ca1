"""What is wrong with the effective variables, setting by setting."""

from __future__ import annotations

import re
from collections.abc import Mapping

from extracts.agreement.suppression import Suppression
from extracts.errors import Problem
from extracts.handover.dropzone.sftp_address import address_problem
from extracts.mail.smtp import Security
from extracts.settings.table import (
    ALLOW_QUERY,
    BY_NAME,
    DROP_ZONE,
    NUMBERS,
    RECOVERY,
    SMALL_COUNT,
    SOURCE_PREFIX,
    is_public_key,
)
from extracts.steps import lineage_catalogue


def problems_of(found: Mapping[str, str]) -> list[Problem]:
    """Names that no setting has, numbers that are none, and a private key where a public one belongs."""
    unknown = [n for n in found if n not in BY_NAME and not n.startswith(SOURCE_PREFIX)]
    problems = [Problem(n, "no setting has this name", allowed=tuple(BY_NAME)) for n in unknown]
    no_number = [n for n in NUMBERS if not re.fullmatch(r"[0-9]{1,9}", found[n])]
    problems += [Problem(n, "must be a whole number") for n in no_number]
    problems += _notice_problems(found)
    problems += _drop_zone_problems(found)
    if problem := lineage_catalogue.address_problem(found["EXTRACTS_LINEAGE_URL"]):
        problems.append(Problem("EXTRACTS_LINEAGE_URL", problem))
    if found[ALLOW_QUERY] not in ("yes", "no"):
        problems.append(Problem(ALLOW_QUERY, "must be yes or no"))
    if not no_number and not _is_threshold(int(found[SMALL_COUNT])):
        problems.append(Problem(SMALL_COUNT, "must be 5, 10, or a larger multiple of 5"))
    if (key := found.get(RECOVERY)) and not is_public_key(key):
        is_private = "AGE-SECRET-KEY" in key.upper()
        told = "is a private key, which belongs on no worker" if is_private else "is no public key"
        problems.append(Problem(RECOVERY, f"{told}; give the public one (age1...)"))
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
    text = found[DROP_ZONE]
    if "://" not in text:
        return []
    if problem := address_problem(text):
        return [Problem(DROP_ZONE, problem)]
    files = [f"{DROP_ZONE}_KEY", f"{DROP_ZONE}_KNOWN_HOSTS"]
    return [Problem(name, "must be set for an SFTP transfer area") for name in files if not found[name]]


def _is_threshold(number: int) -> bool:
    try:
        return Suppression(number).threshold == number
    except ValueError:
        return False

"""The address of a source, as the settings have it: shown without its secrets, and tried without a password."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo, PGconn, Ping

from extracts.errors import SettingMissing, SourceUnreachable

_SECONDS = "5"


def shown_address(address: str) -> str:
    """Libpq's keywords in an address, whatever libpq itself holds secret as `***`; nothing of what it cannot read."""
    if "://" in address:  # an unescaped @ or / in a password would make the rest of it a host
        return "(a URL; not shown)"
    try:
        found = Conninfo.parse(address.encode())
    except psycopg.Error:
        return "(not in libpq's form; not shown)"
    pairs = [(o.keyword.decode(), (o.val or b"").decode(), o.dispchar) for o in found if o.val is not None]
    return " ".join(f"{name}={'***' if kept else value}" for name, value, kept in pairs)


def check_reachable(address: str) -> str:
    """Whether a server answers there; where. Raises SettingMissing for no address, SourceUnreachable."""
    try:
        keywords = {**conninfo_to_dict(address), "connect_timeout": _SECONDS}
        answer = PGconn.ping(make_conninfo("", **keywords).encode())
    except psycopg.Error:
        raise SettingMissing("The source's address is not in libpq's form (host=... port=... dbname=...).") from None
    if answer != Ping.OK:
        raise SourceUnreachable(
            f"No server answers at {shown_address(address)} ({Ping(answer).name}).",
            advice="Is it up, and is this its address?",
        )
    return f"answers at {shown_address(address)}"

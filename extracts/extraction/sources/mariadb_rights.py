"""What an agreement's role may really do in a MariaDB, and whether its views are those that were approved.

Rules:
1. What a user can see, it has some right to: the tables that the catalogue shows it count, whoever granted what to
   whom, by role or to PUBLIC. Beside its views it may see none.
2. Its grants are read as MariaDB prints them; each must be one of those of `extracts source sql`, word for word. The
   line with the password's digest is looked at for its rights alone, and none of it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import sqlalchemy as sa

from extracts.errors import SourceChanged
from extracts.extraction.sources.mariadb_views import AgreementView

_SYSTEM = "('information_schema', 'performance_schema', 'mysql', 'sys')"
_TABLES = f"SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN {_SYSTEM}"
_ROUTINES = (
    f"SELECT routine_schema, routine_name FROM information_schema.routines WHERE routine_schema NOT IN {_SYSTEM}"
)
_VIEWS = "SELECT table_schema, table_name, view_definition, security_type, is_updatable FROM information_schema.views"
_USER = "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1), CURRENT_ROLE()"
_GRANT = re.compile(r"GRANT (.*?) ON (?:TABLE )?(\S+) TO ")
_SCRIPT = "Nothing was read. Ask the source's DBA to run the script of `extracts source sql` again."


def check_role(connection: sa.Connection, request_id: str, role: str, views: Iterable[AgreementView]) -> None:
    """Raises SourceChanged unless `role` may read these views, as they were approved, and nothing else."""
    planned = {v.name: v for v in views}
    printed = {f"{s}.{n}": (text or "", security) for s, n, text, security, _ in connection.exec_driver_sql(_VIEWS)}
    for view in planned.values():
        text, security = printed.get(view.name, ("", ""))
        if security != "DEFINER" or not view.is_printed_as(text):
            raise SourceChanged(f"The view {view.name} is gone, or shows something else than approved.", advice=_SCRIPT)
    if problems := [*_sessions(connection, role), *_seen(connection, planned), *_granted(connection, planned)]:
        raise SourceChanged(
            f"{request_id}: the role {role} has other rights than planned: {'; '.join(problems)}.",
            advice="Nothing was read. Ask the source's DBA to revoke them, or to run `extracts source sql` again.",
        )


def _sessions(connection: sa.Connection, role: str) -> list[str]:
    user, current = connection.exec_driver_sql(_USER).one()
    found = [] if user == role else [f"the session does not run as {role}"]
    return [*found, *(["it has taken on a role"] if current else [])]


def _seen(connection: sa.Connection, planned: Iterable[str]) -> list[str]:
    tables = {f"{s}.{n}" for s, n in connection.exec_driver_sql(_TABLES)} - set(planned)
    routines = {f"{s}.{n}" for s, n in connection.exec_driver_sql(_ROUTINES)}
    return [f"it has rights to {', '.join(sorted(found)[:5])}" for found in (tables, routines) if found]


def _granted(connection: sa.Connection, planned: Iterable[str]) -> list[str]:
    """What is granted beyond reading the views, and what is missing."""
    allowed = {(privileges, f"`{n.replace('.', '`.`')}`") for n in planned for privileges in ("SELECT, SHOW VIEW",)}
    grants = [str(row[0]) for row in connection.exec_driver_sql("SHOW GRANTS")]
    found = {(m[1], m[2]) for text in grants if (m := _GRANT.match(text))}
    extra = found - allowed - {("USAGE", "*.*")}
    strange = any(not _GRANT.match(text) for text in grants)
    problems = [f"it may {p} on {on.replace('`', '')}" for p, on in sorted(extra)[:5]]
    problems += ["it is a member of a role, or may run a routine"] if strange else []
    problems += ["it may hand its rights on"] if any("WITH GRANT OPTION" in text for text in grants) else []
    missing = allowed - found
    return problems + (
        [f"it may not read {', '.join(sorted(on.replace('`', '') for _, on in missing))}"] if missing else []
    )

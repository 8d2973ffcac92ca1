"""What a role may really do in the source, whatever was granted to whom; and what it should not be able to do.

Rules:
1. Asked from PostgreSQL's own functions, so that grants to PUBLIC, by membership and by ownership all count.
2. The role may read the views of its agreement, and nothing else outside PostgreSQL's own catalogue; the membership
   role those that show who was left out or is on hold. They may write, create or own nothing, and are members of no
   other role.
"""

from __future__ import annotations

from extracts.extraction.sources.literals import text_array
from extracts.extraction.sources.names import SCHEMA
from extracts.extraction.sources.postgres import Connection, sql
from extracts.extraction.sources.view_sql import HOLDS_COLUMNS, LEFT_OUT_COLUMNS

_OWN = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp|toast_temp)'"

# Each asks for the names of what is wrong; the sentence goes before them. %(planned)s: names of the planned views.
_QUESTIONS = (
    (
        "is a superuser, or may create roles or databases, replicate, or pass by row security",
        "SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER AND"
        " (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls)",
    ),
    (
        "is a member of",
        "SELECT g.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid"
        " JOIN pg_catalog.pg_roles r ON r.oid = m.member WHERE r.rolname = CURRENT_USER",
    ),
    (
        "may read",
        "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
        f" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {_OWN}"
        " AND c.relkind IN ('r', 'v', 'm', 'f', 'p')"
        " AND pg_catalog.format('%%I.%%I', n.nspname, c.relname) <> ALL (%(planned)s)"
        " AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT, REFERENCES')",
    ),
    (
        "may write to",
        "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
        f" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {_OWN}"
        " AND c.relkind IN ('r', 'v', 'm', 'f', 'p')"
        " AND (pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE')"
        " OR pg_catalog.has_table_privilege(c.oid, 'DELETE, TRUNCATE, TRIGGER'))",
    ),
    (
        "may use the sequence",
        "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
        f" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {_OWN} AND CASE WHEN c.relkind = 'S'"
        " THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE, UPDATE') END",  # refuses what is none
    ),
    (
        "may create in the schema",
        "SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp)'"
        " AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')",
    ),
    (
        "may create schemas or temporary tables in the database",
        "SELECT d.datname FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()"
        " AND pg_catalog.has_database_privilege(d.oid, 'CREATE, TEMPORARY')",
    ),
    (
        "may run with another's rights",
        "SELECT pg_catalog.format('%%I.%%I', n.nspname, p.proname) FROM pg_catalog.pg_proc p"
        f" JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE {_OWN} AND p.prosecdef"
        " AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')",
    ),
    (
        "may use the foreign server",
        "SELECT s.srvname FROM pg_catalog.pg_foreign_server s WHERE pg_catalog.has_server_privilege(s.oid, 'USAGE')",
    ),
    (
        "owns",
        "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_roles r ON r.oid = c.relowner"
        " WHERE r.rolname = CURRENT_USER",
    ),
    (
        "does not start its transactions read-only, or without a time limit; wrong is",
        "SELECT s.name FROM pg_catalog.pg_settings s WHERE (s.name = 'default_transaction_read_only' AND"
        " s.reset_val <> 'on') OR (s.name IN ('statement_timeout', 'idle_in_transaction_session_timeout')"
        " AND s.reset_val = '0')",
    ),
)


def privilege_problems(
    connection: Connection, role: str, must_read: tuple[str, ...], may_read: tuple[str, ...] = ()
) -> list[str]:
    """Everything that the connection's own role, `role`, may do beyond reading the views `must_read` and `may_read`."""
    if _one(connection, "SELECT CURRENT_USER") != [role] or _one(connection, "SELECT SESSION_USER") != [role]:
        return [f"the session does not run as {role}"]
    found = ((sentence, _one(connection, query, must_read + may_read)) for sentence, query in _QUESTIONS)
    problems = [f"it {sentence} {', '.join(sorted(names)[:5])}" for sentence, names in found if names]
    unread = _one(connection, _UNREADABLE, must_read)
    return [*problems, *([f"it may not read {', '.join(sorted(unread))}"] if unread else [])]


def left_out_views(connection: Connection) -> tuple[str, ...]:
    """The views of all agreements that show who was left out or is on hold: the only ones with just these columns."""
    return tuple(_one(connection, _LEFT_OUT))


_LEFT_OUT = (
    "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
    f" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = '{SCHEMA}'"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relkind = 'v' GROUP BY 1"
    " HAVING pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)"
    f" IN ({text_array(LEFT_OUT_COLUMNS)}, {text_array(HOLDS_COLUMNS)})"
)
_UNREADABLE = (
    "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE pg_catalog.format('%%I.%%I', n.nspname, c.relname) = ANY (%(planned)s)"
    " AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))"
)


def _one(connection: Connection, query: str, planned: tuple[str, ...] = ()) -> list[str]:
    return [str(row[0]) for row in connection.execute(sql(query), {"planned": list(planned)})]

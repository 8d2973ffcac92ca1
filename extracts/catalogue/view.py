"""Curated views by their meaning: a digest of the parsed definition, in `view.sql` and as a database prints it.

Rules:
1. Comments, layout and the case of keywords do not count; a column, join, condition, cast or name does.
2. A view changes only together with its contract's version: `locked_view` remembers which definition a version has.
3. PostgreSQL prints a view in its own words, so the lock holds a second digest, of what the database prints. Before
   anything is read, the deployed view must still print it.
4. A view calls PostgreSQL's own functions, operators and types alone: the body of any other could change without a
   sign. Its file creates the view and comments on it, and does nothing else to a database.
5. The control relations, by which people are left out and freshness is told, are locked the same way: a hold list that
   shows other identifiers would void every hold, and nobody would see it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from extracts.canonical import digest
from extracts.errors import InvalidDocument, Problem, SourceChanged

if TYPE_CHECKING:
    from psycopg import Connection

CONTROLS = ("curated.hold", "curated.load_stamp")
_POSITIONS = frozenset({"stmt_len", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end"})


def view_digest(sql: str, source: str = "view.sql") -> str:
    """The digest of the one view that `sql` creates: its name, options and SELECT. Raises InvalidDocument."""
    view = _one_view(sql, source)
    # Whether it says OR REPLACE makes no difference to what is there afterwards.
    return digest(_text_only({k: v for k, v in view.items() if k != "replace"}))


def deployed_view_digest(text: str, relation: str) -> str:
    """The digest of a view whose text a database keeps as it was given, as `view_digest` has it of its file.

    relation: `schema.name`, the schema of which such a database may leave out. Raises InvalidDocument.
    """
    schema, _, name = relation.partition(".")
    view = _one_view(text, relation)
    view["view"] = {**view["view"], "schemaname": schema}
    if view["view"]["relname"] != name:
        raise InvalidDocument(relation, [Problem("sql", "is another view's")])
    return digest(_text_only({k: v for k, v in view.items() if k != "replace"}))


def viewdef_digest(definition: str, source: str = "pg_get_viewdef") -> str:
    """The digest of a SELECT as `pg_get_viewdef` prints it. Raises InvalidDocument."""
    statements = _parsed(definition, source)
    if len(statements) != 1 or "SelectStmt" not in statements[0]["stmt"]:
        raise InvalidDocument(source, [Problem("sql", "is not one SELECT")])
    _refuse_strangers(statements[0], source)
    return digest(_text_only(statements[0]["stmt"]["SelectStmt"]))


def view_name(sql: str, source: str = "view.sql") -> str:
    """`schema.name` of the view that `sql` creates. Raises InvalidDocument."""
    view = _one_view(sql, source)["view"]
    return f"{view.get('schemaname', '')}.{view['relname']}"


def deployed_definition(connection: Connection[Any], relation: str) -> str:
    """The view's SELECT as the database prints it, names with their schemas. Raises SourceChanged if it is gone."""
    with _only_system_names_visible(connection):
        row = connection.execute(_DEFINITION, relation.split(".")).fetchone()
    if row is None:
        raise SourceChanged(f"There is no view {relation} in the source.", advice="Ask its DBA where it went.")
    return str(row[0])


def control_digests(connection: Connection[Any]) -> dict[str, str]:
    """The digests of the control relations, as this database prints them. Raises SourceChanged if one is gone."""
    return {name: viewdef_digest(deployed_definition(connection, name), name) for name in CONTROLS}


_DEFINITION = """
SELECT pg_get_viewdef(c.oid)
FROM pg_catalog.pg_class AS c INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'v'
"""


@contextmanager
def _only_system_names_visible(connection: Connection[Any]) -> Iterator[None]:
    # PostgreSQL leaves out the schema of what the search path finds, and would print one view in several ways.
    path = connection.execute("SELECT current_setting('search_path')").fetchone()
    connection.execute("SELECT set_config('search_path', 'pg_catalog', false)")
    try:
        yield
    finally:
        connection.execute("SELECT set_config('search_path', %s, false)", path)


def _one_view(sql: str, source: str) -> dict[str, Any]:
    statements = _parsed(sql, source)
    views: list[dict[str, Any]] = [s["stmt"]["ViewStmt"] for s in statements if "ViewStmt" in s["stmt"]]
    if len(views) != 1:
        raise InvalidDocument(source, [Problem("sql", f"creates {len(views)} views; it must create one")])
    if others := sorted({kind for s in statements for kind in s["stmt"]} - {"ViewStmt", "CommentStmt"}):
        message = f"does more than create a view and comment on it ({', '.join(others)})"
        raise InvalidDocument(source, [Problem("sql", message, allowed=("CREATE VIEW", "COMMENT ON"))])
    _refuse_strangers(views[0], source)
    return views[0]


def _refuse_strangers(tree: Any, source: str) -> None:
    """Raises InvalidDocument for a function, operator or type that is named with a schema other than PostgreSQL's own.

    What the database prints names every stranger with its schema, so there nothing can hide behind the search path.
    """
    if strangers := sorted(set(_strangers(tree))):
        message = f"uses {', '.join(strangers)}, whose body could change unseen"
        raise InvalidDocument(source, [Problem("sql", message, allowed=("what is in pg_catalog",))])


def _strangers(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for field in ("funcname", "names", "name"):
            parts = [p.get("String", {}).get("sval", "") for p in tree.get(field) or () if isinstance(p, dict)]
            if len(parts) > 1 and parts[0] != "pg_catalog":
                yield ".".join(parts)
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _strangers(inner)


def _parsed(sql: str, source: str) -> list[Any]:
    import pglast
    from pglast.parser import parse_sql_json

    try:
        statements: list[Any] = json.loads(parse_sql_json(sql)).get("stmts", [])
    except pglast.Error:
        raise InvalidDocument(source, [Problem("sql", "is not SQL that PostgreSQL understands")]) from None
    return statements


def _text_only(tree: Any) -> Any:
    """The tree without positions, numbers as text: a canonical form has no fractions."""
    if isinstance(tree, dict):
        return {k: _text_only(v) for k, v in tree.items() if k not in _POSITIONS and not k.endswith("location")}
    if isinstance(tree, list):
        return [_text_only(v) for v in tree]
    return tree if isinstance(tree, bool) or tree is None else str(tree)

"""Curated views by their meaning: a digest of the parsed definition, in `view.sql` and as a database prints it.

Rules:
1. Comments, layout and the case of keywords do not count; a column, join, condition, cast or name does.
2. A view changes only together with its contract's version: `view.lock.json` remembers which definition a version has.
3. PostgreSQL prints a view in its own words, so the lock holds a second digest, of what the database prints. Before
   anything is read, the deployed view must still print it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts.canonical import digest
from extracts.catalogue.contract import Dataset
from extracts.errors import InvalidDocument, Problem, SourceChanged

if TYPE_CHECKING:
    from psycopg import Connection

LOCK_FILE = "view.lock.json"
_POSITIONS = frozenset({"stmt_len", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end"})


@dataclass(frozen=True)
class ViewLock:
    """What `view.lock.json` says: this version of the contract has this view, which PostgreSQL prints like that."""

    version: str
    view_digest: str
    deployed_digest: str

    def text(self) -> str:
        """The file's text."""
        return json.dumps(asdict(self), indent=2) + "\n"


def view_digest(sql: str, source: str = "view.sql") -> str:
    """The digest of the one view that `sql` creates: its name, options and SELECT. Raises InvalidDocument."""
    views = [s["stmt"]["ViewStmt"] for s in _parsed(sql, source) if "ViewStmt" in s["stmt"]]
    if len(views) != 1:
        raise InvalidDocument(source, [Problem("sql", f"creates {len(views)} views; it must create one")])
    # Whether it says OR REPLACE makes no difference to what is there afterwards.
    return digest(_text_only({k: v for k, v in views[0].items() if k != "replace"}))


def viewdef_digest(definition: str, source: str = "pg_get_viewdef") -> str:
    """The digest of a SELECT as `pg_get_viewdef` prints it. Raises InvalidDocument."""
    statements = _parsed(definition, source)
    if len(statements) != 1 or "SelectStmt" not in statements[0]["stmt"]:
        raise InvalidDocument(source, [Problem("sql", "is not one SELECT")])
    return digest(_text_only(statements[0]["stmt"]["SelectStmt"]))


def view_name(sql: str, source: str = "view.sql") -> str:
    """`schema.name` of the view that `sql` creates. Raises InvalidDocument."""
    views = [s["stmt"]["ViewStmt"]["view"] for s in _parsed(sql, source) if "ViewStmt" in s["stmt"]]
    if len(views) != 1:
        raise InvalidDocument(source, [Problem("sql", f"creates {len(views)} views; it must create one")])
    return f"{views[0].get('schemaname', '')}.{views[0]['relname']}"


def deployed_definition(connection: Connection[Any], relation: str) -> str:
    """The view's SELECT as the database prints it, names with their schemas. Raises SourceChanged if it is gone."""
    with _only_system_names_visible(connection):
        row = connection.execute(_DEFINITION, relation.split(".")).fetchone()
    if row is None:
        raise SourceChanged(f"There is no view {relation} in the source.", advice="Ask its DBA where it went.")
    return str(row[0])


def read_lock(path: Path) -> ViewLock | None:
    """The lock in a file; None if there is no file. Raises InvalidDocument."""
    if not path.exists():
        return None
    try:
        return ViewLock(**json.loads(path.read_bytes()))
    except (ValueError, TypeError):
        fields = tuple(ViewLock.__dataclass_fields__)
        raise InvalidDocument(str(path), [Problem("lock", "is not a view lock", allowed=fields)]) from None


def new_lock(dataset: Dataset, deployed_digest: str, old: ViewLock | None) -> ViewLock:
    """The lock of this version of a dataset. Raises SourceChanged if the version is locked to another view already."""
    if old and old.version == dataset.version and old.view_digest != dataset.view_digest:
        raise SourceChanged(
            f"{dataset.name}: the view changed, but the contract's version is still {dataset.version}.",
            advice="Raise the version in contract.yaml: the first number if approvals must not cover the new view.",
        )
    return ViewLock(dataset.version, dataset.view_digest, deployed_digest)


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

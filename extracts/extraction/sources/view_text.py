"""Compares two definitions of a view by what they mean to PostgreSQL's own parser: layout does not count.

Rules:
1. Positions in the text are dropped; everything else of the parse tree counts, every constant included.
2. PostgreSQL prints a query over a single relation without the relation's alias before its columns (from version 16
   on), and with it before. The alias is put back, at the outermost level only, where it can mean nothing else.
"""

from __future__ import annotations

from typing import Any

from extracts.canonical import digest

_POSITIONS = ("location", "stmt_location", "stmt_len", "list_start", "list_end", "rexpr_list_start", "rexpr_list_end")
_NESTED = ("SubLink", "RangeSubselect", "SelectStmt")


def definition_digest(text: str) -> str:
    """A digest of the meaning of one SELECT. Raises ValueError if it is not one."""
    return tree_digest(definition_tree(text))


def tree_digest(tree: dict[str, Any]) -> str:
    """The digest of a tree of `definition_tree`."""
    return digest(tree)


def definition_tree(text: str) -> dict[str, Any]:
    """The normalised parse tree of one SELECT as plain values. Raises ValueError if it is not one."""
    from pglast import parse_sql
    from pglast.parser import ParseError

    try:
        statements = parse_sql(text)
    except ParseError:
        raise ValueError("the view's definition cannot be parsed") from None
    if len(statements) != 1:
        raise ValueError("a view's definition is one statement")
    statement: Any = statements[0].stmt
    tree: dict[str, Any] = _plain(statement(skip_none=True))
    if tree.get("@") != "SelectStmt":
        raise ValueError("a view's definition is a SELECT")
    if alias := _single_alias(tree):
        _qualify({k: v for k, v in tree.items() if k not in ("@", "fromClause")}, alias)
    return tree


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(k): _plain(v) for k, v in node.items() if k not in _POSITIONS}
    if isinstance(node, list | tuple):
        return [_plain(v) for v in node]
    return node if node is None or isinstance(node, bool | int | str) else str(node)


def _single_alias(tree: dict[str, Any]) -> str:
    origin = tree.get("fromClause") or []
    if len(origin) != 1 or origin[0].get("@") not in ("RangeVar", "RangeSubselect"):
        return ""
    return str((origin[0].get("alias") or {}).get("aliasname", ""))


def _qualify(node: Any, alias: str) -> None:
    if isinstance(node, list):
        for item in node:
            _qualify(item, alias)
    if not isinstance(node, dict):
        return
    if node.get("@") in _NESTED:
        _qualify(node.get("testexpr"), alias)  # what is looked up in a nested query is of the outer one
    elif node.get("@") == "ColumnRef" and len(node["fields"]) == 1 and node["fields"][0].get("@") == "String":
        node["fields"].insert(0, {"@": "String", "sval": alias})
    else:
        for key, value in node.items():
            if key != "fromClause":
                _qualify(value, alias)

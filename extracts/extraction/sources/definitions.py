"""Are the views in the source still the ones that were approved? Curated views, and the agreement's own above them.

Rules:
1. A curated view has the definition that the lock of its contract's version names, and the contract's columns and
   types. A column added to a table below it changes nothing, since a view lists its columns. So it is with the views
   that show the hold list and the load stamps.
2. The agreement's view is there, behind a security barrier, with the planned columns in order, and its definition
   means what `view_sql` makes of the plan; layout does not count.
3. Only names, types and digests go into a message.
"""

from __future__ import annotations

from extracts.catalogue.column_sense import postgres_type
from extracts.catalogue.contract import Dataset
from extracts.catalogue.view import control_digests, deployed_definition, viewdef_digest
from extracts.errors import SourceChanged
from extracts.extraction.sources.postgres import Connection
from extracts.extraction.sources.view_sql import ExpectedView
from extracts.extraction.sources.view_text import definition_tree, tree_digest

_OPTIONS = ["security_barrier=true"]
_SCRIPT = "Nothing was read. Ask the source's DBA to run the script of `extracts source sql` again."
_VIEW = (
    "SELECT pg_catalog.pg_get_viewdef(c.oid), c.reloptions, ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a"
    " WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'v'"
)
_OWNER = "Nothing was read. Ask the Information Asset Owner; a changed view needs a new contract version and decision."
_COLUMNS = (
    "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a"
    " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'v' AND a.attnum > 0 AND NOT a.attisdropped"
)


def check_curated_view(connection: Connection, dataset: Dataset) -> str:
    """The digest of the deployed curated view, which is the locked one. Raises SourceChanged."""
    if not dataset.deployed_view_digest:
        raise SourceChanged(
            f"{dataset.name} {dataset.version}: no view is locked for this version of the contract.", advice=_OWNER
        )
    definition = deployed_definition(connection, dataset.relation)
    found: dict[str, str] = dict(connection.execute(_COLUMNS, dataset.relation.split(".", 1)).fetchall())
    if problems := column_problems(dataset, found):
        raise SourceChanged(f"{dataset.relation} is not as its contract says: {'; '.join(problems)}.", advice=_OWNER)
    digest = viewdef_digest(definition, dataset.relation)
    if digest != dataset.deployed_view_digest:
        raise SourceChanged(
            f"{dataset.relation} was edited: it is not the view of version {dataset.version} of its contract.",
            advice=_OWNER,
        )
    return digest


def check_controls(connection: Connection, dataset: Dataset) -> None:
    """Raises SourceChanged unless hold list and load stamps are the views that were locked with this contract."""
    found = control_digests(connection)
    edited = [name for name in found if dataset.control_digests.get(name) != found[name]]
    if edited:
        raise SourceChanged(
            f"{' and '.join(edited)} is not the view that was locked with {dataset.name} {dataset.version}.",
            advice="Nothing was read. Ask the source's owner who edited it: by it people are left out.",
        )


def column_problems(dataset: Dataset, found: dict[str, str]) -> list[str]:
    """What differs between the contract's columns and `found`: PostgreSQL types by name."""
    wanted = {c.name: postgres_type(c.type, c.precision, c.scale) for c in dataset.columns}
    missing = [f"column {name} is gone" for name in wanted if name not in found]
    added = [f"column {name} is not declared" for name in found if name not in wanted]
    retyped = [
        f"column {name} is {found[name]}, not {type}" for name, type in wanted.items() if found.get(name, type) != type
    ]
    return [*missing, *added, *retyped]


def check_agreement_view(connection: Connection, expected: ExpectedView) -> str:
    """The digest of a deployed view's meaning. Raises SourceChanged if it is not what the plan asks for.

    Anybody may read definitions in PostgreSQL, so this needs no right on the view.
    """
    row = connection.execute(_VIEW, expected.name.split(".", 1)).fetchone()
    if row is None:
        raise SourceChanged(f"The view {expected.name} is not in the source.", advice=_SCRIPT)
    definition, options, columns = row
    if options != _OPTIONS or tuple(columns) != expected.columns:
        raise SourceChanged(f"The view {expected.name} has other options or columns than planned.", advice=_SCRIPT)
    try:
        found = definition_tree(definition)
    except ValueError:
        raise SourceChanged(f"The view {expected.name} cannot be understood.", advice=_SCRIPT) from None
    if found != definition_tree(expected.definition):
        raise SourceChanged(f"The view {expected.name} shows other rows or columns than were approved.", advice=_SCRIPT)
    return tree_digest(found)

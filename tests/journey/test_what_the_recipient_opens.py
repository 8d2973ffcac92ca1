"""What a recipient finds once a delivery is decrypted: the approved columns, and no way back to a person."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from extracts.agreement.patterns import PATTERNS
from extracts.errors import Outcome
from extracts.extraction.pseudonym import pseudonym
from extracts.extraction.sources.role_sql import source_ended_sql
from extracts.handover.decryption import decrypt_stream, read_identity
from extracts.local.home import SOURCE, DemoHome
from extracts.local.rehearsing import rehearse_all
from extracts.local.world import apply_scripts, decide_all
from extracts.settings import PROJECT
from extracts.steps.approval_file import load_published
from extracts.steps.keys import load_key
from tests.support.world import ANALYSTS, FIFE, World, copied

TWIN = "SDDSB-2026-202"
_TYPES = {"string": "string", "integer": "int32", "date": "date32[day]", "boolean": "bool"}


@pytest.fixture(scope="module")
def delivered(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Fife's delivery, the analysts', and that of a second agreement that asks for what the analysts ask for."""
    folder = tmp_path_factory.mktemp("opened")
    text = (PROJECT / "examples" / "requests" / "pension-credit-statistics.yaml").read_text()
    (folder / "twin.yaml").write_text(text.replace(ANALYSTS, TWIN))
    with copied(template_world, folder / "home") as world:
        decided = decide_all(world.work, world.home, folder, lambda _: None)
        try:
            apply_scripts(world.work, world.home, decided, lambda _: None)
            rehearse_all(world.work, world.home, decided, lambda _: None)
            for request_id in (FIFE, ANALYSTS, TWIN):
                found = world.run(request_id)
                assert found["outcome"] == Outcome.DELIVERED, found["reason"]
            yield world
        finally:
            plan = load_published(world.work, TWIN).plan
            world.source(source_ended_sql(plan, world.work.datasets, world.work.places.sql / "roles"))


def opened(world: World, request_id: str) -> dict[str, parquet.ParquetFile]:
    """The decrypted files of the agreement's one delivery, by dataset."""
    (folder,) = world.deliveries(request_id)
    identity = read_identity(world.home.people.identity(folder.parts[-3]))
    found = {}
    for path in folder.glob("*.age"):
        clear = io.BytesIO()
        with path.open("rb") as stream:
            decrypt_stream(stream, clear, identity, path.name)
        found[path.name.removesuffix(".parquet.age")] = parquet.ParquetFile(clear)
    return found


def planned(world: World, request_id: str) -> dict[str, list[tuple[str, str]]]:
    """Name and type of every approved column, by dataset, out of the delivered plan."""
    (folder,) = world.deliveries(request_id)
    plan = json.loads((folder / "plan.json").read_bytes())
    return {
        d["dataset"]: [
            (c["name"], _TYPES.get(c["delivered_type"], f"decimal128({c['precision']}, {c['scale']})"))
            for c in d["columns"]
        ]
        for d in plan["datasets"]
    }


def texts(table: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Every column as text, whatever its type."""
    for name in table.column_names:
        yield name, table.column(name).cast(pa.string())


def test_every_file_has_exactly_the_columns_of_the_plan(delivered: World) -> None:
    for request_id in (FIFE, ANALYSTS):
        files = opened(delivered, request_id)
        found = {name: [(f.name, str(f.type)) for f in file.schema_arrow] for name, file in files.items()}
        assert found == planned(delivered, request_id)


def test_no_decoded_value_of_a_pseudonymised_file_looks_like_an_identifier(delivered: World) -> None:
    (file,) = opened(delivered, ANALYSTS).values()
    table = file.read()
    assert table.num_rows > 1000
    for name, values in texts(table):
        for pattern in PATTERNS:
            if name != "nino_pseudonym" or pattern.name == "National Insurance number":
                hits = pc.sum(pc.fill_null(pc.match_substring_regex(values, pattern.regex), False)).as_py()
                assert not hits, (name, pattern.name)
    ninos = pa.array(people(delivered))
    assert not [n for n, values in texts(table) if pc.any(pc.is_in(values, value_set=ninos)).as_py()]


def test_two_agreements_on_one_view_cannot_be_joined(delivered: World) -> None:
    files = [f for request_id in (ANALYSTS, TWIN) for f in opened(delivered, request_id).values()]
    one, other = (f.read() for f in files)
    assert one.num_rows == other.num_rows > 1000
    assert not set(one["nino_pseudonym"].to_pylist()) & set(other["nino_pseudonym"].to_pylist()), "by value"
    owners = [owner_by_row(delivered, t, r) for t, r in ((one, ANALYSTS), (other, TWIN))]
    assert sorted(owners[0]) == sorted(owners[1]), "they are the same people"
    assert sum(a == b for a, b in zip(*owners, strict=True)) < one.num_rows / 100, "by row position"
    said = [(f.metadata.metadata, f.schema_arrow.metadata, f.metadata.created_by) for f in files]
    assert said[0] == said[1], "by metadata"
    assert said[0][:2] == (None, None)


def people(world: World) -> list[str]:
    with world.home.postgres.superuser(SOURCE) as connection:
        return [n for (n,) in connection.execute("SELECT DISTINCT nino FROM curated.pension_credit_award").fetchall()]


def owner_by_row(world: World, table: pa.Table, request_id: str) -> list[str]:
    """Whose each row is, as only the holder of key and list can tell."""
    key = load_key(world.work.places.keys, request_id).secret
    owners = {pseudonym(key, "nino", nino): nino for nino in people(world)}
    return [owners[p] for p in table["nino_pseudonym"].to_pylist()]

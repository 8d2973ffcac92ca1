"""A folder of Parquet files gives the very extract that PostgreSQL gives, of one set of files or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from extracts.agreement.plan import Condition, ExtractPlan, Operator
from extracts.catalogue.contract import LoadStamp
from extracts.errors import (
    CheckFailed,
    ExtractsError,
    HoldStops,
    NotPermitted,
    SettingMissing,
    SourceChanged,
    SourceLate,
    SourceUnreachable,
)
from extracts.extraction.sources.checks import check_source
from extracts.extraction.sources.parquet_source import check_folder, open_folder_source
from extracts.extraction.values import Extract, SourceCheck
from tests.support.parquet_source import ParquetSource, a_parquet_twin, folder_digest
from tests.support.postgres import Database
from tests.support.small_source import NOW, SmallSource, rows_of
from tests.support.twins import CONDITIONS, a_plan_of, index_of, people_of_every_kind


@pytest.fixture(scope="module")
def people(module_database: Database) -> Iterator[SmallSource]:
    with people_of_every_kind(module_database) as source:
        yield source


@pytest.fixture
def twin(people: SmallSource, tmp_path: Path) -> ParquetSource:
    return a_parquet_twin(people, tmp_path / "archive")


def drawn(people: SmallSource, twin: ParquetSource, plan: ExtractPlan, folder: Path, **changes: Any) -> Extract:
    """The plan's extract from the folder."""
    folder.mkdir(exist_ok=True)
    facts = {"source": twin.enter(plan), "datasets": twin.datasets, **changes}
    return people.extract(twin.plan(plan), folder, **facts)


def check(twin: ParquetSource, plan: ExtractPlan | None = None) -> tuple[SourceCheck, ...]:
    plan = plan or a_plan_of()
    return check_source(twin.enter(plan), twin.plan(plan), twin.datasets, now=NOW, hold_max_age_hours=24)


@pytest.mark.parametrize(
    ("name", "by"),
    [("none", ""), ("several", "award_type"), ("dates", "started_on"), ("yes or no", "carer_addition")],
)
def test_the_extract_is_the_one_that_postgresql_gives_however_the_folder_is_partitioned(
    people: SmallSource, tmp_path: Path, name: str, by: str
) -> None:
    twin, plan = a_parquet_twin(people, tmp_path / "archive", by=by), a_plan_of(*CONDITIONS[name])
    (tmp_path / "pg").mkdir()
    theirs, ours = people.extract(plan, tmp_path / "pg"), drawn(people, twin, plan, tmp_path / "file")
    assert rows_of(ours.files[0]) == rows_of(theirs.files[0])
    assert rows_of(ours.files[0])
    assert ours.files[0].funnel == theirs.files[0].funnel
    assert ours.files[0].schema_digest == theirs.files[0].schema_digest
    assert index_of(ours) == index_of(theirs)
    assert [s.enforced_by for s in ours.sources] == ["scan"]
    assert ours.snapshot.visible.count("files, sha256:") == 1


@pytest.mark.parametrize("conditions", CONDITIONS.values(), ids=CONDITIONS.keys())
def test_every_condition_lets_through_what_postgresql_would(
    people: SmallSource, twin: ParquetSource, conditions: tuple[Condition, ...]
) -> None:
    from extracts.extraction.sources.view_sql import data_of

    plan = a_plan_of(*conditions)
    query = f"SELECT v.nino FROM ({data_of(plan, twin.dataset).definition}) AS v ORDER BY 1"
    with twin.enter(plan).transaction() as connection:
        found = [row[0] for row in connection.execute(query.encode()).fetchall()]
    assert found == [row[0] for row in people.database.rows(query)]


def test_nothing_is_read_of_a_file_but_the_columns_and_rows_that_were_planned(twin: ParquetSource) -> None:
    plan = twin.plan(a_plan_of(Condition("award_type", Operator.EQUALS, ("both",)), names=("nino", "award_type")))
    (planned,) = plan.datasets
    with twin.enter(plan).transaction() as connection:
        columns = tuple(c for c in twin.dataset.columns if c.name in ("nino", "award_type", "restricted"))
        rows: Any = connection.rows
        stream = rows.stream(planned, columns, "d.nino d.award_type d.restricted IS FALSE")
        table = pa.Table.from_batches(stream.batches())
    assert table.column_names == [c.name for c in columns]
    assert set(table["award_type"].to_pylist()) == {"both"}
    assert set(table["restricted"].to_pylist()) == {False}


def rewrite(path: Path) -> None:
    parquet.write_table(parquet.read_table(path, partitioning=None), path)


CHANGES: dict[str, Callable[[ParquetSource], None]] = {
    "a file that came": lambda t: parquet.write_table(t.rows(t.dataset.name), t.folder / "part-9.parquet"),
    "a file that went": lambda t: (t.folder / "part-1.parquet").unlink(),
    "a file that was written again": lambda t: rewrite(t.folder / "part-0.parquet"),
    "a file that was cut off": lambda t: os.truncate(t.folder / "part-0.parquet", 100),
    "a file that another replaced": lambda t: os.replace(t.folder / "part-1.parquet", t.folder / "part-0.parquet"),
    "a hold that came": lambda t: rewrite(t.root / "hold.parquet"),
    "a time that was set back": lambda t: os.utime(t.folder / "part-0.parquet", ns=(1, 1)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_files_that_change_while_they_are_read_fail_the_run(
    people: SmallSource, twin: ParquetSource, tmp_path: Path, change: Callable[[ParquetSource], None]
) -> None:
    def meanwhile(told: str) -> None:
        if told.startswith("reading"):
            change(twin)

    with pytest.raises(SourceUnreachable, match="while they were read") as failed:
        drawn(people, twin, a_plan_of(), tmp_path / "file", progress=meanwhile)
    assert "part-" not in str(failed.value)
    assert not list((tmp_path / "file" / "staging").iterdir())


def test_what_a_writer_has_not_finished_is_passed_over_and_anything_else_is_refused(twin: ParquetSource) -> None:
    (twin.folder / "_SUCCESS").touch()
    (twin.folder / ".part-7.parquet.tmp").write_bytes(b"half")
    (twin.folder / "_temporary").mkdir()
    (twin.folder / "_temporary" / "part-8.parquet").write_bytes(b"half")
    assert check(twin)
    (twin.folder / "QQ123456A.csv").touch()
    with pytest.raises(SourceChanged, match=r"not named \.parquet") as refused:
        check(twin)
    assert "QQ123456A" not in str(refused.value)


@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_link_is_not_followed(twin: ParquetSource, tmp_path: Path, where: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    parquet.write_table(twin.rows(twin.dataset.name), elsewhere / "x.parquet")
    target, link = (elsewhere, "more") if where == "folder" else (elsewhere / "x.parquet", "more.parquet")
    (twin.folder / link).symlink_to(target)
    with pytest.raises(SourceChanged, match="a link"):
        check(twin)


def column_of(name: str, values: list[Any], kind: pa.DataType) -> Callable[[ParquetSource], None]:
    """Every file has this column instead; the first row of the first file has the first value, and so on."""

    def change(twin: ParquetSource) -> None:
        for path in twin.paths(twin.dataset.name):
            table = parquet.read_table(path, partitioning=None)
            filled = (values * table.num_rows)[: table.num_rows]
            at = table.schema.get_field_index(name)
            parquet.write_table(table.set_column(at, pa.field(name, kind), pa.array(filled, kind)), path)

    return change


def renamed(twin: ParquetSource) -> None:
    for path in twin.paths(twin.dataset.name):
        table = parquet.read_table(path, partitioning=None)
        parquet.write_table(
            table.rename_columns([c if c != "surname" else "family_name" for c in table.column_names]), path
        )


def only_one(twin: ParquetSource) -> None:
    path = twin.folder / "part-0.parquet"
    parquet.write_table(parquet.read_table(path).drop_columns(["surname"]), path)


MISFITS = {
    "a binary number": (column_of("weekly_award", [1.1], pa.float64()), "weekly_award"),
    "too many places": (column_of("weekly_award", [Decimal("1.234")], pa.decimal128(9, 3)), "weekly_award"),
    "a day with a time": (column_of("started_on", [NOW], pa.timestamp("us", "UTC")), "started_on"),
    "bytes": (column_of("surname", [b"x"], pa.binary()), "surname"),
    "a null character": (column_of("surname", ["a\0b"], pa.string()), "surname"),
    "a number for yes": (column_of("restricted", [0], pa.int8()), "restricted"),
    "a column that went": (renamed, "surname"),
    "files that differ": (only_one, "same columns"),
    "no Parquet at all": (lambda t: (t.folder / "part-0.parquet").write_bytes(b"PAR1 no"), "cannot be read"),
    "no files": (lambda t: [p.unlink() for p in t.paths(t.dataset.name)], "no Parquet files"),
}


@pytest.mark.parametrize(("change", "told"), MISFITS.values(), ids=MISFITS.keys())
def test_what_is_not_as_the_contract_says_stops_the_run(
    people: SmallSource, twin: ParquetSource, tmp_path: Path, change: Callable[[ParquetSource], Any], told: str
) -> None:
    change(twin)
    with pytest.raises((SourceChanged, CheckFailed), match=told):
        drawn(people, twin, a_plan_of(), tmp_path / "file")
    assert not list((tmp_path / "file" / "staging").glob("*"))


def test_an_impossible_text_stops_the_run(people: SmallSource, twin: ParquetSource, tmp_path: Path) -> None:
    bad = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    path = twin.folder / "part-0.parquet"
    table = parquet.read_table(path)
    filled = pa.chunked_array([pa.concat_arrays([bad] * table.num_rows)])
    at = table.schema.get_field_index("surname")
    parquet.write_table(table.set_column(at, pa.field("surname", pa.string()), filled), path, write_statistics=False)
    with pytest.raises(ExtractsError, match="surname"):
        drawn(people, twin, a_plan_of(), tmp_path / "file")


def test_types_that_lose_nothing_are_taken(people: SmallSource, twin: ParquetSource, tmp_path: Path) -> None:
    plan = a_plan_of()
    before = rows_of(drawn(people, twin, plan, tmp_path / "one").files[0])
    for path in twin.paths(twin.dataset.name):
        table = parquet.read_table(path)
        for name, kind in {"surname": pa.large_string(), "award_type": pa.dictionary(pa.int32(), pa.string())}.items():
            table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
        parquet.write_table(table, path)
    assert rows_of(drawn(people, twin, plan, tmp_path / "two").files[0]) == before


def test_a_partition_that_is_no_value_of_its_type_stops_the_run_and_is_not_told(
    people: SmallSource, tmp_path: Path
) -> None:
    twin = a_parquet_twin(people, tmp_path / "archive", by="started_on")
    next(p for p in twin.folder.iterdir() if p.is_dir()).rename(twin.folder / "started_on=QQ123456A")
    with pytest.raises(SourceChanged, match="not as the contract says") as refused:
        check(twin)
    assert "QQ123456A" not in str(refused.value)


def test_rows_without_a_value_to_be_partitioned_by_are_not_lost(people: SmallSource, tmp_path: Path) -> None:
    twin, plan = a_parquet_twin(people, tmp_path / "archive", by="postcode"), a_plan_of()
    (tmp_path / "pg").mkdir()
    theirs, ours = people.extract(plan, tmp_path / "pg"), drawn(people, twin, plan, tmp_path / "file")
    assert rows_of(ours.files[0]) == rows_of(theirs.files[0])
    assert any(row["postcode"] is None for row in rows_of(ours.files[0]))


def test_a_column_that_no_contract_declares_is_not_read(
    people: SmallSource, twin: ParquetSource, tmp_path: Path
) -> None:
    for path in twin.paths(twin.dataset.name):
        table = parquet.read_table(path)
        parquet.write_table(table.append_column("salary", pa.array([1] * table.num_rows)), path)
    extract = drawn(people, twin, a_plan_of(), tmp_path / "file")
    assert "salary" not in rows_of(extract.files[0])[0]


def test_the_hold_list_must_be_whole_and_the_stamp_fresh(people: SmallSource, twin: ParquetSource) -> None:
    twin.write("hold", twin.rows("hold").slice(1))
    with pytest.raises(HoldStops, match="has 2 entries but says that it has 3"):
        check(twin)
    stamps = twin.rows("load_stamp")
    old = pa.array([NOW - timedelta(days=9)] * stamps.num_rows, stamps.schema.field("loaded_at").type)
    twin.write("load_stamp", stamps.set_column(1, "loaded_at", old))
    with pytest.raises(HoldStops, match=r"was loaded 216\.0 hours ago"):
        check(twin)


def test_the_newest_file_says_when_it_was_loaded_if_the_contract_says_so(twin: ParquetSource) -> None:
    newest: Any = {"load_stamp": LoadStamp.NEWEST_FILE, "load_tables": (twin.dataset.name,)}
    digest = folder_digest(twin.dataset, LoadStamp.NEWEST_FILE)
    own = ParquetSource(twin.root, replace(twin.dataset, view_digest=digest, **newest))
    plan = replace_tables(a_plan_of(), own)
    at = NOW - timedelta(hours=2)
    for number, path in enumerate(own.paths(own.dataset.name)):
        os.utime(path, (at.timestamp() - 3600 * number,) * 2)
    (found,) = check(own, plan)
    assert found.loaded_at == at
    os.utime(own.folder / "part-0.parquet", (at.timestamp() - 9e6,) * 2)
    os.utime(own.folder / "part-1.parquet", (at.timestamp() - 9e6,) * 2)
    with pytest.raises(SourceLate, match="hours ago"):
        check(own, plan)


def replace_tables(plan: ExtractPlan, own: ParquetSource) -> ExtractPlan:
    (dataset,) = plan.datasets
    return replace(plan, datasets=(replace(dataset, load_tables=own.dataset.load_tables),))


def test_our_reader_alone_has_to_be_allowed_and_the_folder_to_be_there(twin: ParquetSource, tmp_path: Path) -> None:
    plan = twin.plan(a_plan_of())

    def enter(address: str, allow_query: bool = True) -> None:
        open_folder_source(plan, twin.datasets, address, allow_query=allow_query, now=lambda: datetime.now(UTC))

    with pytest.raises(NotPermitted, match="EXTRACTS_ALLOW_QUERY_ENFORCEMENT"):
        enter(twin.address, allow_query=False)
    for address in ("archive", "file://archive", "s3://archive/x"):
        with pytest.raises(SettingMissing, match="not that of a folder"):
            enter(address)
    with pytest.raises(SourceUnreachable, match="not there"):
        enter(f"file://{tmp_path}/none")
    assert check_folder(twin.address)
    (twin.root / "hold.parquet").unlink()
    with pytest.raises(SourceChanged, match="hold: the source's folder has no Parquet files"):
        check_folder(twin.address)

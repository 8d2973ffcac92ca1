"""The worked dataset of `docs/how-to/add-a-dataset.md` is built from the page's own blocks, up to one extract."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from extracts.agreement.plan import Period
from extracts.catalogue.odcs import load_datasets
from extracts.settings import PROJECT, open_workplace
from extracts.steps.requests import check_request
from extracts.steps.suites import source_suite
from tests.support.builders import a_period
from tests.support.guides import HOW_TO, Shell, blocks, commands
from tests.support.postgres import Database
from tests.support.small_source import NOW, SmallSource, rows_of, small_source

PAGE = HOW_TO / "add-a-dataset.md"
DATASET = "winter_heating"
SAMPLE = PROJECT / "examples" / "requests" / "scottish-child-payment.yaml"


@dataclass(frozen=True)
class Followed:
    """A reader's folder after every command of the page, in order."""

    folder: Path
    source: SmallSource
    environ: dict[str, str]
    before: tuple[str, ...]


@pytest.fixture(scope="module")
def followed(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    folder = tmp_path_factory.mktemp("warehouse")
    for name in ("sql", "expectations"):
        shutil.copytree(PROJECT / name, folder / name)
    before = tuple(sorted(p.parent.name for p in folder.glob("expectations/*/contract.yaml")))
    (folder / "my-request.yaml").write_text(_request(_datasets()))
    environ = {
        "EXTRACTS_HOME": str(folder / "home"),
        "EXTRACTS_SQL": str(folder / "sql"),
        "EXTRACTS_EXPECTATIONS": str(folder / "expectations"),
    }
    with small_source(module_database) as source:
        (table,) = [b.text for b in blocks(PAGE) if b.text.startswith("CREATE TABLE")]
        source.execute(f"SET ROLE source_owner; {table} RESET ROLE")
        server, name = module_database.server, module_database.name
        here = {
            "host=dev.example dbname=warehouse user=me": module_database.conninfo(),
            "postgresql://me@dev.example/warehouse": server.url(name, "postgres"),
        }
        shell, (draft, *later) = Shell(folder, here, environ), commands(PAGE)
        shell.works(draft)
        _finish(folder)
        for command in later:
            if command != "extracts doctor":  # this reader has no register
                shell.works(command)
        yield Followed(folder, source, environ, before)


def _finish(folder: Path) -> None:
    """The reader makes of the draft what the page shows; there is no other file to write."""
    drafted = {p.relative_to(folder).as_posix() for p in folder.glob(f"*/{DATASET}/*")}
    written = {b.path: b.text for b in blocks(PAGE) if b.path}
    assert drafted == set(written)
    for path, text in written.items():
        assert "TO DO" in (folder / path).read_text() or path.endswith("source.yaml")
        (folder / path).write_text(text)


def _datasets() -> str:
    (found,) = [b.text for b in blocks(PAGE) if b.text.startswith("datasets:")]
    return found


def _request(datasets: str) -> str:
    """As the page says: a copy of a sample with another id, title, purpose and least number, and these datasets."""
    text = SAMPLE.read_text().partition("\ndatasets:")[0]
    text = text.replace("request_id: SDDSB-2026-014", "request_id: SDDSB-2026-041")
    text = text.replace("min_rows: 100", "min_rows: 1")
    text = text.replace("title: Scottish Child Payment eligibility", "title: Winter heating payments made")
    return text.replace("code: scottish-child-payment", "code: pension-age-winter-heating-payment") + "\n" + datasets


def test_the_contract_is_read_and_locked_to_the_deployed_view(followed: Followed) -> None:
    datasets = load_datasets(followed.folder / "expectations", followed.folder / "sql")
    assert set(datasets) == {*followed.before, DATASET}
    assert datasets[DATASET].deployed_view_digest
    (lock,) = json.loads((followed.folder / "expectations" / DATASET / "view.lock.json").read_text())
    assert lock["version"] == datasets[DATASET].version
    assert followed.source.database.rows(f"SELECT * FROM curated.{DATASET}") == []


def test_its_suite_is_read(followed: Followed) -> None:
    assert source_suite(open_workplace(followed.environ), DATASET)


def test_its_request_passes_and_one_extract_holds_what_was_asked_for(followed: Followed, tmp_path: Path) -> None:
    work = open_workplace(followed.environ)
    examined = check_request(work, followed.folder / "my-request.yaml")
    assert examined.plan, examined.assessment.as_text()
    source = followed.source
    source.datasets = work.datasets
    for number, marks in enumerate(({}, {"restricted": True}, {"safe_address": True}), start=1):
        person = source.person(f"QQ00000{number}A", **marks)
        source.execute(
            "INSERT INTO dwp.winter_heating_payment VALUES (%s, %s, '2026-11-20', 305.10, now())",
            [f"WH{number}", person],
        )
    stamp = "INSERT INTO dwp.load_stamp VALUES ('winter_heating_payment', %s, 3)"
    source.execute(stamp, [NOW - timedelta(hours=1)])
    period: Period = a_period()
    (file,) = source.extract(examined.plan, tmp_path, period).files
    (row,) = rows_of(file)
    assert list(row) == ["payment_id", "nino", "postcode_district", "paid_on"]
    assert (row["nino"], row["postcode_district"]) == ("QQ000001A", "KY1")


@pytest.mark.parametrize("word", ["treatments", "periodKind", "persons", "loadTables", "restrictedColumn", "servers"])
def test_every_part_that_a_reader_has_to_write_is_explained(word: str) -> None:
    explained = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    assert any(word in line for line in explained)

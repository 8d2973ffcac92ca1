"""The benchmark's world: one dataset of any number of people, one agreement on it, made and decided as in the demo.

Everything is as in production but the size: contract, curated view, request, policy, two signatures, role script, load
stamps and hold list. So the governed way does all its work, and a control that is added later is measured too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from extracts.catalogue.view_lock import lock_views
from extracts.documents import read
from extracts.local.home import SOURCE, DemoHome
from extracts.local.passwords import write_secret
from extracts.local.rehearsing import rehearse_all
from extracts.local.sample import apply_schema
from extracts.local.world import apply_scripts, decide_all
from extracts.settings import PROJECT, open_workplace

DATASET = "benchmark_people"
REQUEST = "SDDSB-2026-900"
TREATMENTS = {
    "nino": "pseudonymise",
    "forenames": "keep",
    "surname": "keep",
    "date_of_birth": "year",
    "sex": "keep",
    "address": "keep",
    "postcode": "postcode_sector",
    "council_code": "keep",
    "award_type": "keep",
    "weekly_award": "keep",
    "started_on": "month",
    "carer_addition": "keep",
    "updated_at": "keep",
}
_PEOPLE = Path(__file__).parent / "people"


@dataclass(frozen=True)
class Benchmark:
    """A world whose agreement is in force, and how another process finds it."""

    home: DemoHome
    environment: dict[str, str]

    def fill(self, rows: int) -> None:
        """Replace the source's rows."""
        with self.home.postgres.superuser(SOURCE) as connection:
            connection.execute("SELECT sample.fill_benchmark(%s)", [rows])
            connection.execute(f"VACUUM ANALYZE dwp.{DATASET}".encode())

    def version(self) -> str:
        """PostgreSQL's."""
        with self.home.postgres.superuser(SOURCE) as connection:
            return ".".join(str(connection.info.server_version // n % 10_000) for n in (10_000, 1))


@contextmanager
def benchmark(folder: Path) -> Iterator[Benchmark]:
    """A world below `folder`; its server is ended afterwards."""
    home = DemoHome.at(folder / "home")
    home.postgres.start()
    try:
        home.make_databases(PROJECT / "sql", datetime.now(UTC))
        home.write_settings(home.people.make())
        write_secret(home.canaries, "".join(f"Zzcanary{n}\n" for n in range(4)))  # searched for, as in production
        environment = {"EXTRACTS_HOME": str(home.home), **lay_out(folder)}
        work = open_workplace(environment)
        with home.postgres.superuser(SOURCE) as connection:
            apply_schema(connection, work.places.sql)
            lock_views(work.places.expectations, work.places.sql, connection)
        decided = decide_all(work, home, sample_request(folder), _quiet)
        assert decided[0].approved, decided[0].examined.assessment.as_text()
        apply_scripts(work, home, decided, _quiet)
        rehearse_all(work, home, decided, _quiet)
        work.register.dispose()
        yield Benchmark(home, environment)
    finally:
        home.postgres.stop()


def lay_out(folder: Path) -> dict[str, str]:
    """The project's contracts and views in `folder`, with the benchmark's beside them; the settings that name them."""
    expectations, sql = folder / "expectations", folder / "sql"
    governance = folder / "governance"
    for name, target in (("expectations", expectations), ("sql", sql), ("examples/governance", governance)):
        shutil.copytree(PROJECT / name, target)
    for target in (expectations, sql):
        (target / DATASET).mkdir()
    for name in ("contract.yaml", "source.yaml"):
        shutil.copy(_PEOPLE / name, expectations / DATASET)
    shutil.copy(_PEOPLE / "view.sql", sql / DATASET)
    shutil.copy(_PEOPLE / "table.sql", sql / "sample" / "99_benchmark.sql")
    _add_to_owner(governance / "reviewers.yaml")
    return {
        "EXTRACTS_EXPECTATIONS": str(expectations),
        "EXTRACTS_SQL": str(sql),
        "EXTRACTS_GOVERNANCE": str(governance),
    }


def _add_to_owner(reviewers: Path) -> None:
    """The owner of the sample's datasets answers for the benchmark's too; who is assigned by name reviews no other."""
    found = read(reviewers).value
    for assignment in found["reviewers"]:
        if "datasets" in assignment:
            assignment["datasets"].append(DATASET)
    reviewers.write_text(json.dumps(found, default=str))  # which is YAML too


def sample_request(folder: Path) -> Path:
    """A folder with one request: the sample for statistics, which has all that the policy asks for, on our columns."""
    request = read(PROJECT / "examples" / "requests" / "pension-credit-statistics.yaml").value
    columns = [
        {"name": name, "treatment": how, "justification": f"The benchmark delivers its column {name}."}
        for name, how in TREATMENTS.items()
    ]
    request["request_id"] = REQUEST
    request["limits"]["max_rows"] = 5_000_000  # as many as the policy permits
    request["datasets"] = [{"dataset": DATASET, "used_for": "benchmarks", "columns": columns}]
    target = folder / "requests"
    target.mkdir()
    (target / "request.yaml").write_text(json.dumps(request, indent=1))  # which is YAML too
    return target


def _quiet(_: str) -> None:
    return None

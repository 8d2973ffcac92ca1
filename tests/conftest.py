"""Fixtures that every kind of test may use: a real PostgreSQL, signing keys, a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from extracts.errors import Outcome
from extracts.local.home import DemoHome
from extracts.local.postgres import EmbeddedPostgres
from tests.support import mariadb
from tests.support.browser import chromium_path
from tests.support.keys import Keys, make_keys
from tests.support.postgres import Database, temporary_database
from tests.support.sftp_area import SftpArea, an_area, missing
from tests.support.small_source import SmallSource, small_source
from tests.support.world import AGREEMENTS, World, copied, make_template

# A slow or busy machine is not a fault of the code; what a property finds must be found again by whoever looks.
settings.register_profile(
    "ours",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("ours")


# Minutes each; begun last, one of them would run on while the other processor has nothing to do.
_LONGEST = (
    "test_airflow_considers",
    "test_airflow_ui",
    "test_kills",
    "test_airflow_processes",
    "test_demo",
    "test_rehearsal",
    "test_canary",
)

# Of the transfer area: everybody whom the sample parties confirm.
ROOMS = (
    "fife-council",
    "scottish-government-analysts",
    "social-security-scotland",
    "city-of-edinburgh-council",
    "stirling-council",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first. Parallel runs keep this order only with `--no-loadscope-reorder`."""
    rank = {name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="session")
def pg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One embedded PostgreSQL 18 per test session; ended at its end."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("home"), durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def database(pg: EmbeddedPostgres) -> Iterator[Database]:
    """A fresh, empty database for one test."""
    with temporary_database(pg) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def module_database(pg: EmbeddedPostgres) -> Iterator[Database]:
    """A fresh, empty database that the tests of one module share."""
    with temporary_database(pg) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keys of board, controller, service, recipient, requester and a stranger. All tests share them."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def own_keys(tmp_path: Path) -> Keys:
    """The same for one test, which may add, expire or remove keys."""
    return make_keys(tmp_path / "keys")


@pytest.fixture(scope="session")
def template_world(pg: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> DemoHome:
    """Source, people and decided requests, made once; tests copy it."""
    return make_template(tmp_path_factory.mktemp("world"), pg)


@pytest.fixture(scope="session")
def published_world(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same with a delivery of each agreement in the drop zone, and inboxes; tests copy it."""
    with copied(template_world, tmp_path_factory.mktemp("published") / "home") as own:
        for request_id in AGREEMENTS:
            assert own.run(request_id)["outcome"] == Outcome.DELIVERED
        for recipient in own.work.parties.recipients:
            (own.work.places.drop_zone / recipient / "inbox").mkdir(parents=True, exist_ok=True)
        own.work.register.dispose()
        yield own


@pytest.fixture
def world(template_world: DemoHome, tmp_path: Path) -> Iterator[World]:
    """A whole small world of one's own: three agreements in force, nothing delivered yet."""
    with copied(template_world, tmp_path / "home") as own:
        yield own


@pytest.fixture(scope="session")
def chromium() -> str:
    """Chromium's program. Without one the test is skipped; in continuous integration it fails."""
    path = chromium_path()
    if path is None and os.environ.get("CI") != "true":
        pytest.skip("no Chromium here; see tests/support/system.sh")
    assert path, "no Chromium here, so nobody looked at the pages; see tests/support/system.sh"
    return path


@pytest.fixture(scope="session")
def maria() -> Iterator[mariadb.MariaServer]:
    """A real MariaDB. Without one the test is skipped; in continuous integration it fails."""
    if (why := mariadb.missing()) and os.environ.get("CI") != "true":
        pytest.skip(why)
    assert not why, why
    with mariadb.a_server() as server:
        yield server


@pytest.fixture(scope="session")
def sftp_area() -> Iterator[SftpArea]:
    """A real transfer area, served by OpenSSH. Without one the test is skipped; in continuous integration it fails."""
    if (why := missing()) and os.environ.get("CI") != "true":
        pytest.skip(why)
    assert not why, why
    with an_area(*ROOMS) as area:
        yield area


@pytest.fixture(scope="module")
def module_source(module_database: Database) -> Iterator[SmallSource]:
    """A small source of the module's own, made once."""
    with small_source(module_database) as source:
        yield source


@pytest.fixture
def source(module_source: SmallSource) -> SmallSource:
    """That source, empty again for each test."""
    module_source.clear()
    return module_source

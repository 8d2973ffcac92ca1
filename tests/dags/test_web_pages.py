"""The pages inside Airflow: closed to strangers, harmless, and about what is really there.

Signing in to a real Airflow is the journey's part (tests/journey/test_airflow_ui.py); here Airflow's answer to "who is
this, and may they?" is given by the test where it says so.
"""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi.testclient import TestClient

from extracts.steps.run_folder import folder_name
from extracts.web.access import may_read
from extracts.web.app import make_app
from extracts.web.render import from_markdown
from tests.dags.conftest import RUN
from tests.support.pages import an_airflow_user
from tests.support.world import FIFE, World

EVIL = '<script>alert("QQ")</script>'
PAGES = [
    f"/agreement/extract__{FIFE}",
    f"/plan/{FIFE}",
    f"/outcome/extract__{FIFE}/{RUN}",
    f"/report/{FIFE}/{RUN}",
    f"/manifest/{FIFE}/{RUN}",
    "/manifest/DELIVERY",
]


@pytest.fixture
def client(delivered: World, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Somebody whom Airflow knows and lets see this agreement."""
    monkeypatch.setenv("EXTRACTS_HOME", str(delivered.home.home))
    monkeypatch.setenv("EXTRACTS_REGISTER_URL", delivered.work.register_url)
    app = make_app()
    app.dependency_overrides[get_user] = lambda: an_airflow_user("forum")
    app.dependency_overrides[may_read] = lambda: None
    return TestClient(app)


def of(delivered: World, path: str) -> str:
    """The path, about the delivery that was made (its period depends on the day)."""
    (folder,) = delivered.deliveries(FIFE)
    return path.replace("DELIVERY", folder.name)


# --- who may see ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/agreement/another_dag", "/manifest/SDDSB-2026-021.2026-10.r1"])
def test_a_stranger_gets_nothing(path):
    answer = TestClient(make_app()).get(path)
    assert answer.status_code == 401
    assert FIFE not in answer.text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/"])
def test_there_is_no_page_beside_those(path):
    """FastAPI's own pages are not covered by an app's dependencies: they would be open to everybody."""
    assert TestClient(make_app()).get(path).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_pages_are_read_only(client, method):
    assert getattr(client, method)(f"/plan/{FIFE}").status_code == 405


def test_whether_somebody_may_see_it_is_asked_of_airflow_for_this_agreement(delivered, monkeypatch):
    """Airflow's answer is taken as it comes: here it says no to everything but one DAG."""
    monkeypatch.setenv("EXTRACTS_HOME", str(delivered.home.home))
    asked = []

    def manager() -> SimpleNamespace:
        return SimpleNamespace(is_authorized_dag=lambda **question: asked.append(question) is None and False)

    monkeypatch.setattr("airflow.api_fastapi.core_api.security.get_auth_manager", manager)
    monkeypatch.setattr("airflow.models.dag.DagModel.get_team_name", lambda *_: None)
    app = make_app()
    app.dependency_overrides[get_user] = lambda: an_airflow_user("stranger")
    for path in PAGES:
        assert TestClient(app).get(of(delivered, path)).status_code == 403
    assert len(asked) == len(PAGES)
    assert {question["details"].id for question in asked} == {f"extract__{FIFE}"}
    assert {question["method"] for question in asked} == {"GET"}


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/plan/..%2f..%2fetc%2fpasswd",
        "/plan/.hidden",
        "/plan/a%00b",
        f"/report/{FIFE}/..%2f..%2fkeys",
        f"/report/{FIFE}/..",
        f"/report/{FIFE}/{'x' * 300}",
        f"/manifest/{FIFE}.2026-10.r1%2f..",
        "/manifest/*.2026-10.r1",
        "/manifest/SDDSB-2026-021.2026-10.rx",
        "/agreement/another_dag",
        "/agreement/extract__..",
        f"/outcome/extract__{FIFE}/%2e%2e",
    ],
)
def test_an_address_that_is_no_id_of_ours_is_not_found(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/plan/SDDSB-2026-999", f"/report/{FIFE}/no-such-run", f"/manifest/{FIFE}.2026-09.r1"]
)
def test_what_is_not_there_is_said_in_words(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Nothing to show" in answer.text


def test_a_link_in_a_folder_leads_no_page_elsewhere(client, delivered):
    secret = delivered.home.home / "settings.env"
    run = delivered.work.places.runs / FIFE / "linked"
    run.mkdir(parents=True)
    (run / "report.html").symlink_to(secret)
    answer = client.get(f"/report/{FIFE}/linked")
    assert answer.status_code == 404
    assert "EXTRACTS_REGISTER_URL" not in answer.text


# --- what the pages say -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES[1:])
def test_every_page_stands_alone_and_may_do_nothing(client, delivered, path):
    answer = client.get(of(delivered, path))
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|<link|<img|@import|url\(|src=|https?://[^\s\"']*\.(js|css)", answer.text)


@pytest.mark.parametrize("path", PAGES[1:])
def test_no_page_holds_a_person_s_value_or_where_this_machine_keeps_things(client, delivered, path):
    text = client.get(of(delivered, path)).text
    assert not re.search(r"QQ\d{6}[A-D]", text)
    assert str(delivered.home.home) not in text


def test_the_plan_is_the_page_that_people_signed(client):
    text = client.get(f"/plan/{FIFE}").text
    for words in ("For whom and why", "Welfare Reform Act 2012, section 131", "Which columns", "sha256:"):
        assert words in text


def test_the_outcome_tells_each_check_and_what_it_found(client):
    text = client.get(f"/outcome/extract__{FIFE}/{RUN}").text
    assert f"{FIFE}: delivered" in text
    assert text.count('class="outcome passed"') == 6
    assert "board.chair@dwp.example" in text
    assert f"/extracts/report/{FIFE}/" in text
    assert f"/extracts/manifest/{FIFE}/" in text


def test_the_report_is_the_one_that_the_run_wrote(client, delivered):
    written = delivered.work.places.runs / FIFE / folder_name(RUN) / "report.html"
    assert client.get(f"/report/{FIFE}/{RUN}").text == written.read_text()


def test_the_manifest_is_the_one_in_the_drop_zone(client, delivered):
    (folder,) = delivered.deliveries(FIFE)
    statement = json.loads((folder / "manifest.json").read_text())
    by_run = client.get(f"/manifest/{FIFE}/{RUN}").text
    by_delivery = client.get(f"/manifest/{folder.name}").text
    assert by_run == by_delivery
    for subject in statement["subject"]:
        assert subject["digest"]["sha256"] in by_run


def test_text_from_an_agreement_stays_text(client, delivered):
    path = delivered.work.places.published / f"{FIFE}.json"
    before = path.read_text()
    document = json.loads(before)
    document["request"]["title"] = document["request"]["purpose"] = EVIL
    path.write_text(json.dumps(document))
    try:
        text = client.get(f"/plan/{FIFE}").text
    finally:
        path.write_text(before)
    assert EVIL not in text
    assert "&lt;script&gt;" in text


def test_markdown_holds_no_html_of_its_own():
    assert from_markdown(f"# Title\n\n{EVIL}").count("<script") == 0


def test_text_from_a_run_s_record_stays_text(client, delivered):
    run = delivered.work.places.runs / FIFE / "stopped"
    run.mkdir(parents=True)
    note = {"passed": False, "outcome": "stopped by a control", "message": EVIL, "advice": ""}
    (run / "gate-check_approval.json").write_text(json.dumps(note))
    (run / "outcome.json").write_text(json.dumps({"outcome": "stopped by a control", "reason": EVIL}))
    text = client.get(f"/outcome/extract__{FIFE}/stopped").text
    assert EVIL not in text
    assert text.count("&lt;script&gt;") == 2
    assert "Quality report</a>" not in text  # there is none

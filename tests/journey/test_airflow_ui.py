"""A real Airflow runs the agreements, and a forum member who knows no Python looks at them in a browser.

One Airflow for all tests here. Its runs, in this order, are the story that the pages then tell: the analysts'
statistics stopped by a planted row, and without a source; Fife delivered, nothing due, and once without a recorded
outcome; the analysts' stopped for want of a key to encrypt to; Scottish Child Payment suspended, and started by
somebody who had signed it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page

from extracts.agreement.decision import OrderKind
from extracts.errors import NotPermitted
from extracts.extraction.sources.names import data_view
from extracts.local.airflow import LocalAirflow
from extracts.local.airflow_client import AirflowClient
from extracts.local.home import SOURCE
from extracts.local.people import CONTROLLER
from extracts.local.processes import wait_until
from tests.journey.test_canary import passwords
from tests.support.browser import a_page, opened_browser
from tests.support.ui_scene import Scene, a_scene, dag
from tests.support.world import AGREEMENTS, ANALYSTS, FIFE, SCP, World

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]
LOST = "outcome-lost"  # the run whose outcome cannot be written down
WIDTHS = (1440, 900)
PLANTED = ("QQ98765", "ZZCANARYNAME")  # a number that the source suite refuses, and a name


@dataclass(frozen=True)
class Told(Scene):
    """What happened, and where to look at it: each run once it has ended, by what it is to show."""

    runs: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def scene(template_world, tmp_path_factory) -> Iterator[Told]:
    with a_scene(template_world, tmp_path_factory.mktemp("ui"), "airflow_ui") as made:
        world, airflow = made.world, made.airflow
        (world.work.places.published / "SDDSB-2026-099.json").write_text("{")
        airflow.start()
        with airflow.client("engineer") as client:
            client.wait_for_dags({dag(r) for r in (*AGREEMENTS, "SDDSB-2026-099")})
            yield Told(world, airflow, made.database, the_story(world, airflow, client))


def the_story(world: World, airflow: LocalAirflow, client: AirflowClient) -> dict[str, dict[str, Any]]:
    """Every run once it has ended."""
    failed = failing_at_the_source(world, airflow, client)
    world.order(SCP, OrderKind.SUSPEND)
    lost = world.work.places.runs / FIFE / LOST / "outcome.json"
    lost.mkdir(parents=True)  # where a file should go, so that writing it fails
    (world.home.home / "trust" / "recipients" / "scottish-government-analysts.pub").unlink()
    started = {
        "delivered": (FIFE, client.trigger(dag(FIFE))),
        "stopped": (ANALYSTS, client.trigger(dag(ANALYSTS))),
        "suspended": (SCP, client.trigger(dag(SCP))),
        "again": (FIFE, client.trigger(dag(FIFE))),
        "lost": (FIFE, client.trigger(dag(FIFE), run_id=LOST)),
    }
    runs = {name: client.wait_for_run(dag(r), run_id, check=airflow.check) for name, (r, run_id) in started.items()}
    world.order(SCP, OrderKind.RESUME)
    with airflow.client(CONTROLLER) as signer:
        own = signer.trigger(dag(SCP))
    return (
        failed
        | runs
        | {
            "own": client.wait_for_run(dag(SCP), own, check=airflow.check),
            "ended": ended_by_hand(client, client.trigger(dag(SCP))),
        }
    )


def failing_at_the_source(world: World, airflow: LocalAirflow, client: AirflowClient) -> dict[str, dict[str, Any]]:
    """A run that stops on a planted person's row, and one whose source is not there."""

    def run() -> dict[str, Any]:
        return client.wait_for_run(dag(ANALYSTS), client.trigger(dag(ANALYSTS)), check=airflow.check)

    person = f"nino = (SELECT min(nino) FROM {data_view(ANALYSTS, 'pension_credit_award')})"
    with world.home.postgres.superuser(SOURCE) as connection:
        row = connection.execute(f"SELECT person_id, nino, surname FROM dwp.person WHERE {person}".encode()).fetchone()
        assert row
        plant = "UPDATE dwp.person SET nino = %s, surname = %s WHERE person_id = %s"
        connection.execute(plant, (*PLANTED, row[0]))
        try:
            broken = run()
        finally:
            connection.execute(plant, (row[1], row[2], row[0]))
    settings = world.home.home / "settings.env"
    as_it_was = settings.read_text()
    settings.write_text(re.sub(r"(EXTRACTS_SOURCE_SAMPLE=.*port=)\d+", r"\g<1>1", as_it_was))
    try:
        return {"broken": broken, "unreachable": run()}
    finally:
        settings.write_text(as_it_was)


def ended_by_hand(client: AirflowClient, run_id: str) -> dict[str, Any]:
    """A run that somebody sets to failed once it is at work; as it is once its last task is over."""

    def states() -> dict[str, str]:
        return {t["task_id"]: t["state"] for t in client.task_instances(dag(SCP), run_id)}

    assert wait_until(lambda: states()["check_approval"] == "success", 120, every_s=0.2)
    client.patch(f"dags/{dag(SCP)}/dagRuns/{quote(run_id, safe='')}", {"state": "failed"})
    assert wait_until(lambda: states()["record_outcome"] in ("success", "failed"), 120, every_s=0.5), states()
    return client.wait_for_run(dag(SCP), run_id) | {"tasks": states()}


# --- how runs end ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "state", "note"),
    [
        ("delivered", "success", rf"delivered: {FIFE}\.\d{{4}}-\d\d\.r1, \d+ rows of benefit_cap"),
        ("again", "success", rf"nothing due \(check_approval\): {FIFE} was delivered for .*"),
        ("stopped", "failed", r"stopped by a control \(sign_manifest\): .*no key.*"),
        ("suspended", "failed", r"stopped by a control \(check_approval\): .*suspended.*"),
        (
            "own",
            "failed",
            rf"stopped by a control \(check_approval\): .*{CONTROLLER} signed the decision and started.*",
        ),
        ("broken", "failed", r"stopped by a control \(check_source\): .*nino .*"),
        ("unreachable", "failed", r"technical failure \(check_source\): The source cannot be reached.*"),
        ("lost", "failed", r"technical failure: the run ended before its outcome was recorded.*"),
        ("ended", "failed", r"technical failure \(\w+\): \w+ was ended from outside before it could say why\."),
    ],
)
def test_a_run_s_note_is_its_outcome_and_its_state_agrees(scene, name, state, note):
    found = scene.runs[name]
    assert found["state"] == state
    assert re.fullmatch(note, found["note"] or ""), found["note"]


def test_only_the_task_that_stopped_a_run_is_red(scene):
    run = scene.runs["stopped"]
    states = {t["task_id"]: t["state"] for t in scene.engineer.task_instances(run["dag_id"], run["dag_run_id"])}
    assert states == {
        "check_approval": "success",
        "check_source": "success",
        "build_extract": "success",
        "validate_extract": "success",
        "sign_manifest": "failed",
        "release": "upstream_failed",
        "record_outcome": "success",
    }


def test_a_run_that_somebody_ends_by_hand_still_cleans_up(scene):
    assert scene.runs["ended"]["tasks"]["record_outcome"] == "success"
    assert "success" not in scene.runs["ended"]["tasks"]["release"]


def test_a_refusal_is_not_tried_again_and_what_may_mend_itself_is(scene):
    tries = {}
    for name, task in (
        *(("stopped", "sign_manifest"), ("broken", "check_source")),
        *(("unreachable", "check_source"), ("lost", "record_outcome")),
    ):
        run = scene.runs[name]
        found = scene.engineer.task_instances(run["dag_id"], run["dag_run_id"])
        tries[name] = next(t["try_number"] for t in found if t["task_id"] == task)
    assert tries == {"stopped": 1, "broken": 1, "unreachable": 2, "lost": 4}


def test_no_value_and_no_password_is_in_airflow_s_tables_or_logs(scene):
    tables = ("xcom", "rendered_task_instance_fields", "dag_run", "dag_run_note", "task_instance", "log")
    with scene.world.home.postgres.superuser(scene.database) as connection:
        found = {
            t: str(connection.execute(f"SELECT to_jsonb(t)::text FROM {t} t".encode()).fetchall())
            for t in (*tables, "task_instance_note", "task_instance_history")
        }
    logs = [p for p in scene.world.home.home.rglob("*.log") if "postgres" not in p.parts]
    assert len([p for p in logs if "task_id=check_source" in str(p)]) >= 4, "tasks wrote logs"
    found |= {str(p): p.read_text(errors="replace") for p in logs}
    secret = [*PLANTED, *passwords(scene.world)]
    assert {t for t in tables if found[t] == "[]"} <= {"rendered_task_instance_fields"}, "no task has a template"
    assert not [where for where, text in found.items() if any(s in text for s in secret)]


def test_nothing_due_ends_quietly(scene):
    run = scene.runs["again"]
    states = {t["state"] for t in scene.engineer.task_instances(run["dag_id"], run["dag_run_id"])}
    assert states == {"skipped", "success"}


def test_each_task_s_result_is_small_and_plain(scene):
    run = scene.runs["delivered"]
    found = {t: scene.engineer.xcom(run["dag_id"], run["dag_run_id"], t) for t in ("check_approval", "build_extract")}
    assert found["check_approval"]["board"] == "board.chair@dwp.example"
    assert found["check_approval"]["plan"].startswith("sha256:")
    assert set(found["build_extract"]["funnel"]["benefit_cap"]) == {
        "source",
        "filtered",
        "held",
        "withheld",
        "delivered",
    }
    assert len(str(found)) < 4_000


def test_nothing_is_left_in_staging(scene):
    assert scene.world.staged() == []


def test_no_log_of_airflow_holds_a_national_insurance_number(scene):
    for log in scene.airflow.config.folder.rglob("*.log"):
        assert not re.search(r"QQ\d{6}[A-D]", log.read_text(errors="replace")), log.name


def test_a_broken_file_is_a_dag_that_says_so(scene):
    found = next(d for d in scene.engineer.dags() if d["dag_id"] == dag("SDDSB-2026-099"))
    assert found["is_paused"]
    assert [tag["name"] for tag in found["tags"]] == ["broken"]
    assert "SDDSB-2026-099.json" in found["description"]
    assert scene.engineer.import_errors() == []


# --- who may see ----------------------------------------------------------------------------------------------------


def pages(scene: Scene) -> list[str]:
    run = quote(scene.runs["delivered"]["dag_run_id"], safe="")
    return [
        f"/extracts/agreement/{dag(FIFE)}",
        f"/extracts/plan/{FIFE}",
        f"/extracts/outcome/{dag(FIFE)}/{run}",
        f"/extracts/report/{FIFE}/{run}",
        f"/extracts/manifest/{FIFE}/{run}",
        f"/extracts/request/{FIFE}",
        *("/extracts/register", "/extracts/watch", "/extracts/public"),
    ]


def test_the_pages_are_closed_to_strangers(scene):
    for path in pages(scene):
        answer = httpx.get(scene.airflow.url + path, trust_env=False)
        assert answer.status_code == 401, path
        assert FIFE not in answer.text
        forged = httpx.get(scene.airflow.url + path, headers={"Authorization": "Bearer made.up.token"}, trust_env=False)
        assert forged.status_code in (401, 403), path
        assert FIFE not in forged.text


def test_the_pages_are_open_to_whoever_may_see_the_runs(scene):
    password = scene.airflow.config.passwords()["forum"]
    with httpx.Client(base_url=scene.airflow.url, trust_env=False) as client:
        token = client.post("/auth/token", json={"username": "forum", "password": password}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert {path: client.get(path).status_code for path in pages(scene)} == dict.fromkeys(pages(scene), 200)
        assert {client.post(path).status_code for path in pages(scene)} == {405}


def test_a_forum_member_may_look_and_not_act(scene):
    with scene.airflow.client("forum") as forum, pytest.raises(NotPermitted):
        forum.trigger(dag(FIFE))


def test_a_task_s_links_lead_to_its_own_run(scene):
    run = scene.runs["delivered"]
    links = scene.engineer.links(run["dag_id"], run["dag_run_id"], "record_outcome")
    _, plan, _, report, manifest, *_ = pages(scene)
    assert links == {"Explained plan": plan, "Quality report": report, "Manifest": manifest}


# --- what a person sees -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(scene, chromium) -> Iterator[Browser]:
    with opened_browser(chromium) as opened:
        yield opened


@pytest.fixture(scope="module")
def forum(scene, browser) -> Page:
    """A forum member's browser, signed in by Airflow's own form."""
    page = a_page(browser, viewport={"width": WIDTHS[0], "height": 1000})
    page.goto(scene.airflow.url)
    page.fill("input[name=username]", "forum")
    page.fill("input[name=password]", scene.airflow.config.passwords()["forum"])
    page.click("button[type=submit]")
    page.get_by_role("link", name="Dags").first.wait_for()
    return page


def agreement_tab(page: Page, scene: Scene, request_id: str) -> Any:
    """The tab, opened as people open it: from the DAG's page."""
    page.goto(f"{scene.airflow.url}/dags/{dag(request_id)}")
    tab = page.get_by_role("link", name="Agreement", exact=True)
    tab.click()
    # In a narrow window Airflow's own tabs are wider than it, and to reach the last one moved everything.
    tab.evaluate("t => { for (let e = t; e; e = e.parentElement) e.scrollLeft = 0; }")
    frame = page.frame_locator("iframe[title=Agreement]")
    frame.get_by_role("heading", level=1).wait_for()
    return frame


@pytest.mark.browser
@pytest.mark.parametrize("width", WIDTHS)
def test_one_page_tells_what_is_shared_with_whom_under_which_power_until_when_and_how_it_went(
    scene, forum, tmp_path, width
):
    forum.set_viewport_size({"width": width, "height": 1000})
    frame = agreement_tab(forum, scene, FIFE)
    forum.screenshot(path=tmp_path / f"agreement-{width}.png")
    text = frame.locator("body").inner_text()
    for words in (
        "Fife Council, benefit advice team",  # with whom
        "To offer advice and discretionary housing payments",  # what for
        "Welfare Reform Act 2012, section 131",  # under which power
        "In force until 31 December 2028",  # until when
        "Signed for the Controller\tcontroller@dwp.example",  # who signed
        "cap_reduction",  # what is shared
        "120 days",
        "Next due:",
    ):
        assert words in text, words
    outcomes = frame.locator("table").first.locator("td.outcome").all_inner_texts()
    assert outcomes == ["technical failure", "nothing due", "delivered"]
    box = frame.locator("body").evaluate("b => [b.ownerDocument.documentElement.scrollWidth, b.clientWidth]")
    assert box[0] <= box[1], "the page is wider than the window"


@pytest.mark.browser
def test_an_agreement_that_is_stopped_does_not_look_like_a_crash(scene, forum, tmp_path):
    frame = agreement_tab(forum, scene, ANALYSTS)
    forum.screenshot(path=tmp_path / "stopped.png")
    row = frame.locator("table").first.locator("tbody tr").first
    assert "stopped by a control" in row.inner_text()
    assert "sign_manifest: " in row.inner_text()
    assert "no key" in row.inner_text()
    meaning = frame.locator("table").last.inner_text()
    assert "That is the control working, not a crash" in meaning


@pytest.mark.browser
def test_a_run_s_page_shows_its_note_and_each_check(scene, forum, tmp_path):
    run = scene.runs["delivered"]
    forum.goto(f"{scene.airflow.url}/dags/{dag(FIFE)}/runs/{quote(run['dag_run_id'], safe='')}")
    forum.get_by_text(run["note"]).first.wait_for()
    forum.get_by_role("link", name="Release sheet", exact=True).click()
    frame = forum.frame_locator("iframe[title='Release sheet']")
    frame.get_by_role("heading", level=1).wait_for()
    forum.screenshot(path=tmp_path / "outcome.png")
    assert frame.locator("td.outcome").all_inner_texts() == ["passed"] * 6
    frame.get_by_role("link", name="Quality report").click()
    frame.get_by_role("heading", name=re.compile("Quality report")).first.wait_for()
    forum.screenshot(path=tmp_path / "report.png")


@pytest.mark.browser
def test_a_forum_member_finds_everything_that_fife_gets_and_why_without_leaving_airflow(scene, forum, tmp_path):
    forum.goto(scene.airflow.url)
    forum.get_by_role("link", name="Sharing").click()
    frame = forum.frame_locator("iframe")
    frame.get_by_label("Who gets it").select_option("fife-council")
    frame.get_by_label("Status").select_option("agreement in force")
    frame.get_by_role("button", name="Show").click()
    frame.get_by_text(re.compile(r"1 to (\d) of \1 requests")).first.wait_for()  # one more, if it was decided above
    forum.screenshot(path=tmp_path / "register.png")
    frame.get_by_role("link", name=FIFE, exact=True).click()
    frame.get_by_role("heading", name="The answer: approved").wait_for()
    forum.screenshot(path=tmp_path / "request.png")
    verified = frame.locator(".mark", has_text="holds").all_inner_texts()
    assert [text.split() for text in verified] == [["✓", "holds"]] * 2


@pytest.mark.browser
def test_watch_says_that_the_scheduler_is_alive_by_saying_nothing(scene, forum):
    forum.goto(f"{scene.airflow.url}/extracts/watch")
    text = forum.locator("main").inner_text()
    assert "agreements are in force" in text
    assert "Requests that wait for somebody" in text
    assert "scheduler does not run" not in text


@pytest.mark.browser
def test_the_documentation_can_be_read_where_airflow_shows_it(scene, forum, tmp_path):
    forum.goto(f"{scene.airflow.url}/dags/{dag(FIFE)}")
    forum.get_by_label("Dag Docs").first.click()
    forum.get_by_role("dialog").get_by_text("Under which power").wait_for()
    forum.screenshot(path=tmp_path / "documentation.png")
    shown = forum.get_by_role("dialog").inner_text()
    assert "Rows that name people go to Fife Council, benefit advice team: monthly" in shown
    assert "stopped by a control" in shown


@pytest.mark.browser
def test_the_list_of_dags_names_agreements_schedules_and_recipients(scene, forum, tmp_path):
    forum.goto(f"{scene.airflow.url}/dags")
    forum.get_by_text("Benefit cap support, Fife").first.wait_for()
    forum.screenshot(path=tmp_path / "list.png")
    text = forum.locator("body").inner_text()
    for words in ("4th working day of each month in Scotland, 06:00", "fife-council", "this agreement cannot be read"):
        assert words in text, words

"""A real Airflow runs the agreements, and a forum member who knows no Python looks at them in a browser.

One Airflow for all tests here. Its runs, in this order, are the story that the pages then tell: the analysts'
statistics stopped by a planted row, and without a source; Fife delivered, nothing due, and once without a recorded
outcome; the analysts' stopped for want of a key to encrypt to; Scottish Child Payment suspended, and started by
somebody who had signed it.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from extracts import signing
from extracts.agreement.decision import OrderKind
from extracts.agreement.review_answer import answer_from_document
from extracts.agreement.signers import NAMESPACES
from extracts.catalogue.people import Role
from extracts.documents import parse
from extracts.errors import NotPermitted
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, data_view, role_name
from extracts.local.airflow import LocalAirflow
from extracts.local.airflow_client import AirflowClient
from extracts.local.airflow_config import AirflowConfig, User
from extracts.local.consideration import start_consideration
from extracts.local.home import SOURCE
from extracts.local.passwords import write_secret
from extracts.local.people import BOARD, CONTROLLER
from extracts.local.processes import wait_until
from extracts.local.rehearsing import rehearse_all
from extracts.settings import PROJECT
from extracts.steps.review_standing import reviews_of
from extracts.steps.source_script import source_script
from tests.journey.test_canary import passwords
from tests.support.browser import a_page, opened_browser
from tests.support.deciding import decide, submit
from tests.support.ui_people import Person, signed_in
from tests.support.world import AGREEMENTS, ANALYSTS, FIFE, SCP, World, copied

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]
REVIEWERS = ("legal", "dpo", "security", "owner", "board")
STARTS = "consideration"
USERS = (
    User("engineer", "op"),
    *(User(name, "viewer") for name in ("forum", "callum", "aileen", "controller")),
    User(CONTROLLER, "op"),
    *(User(name, "user") for name in (*REVIEWERS, STARTS)),
)
LOST = "outcome-lost"  # the run whose outcome cannot be written down
WIDTHS = (1440, 900)
PLANTED = ("QQ98765", "ZZCANARYNAME")  # a number that the source suite refuses, and a name


@dataclass(frozen=True)
class Scene:
    """What happened, and where to look at it."""

    world: World
    airflow: LocalAirflow
    runs: dict[str, dict[str, Any]]

    @property
    def engineer(self) -> AirflowClient:
        """The data engineer, signed in."""
        return self.airflow.client("engineer")


def dag(request_id: str) -> str:
    return f"extract__{request_id}"


@pytest.fixture(scope="module")
def scene(template_world, tmp_path_factory) -> Iterator[Scene]:
    with copied(template_world, tmp_path_factory.mktemp("ui") / "home") as world:
        airflow = LocalAirflow(a_config(world))
        (world.work.places.published / "SDDSB-2026-099.json").write_text("{")
        airflow.start()
        try:
            with airflow.client("engineer") as client:
                client.wait_for_dags({dag(r) for r in (*AGREEMENTS, "SDDSB-2026-099")})
                yield Scene(world, airflow, the_story(world, airflow, client))
        finally:
            airflow.stop()
            world.home.postgres.drop_database("airflow_ui")


def a_config(world: World) -> AirflowConfig:
    world.home.postgres.create_role("airflow_ui")
    world.home.postgres.create_database("airflow_ui", "airflow_ui")
    return AirflowConfig(
        home=world.home.home,
        database_url=world.home.postgres.url("airflow_ui", "airflow_ui", driver="psycopg2"),
        dags_folder=PROJECT / "dags",
        users=USERS,
        environment={
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "EXTRACTS_REGISTER_URL": world.work.register_url,
            "EXTRACTS_RETRIES": "1",
            "EXTRACTS_RETRY_SECONDS": "1",
        },
        parallelism=2,
        dags_start_paused=False,
        considers_as=STARTS,
    )


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
    with scene.world.home.postgres.superuser("airflow_ui") as connection:
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


# --- a request is considered ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Consideration:
    """A run of `consider_request`, as its reviewers see it."""

    scene: Scene
    engineer: AirflowClient
    request_id: str
    run_id: str

    def states(self) -> dict[str, str]:
        found = self.engineer.task_instances("consider_request", self.run_id)
        return {t["task_id"]: t["state"] for t in found}

    def reaches(self, state: str, *tasks: str) -> None:
        """Waits until all of these tasks are in a state."""
        if not self.comes_to(state, *tasks, within_s=180):
            raise AssertionError(f"not {state}: { {t: self.states()[t] for t in tasks} }")

    def comes_to(self, state: str, *tasks: str, within_s: float) -> bool:
        """Whether all of these tasks are in a state within so many seconds."""

        def there() -> bool:
            found = self.states()
            return all(found[t] == state for t in tasks)

        return wait_until(there, within_s, every_s=1)

    def asks_again(self, review: str) -> None:
        """Clears a review's task until it waits for its answer; on a busy machine Airflow may need it said twice."""
        for _ in range(3):
            self.clear(review)
            if self.comes_to("awaiting_input", review, within_s=60):
                return
        raise AssertionError(f"{review} does not wait again: {self.states()[review]}")

    def answer(self, user: str, review: str, **given: str) -> None:
        """What a person sends by the form. Raises NotPermitted."""
        fields = {"reasons": "Looked at.", "refuse": "", "conditions": ""} | given
        path = f"{self._task(f'review_{review}')}/-1/hitlDetails"
        with self.scene.airflow.client(user) as client:
            client.patch(path, {"chosen_options": ["supports"], "params_input": fields})

    def mark(self, task: str, state: str) -> None:
        """A task set to a state by hand."""
        self.engineer.patch(self._task(task), {"new_state": state})

    def clear(self, task: str) -> None:
        """This task, and all after it, are to run again."""
        body = {"dry_run": False, "dag_run_id": self.run_id, "task_ids": [task], "only_failed": False}
        self.engineer.post("dags/consider_request/clearTaskInstances", body | {"include_downstream": True})

    def events(self, kind: str) -> list[tuple[str, str, str]]:
        """(actor, review, reason) of the ledger's events about the request."""
        found = [e for e in self.scene.world.ledger(kind) if e.subject == self.request_id]
        return [(e.actor, e.payload["review"], e.payload.get("reason", "")) for e in found]

    def _task(self, task: str) -> str:
        return f"dags/consider_request/dagRuns/{quote(self.run_id, safe='')}/taskInstances/{task}"


@pytest.fixture(scope="module")
def considered(scene, tmp_path_factory) -> Consideration:
    """A request for which a run has been started, and whose reviews wait."""
    request_id = submit(scene.world, tmp_path_factory.mktemp("considered"), reviewed=False)
    scene.engineer.wait_for_dags({"consider_request"})
    login = tmp_path_factory.mktemp("login") / "engineer"
    write_secret(login, f"engineer:{scene.airflow.config.passwords()['engineer']}\n")
    settings = {"EXTRACTS_AIRFLOW_URL": scene.airflow.url, "EXTRACTS_AIRFLOW_LOGIN": str(login)}
    run_id, again = (start_consideration(settings, request_id, 1) for _ in range(2))
    assert run_id == again == f"{request_id}.v1"
    assert len(scene.engineer.runs("consider_request")) == 1
    found = Consideration(scene, scene.engineer, request_id, run_id)
    found.reaches("awaiting_input", *SPECIALISTS)
    time.sleep(2)  # an answer within a third of a second of the task's beginning to wait is lost
    return found


SPECIALISTS = ("review_legal", "review_data_protection", "review_security", "review_information_asset_owner")


def test_only_whoever_is_assigned_answers_a_review_and_marking_it_done_answers_nothing(considered):
    """Somebody not assigned is turned away, what cannot be read is asked for again, and marking answers nothing."""
    for stranger in ("security", "engineer", "forum"):
        with pytest.raises(NotPermitted):
            considered.answer(stranger, "legal")
    considered.answer("legal", "legal", refuse="address: Letters can go through the office.")
    considered.answer("dpo", "data_protection", conditions="There are none to this answer.")
    considered.answer("security", "security")
    considered.mark("review_information_asset_owner", "success")
    considered.reaches("failed", "recorded_information_asset_owner")
    considered.reaches("success", "recorded_legal", "recorded_security")
    considered.reaches("awaiting_input", "review_data_protection")
    assert sorted(considered.events("review.refused")) == [
        ("consider_request", "information asset owner", "no answer was given"),
        ("dpo", "data protection", "the answer cannot be read"),
    ]


def occupied(client: AirflowClient) -> int:
    """Slots of workers that are taken."""
    return sum(p["running_slots"] + p["queued_slots"] for p in client.get("pools")["pools"])


@pytest.fixture(scope="module")
def restarted(considered: Consideration, tmp_path_factory) -> tuple[Consideration, Consideration]:
    """Airflow ended and started again, its database migrated in between, while one request waits for an answer and
    another for its decision. What is given back talks to the new one.
    """
    scene = considered.scene
    decided = submit(scene.world, tmp_path_factory.mktemp("decided"))
    run_id = scene.engineer.trigger("consider_request", conf={"request_id": decided}, run_id=f"{decided}.v1")
    waiting = Consideration(scene, considered.engineer, decided, run_id)
    waiting.reaches("deferred", "await_decision")
    before = considered.states(), waiting.states()
    scene.airflow.stop()
    scene.airflow.start()
    again = tuple(replace(c, engineer=scene.engineer) for c in (considered, waiting))
    assert tuple(c.states() for c in again) == before
    return again


def test_a_restart_of_airflow_loses_no_answer_and_what_waited_waits_on_without_a_worker(considered, restarted):
    """Answers from before stand, and one that is given afterwards counts."""
    asked, decided = restarted
    assert {r for _, r, _ in asked.events("review.answered")} == {"legal", "security"}
    assert wait_until(lambda: occupied(asked.engineer) == 0, 90, every_s=0.5), "whatever waits holds no worker"
    asked.reaches("awaiting_input", "review_data_protection")
    decided.reaches("deferred", "await_decision")
    with pytest.raises(NotPermitted):
        asked.answer("security", "data_protection")
    asked.answer("dpo", "data_protection")
    asked.reaches("success", "recorded_data_protection", "recorded_legal", "recorded_security")
    kept = {r.review.value: r.entry for r in reviews_of(asked.scene.world.work, asked.request_id)}
    assert {name for name, entry in kept.items() if entry} == {"legal", "data protection", "security"}
    assert kept["data protection"].answered_by == "data.protection.officer@dwp.example"
    assert answer_from_document(kept["legal"].document).refused, "to the last word of what was answered before"


def the_target_passes(considered: Consideration) -> None:
    """As if the working days were over: Airflow then calls back, and the ledger is told."""
    with considered.scene.world.home.postgres.superuser("airflow_ui") as connection:
        (count,) = connection.execute("SELECT count(*) FROM deadline WHERE deadline_time > now()").fetchone()
        assert count == 2, "of the request that is considered, and of the one that waits for its decision"
        connection.execute("UPDATE deadline SET deadline_time = now() - interval '1 minute'")
    assert wait_until(lambda: considered.scene.world.ledger("consideration.overdue"), 90, every_s=1)


def test_after_that_the_chair_recommends_two_sign_and_the_run_ends_with_the_decision(restarted):
    """What was walked around is asked for again once its task is cleared; the decision alone ends the run."""
    considered, decided = restarted
    considered.asks_again("review_information_asset_owner")
    time.sleep(2)
    considered.answer("owner", "information_asset_owner")
    considered.reaches("awaiting_input", "review_board")
    time.sleep(2)
    there = "board.chair@dwp.example\nlegal.adviser@dwp.example\nasset.owner@dwp.example"
    considered.answer("board", "board", present=there)
    considered.reaches("deferred", "await_decision")
    assert len(considered.events("review.answered")) == 5
    the_target_passes(considered)
    for each in restarted:
        decide(considered.scene.world, each.request_id)
    run = considered.engineer.wait_for_run("consider_request", considered.run_id)
    assert run["state"] == "success"
    told = considered.engineer.xcom("consider_request", considered.run_id, "await_decision")
    assert told == {"request": considered.request_id, "version": 1, "status": "approved"}
    assert considered.engineer.wait_for_run("consider_request", decided.run_id)["state"] == "success"


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


# --- the whole way, by people at their browsers -----------------------------------------------------------------------

ASKED = "SDDSB-2026-950"
TOO_LONG = {"days: 120": "days: 4000"}  # the policy stops it, and less would pass
NOT_NEEDED = "How many children there are adds nothing to the call."


@pytest.mark.browser
def test_from_the_form_to_the_release_sheet_every_step_is_taken_by_somebody_at_a_browser(scene, browser, tmp_path):
    """A requester asks, the Board offers less, it is accepted, four review and one refuses a column, the Board
    recommends, two sign, the scheduler runs, and the forum reads the release sheet."""
    people = {n: signed_in(browser, scene.airflow, n) for n in ("callum", "board", "controller", "forum")}
    asks_by_form(people["callum"], a_request_file(tmp_path))
    stays_closed_to(signed_in(browser, scene.airflow, "aileen"), scene)
    offered_and_accepted(people["board"], people["callum"])
    considered_by_five(scene, browser, people["board"])
    signed_by_two(scene, people["board"], people["controller"], tmp_path)
    run = scheduled_run(scene)
    assert (run["run_type"], run["state"]) == ("scheduled", "success"), run["note"]
    assert re.fullmatch(rf"delivered: {ASKED}\.\d{{4}}-\d\d\.r1, \d+ rows of benefit_cap", run["note"])
    read_by_the_forum(people["forum"].page, scene, run)


def a_request_file(folder: Path) -> Path:
    text = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text()
    for old, new in {FIFE: ASKED, **TOO_LONG}.items():
        assert old in text
        text = text.replace(old, new, 1)
    # The page opens what it saved itself, so the file is written as it would write it.
    (folder / "asked.json").write_text(json.dumps(parse(text.encode(), "sample").value))
    return folder / "asked.json"


def asks_by_form(callum: Person, file: Path) -> None:
    """He fills in the form, hears what can be had, and submits."""
    frame = callum.sharing()
    frame.get_by_role("link", name="Ask for data").first.click()
    frame.get_by_role("heading", name="Send it").wait_for()
    frame.locator("#request").evaluate("(_, data) => window.requestForm.load(data)", json.loads(file.read_text()))
    frame.get_by_role("button", name="Can it be had?").click()
    frame.get_by_role("heading", name="Column by column").wait_for()
    assert frame.get_by_text("✓ held").count() == 12
    frame.get_by_role("button", name="Submit to the Board").click()
    frame.get_by_text("The request is submitted, and the Board is awaited.").wait_for()


def stays_closed_to(aileen: Person, scene: Scene) -> None:
    """Another body's requester, who has the address."""
    aileen.page.goto(f"{scene.airflow.url}/extracts/request/{ASKED}")
    expect(aileen.page.get_by_text("requesters see their own body's requests")).to_be_visible()
    found = [e for e in scene.world.ledger("page.refused") if e.subject == ASKED]
    assert [(e.actor, e.payload["reason"]) for e in found] == [("aileen", "another body's request")]
    aileen.rest()


def offered_and_accepted(board: Person, callum: Person) -> None:
    frame = board.request(ASKED)
    frame.get_by_role("link", name="Decide on it").click()
    frame.get_by_role("button", name="Make a counter-offer").click()
    frame.get_by_text("The counter-offer is with the requester").wait_for()
    frame = callum.request(ASKED)
    frame.get_by_role("button", name="Accept it as version 2").click()
    frame.get_by_text("The counter-offer is accepted").wait_for()
    board.rest()
    callum.rest()


def considered_by_five(scene: Scene, browser: Browser, board: Person) -> None:
    """Four reviewers answer at once, one of whom would refuse a column; then the Board recommends that."""
    considered = Consideration(scene, scene.engineer, ASKED, f"{ASKED}.v2")
    considered.reaches("awaiting_input", *SPECIALISTS)
    for user, task in zip(("legal", "dpo", "security", "owner"), SPECIALISTS, strict=True):
        refuse = {"refuse": f"children: {NOT_NEEDED}"} if user == "dpo" else {}
        signed_in(browser, scene.airflow, user).review(considered.run_id, task, reasons="Looked at.", **refuse)
    considered.reaches("success", *(t.replace("review", "recorded") for t in SPECIALISTS))
    considered.reaches("awaiting_input", "review_board")
    there = "board.chair@dwp.example\nlegal.adviser@dwp.example\nasset.owner@dwp.example"
    recommended = {"reasons": "Lawful and needed.", "refuse": f"children: {NOT_NEEDED}", "present": there}
    board.review(considered.run_id, "review_board", **recommended)
    considered.reaches("success", "recorded_board")


def signed_by_two(scene: Scene, board: Person, controller: Person, folder: Path) -> None:
    """The Board draws up what it recommends; each saves the document, signs it at home, and hands the signature in."""
    frame = board.request(ASKED)
    frame.get_by_role("link", name="Decide on it").click()
    assert frame.get_by_label("benefit_cap.children").input_value() == NOT_NEEDED
    frame.get_by_label("Approve, without").check()
    frame.get_by_role("button", name="Draw up the document").click()
    frame.get_by_text("The document is drawn up").wait_for()
    signature = at_home(scene, board.saved("Save SDDSB", frame), BOARD, Role.BOARD)
    frame.get_by_label("Signature: the text of").fill(signature)
    frame.get_by_role("button", name="Hand in my signature as board").click()
    frame.get_by_text("The signature holds and is recorded").wait_for()
    board.rest()
    frame = controller.request(ASKED)
    frame.get_by_role("link", name="Decide on it").click()
    file = folder / "decision.json.sig"
    file.write_text(at_home(scene, controller.saved("Save SDDSB", frame), CONTROLLER, Role.CONTROLLER))
    frame.get_by_label("or the file itself").set_input_files(file)
    frame.get_by_role("button", name="Hand in my signature as controller").click()
    frame.get_by_text("Both signatures are there: the decision is in force.").wait_for()
    controller.page.screenshot(path=folder / "decided.png")
    controller.rest()


def at_home(scene: Scene, document: bytes, who: str, role: Role) -> str:
    """On one's own machine, with one's own key."""
    return signing.sign(document, scene.world.home.people.key(who), NAMESPACES[role])


def scheduled_run(scene: Scene) -> dict[str, Any]:
    """The database administrator runs the role's script, and it is rehearsed; then, as if the day had come, the
    scheduler starts the run."""
    work, home = scene.world.work, scene.world.home
    rehearse_all(work, home, [SimpleNamespace(request_id=ASKED, approved=True)], lambda _: None)
    scripts = {role_name(ASKED): source_script(scene.world.work, ASKED)}
    scene.world.home.apply_roles(scripts, MEMBERSHIP_ROLE, lambda _: None)
    client = scene.engineer
    client.wait_for_dags({dag(ASKED)})

    def started() -> bool:
        with scene.world.home.postgres.superuser("airflow_ui") as connection:
            due = "next_dagrun = now(), next_dagrun_create_after = now(), next_dagrun_data_interval_start = now(), "
            due += "next_dagrun_data_interval_end = now()"
            connection.execute(f"UPDATE dag SET {due} WHERE dag_id = '{dag(ASKED)}'".encode())
        return bool(client.runs(dag(ASKED)))

    assert wait_until(started, 180, every_s=2)
    return client.wait_for_run(dag(ASKED), client.runs(dag(ASKED))[0]["dag_run_id"], check=scene.airflow.check)


def read_by_the_forum(page: Page, scene: Scene, run: dict[str, Any]) -> None:
    """From the run's page: what was approved, by whom, each check, and the columns that left."""
    page.goto(f"{scene.airflow.url}/dags/{dag(ASKED)}/runs/{quote(run['dag_run_id'], safe='')}")
    page.get_by_role("link", name="Release sheet", exact=True).click()
    frame = page.frame_locator("iframe[title='Release sheet']")
    frame.get_by_role("heading", level=1).wait_for()
    expect(frame.locator("td.outcome")).to_have_text(["passed"] * 6)
    text = frame.locator("main").inner_text()
    assert "board.chair@dwp.example" in text
    assert "cap_reduction" in text
    assert "children" not in text, "the column that was refused left nothing behind"

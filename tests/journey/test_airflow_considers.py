"""A real Airflow in which a request is considered: by the forms that it shows, and by people at their browsers.

Reviews wait without a worker, through a restart; only who is assigned answers; the signed decision alone ends the run.
Then the whole way, from the form in which somebody asks to the release sheet that the forum reads.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from extracts import signing
from extracts.agreement.review_answer import answer_from_document
from extracts.agreement.signers import NAMESPACES
from extracts.catalogue.people import Role
from extracts.documents import parse
from extracts.errors import NotPermitted
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, role_name
from extracts.local.airflow_client import AirflowClient
from extracts.local.consideration import start_consideration
from extracts.local.passwords import write_secret
from extracts.local.people import BOARD, CONTROLLER
from extracts.local.processes import wait_until
from extracts.local.rehearsing import rehearse_all
from extracts.settings import PROJECT
from extracts.steps.review_standing import reviews_of
from extracts.steps.source_script import source_script
from tests.support.browser import opened_browser
from tests.support.deciding import decide, submit
from tests.support.ui_people import Person, signed_in
from tests.support.ui_scene import Scene, a_scene, dag
from tests.support.world import FIFE

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]
SPECIALISTS = ("review_legal", "review_data_protection", "review_security", "review_information_asset_owner")


@pytest.fixture(scope="module")
def scene(template_world, tmp_path_factory) -> Iterator[Scene]:
    with a_scene(template_world, tmp_path_factory.mktemp("considers"), "airflow_considers") as made:
        made.airflow.start()
        yield made


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


@pytest.fixture(scope="module")
def half_answered(considered) -> Consideration:
    """Two reviews are answered, one in a way that cannot be read, and one was marked as done by hand."""
    considered.answer("legal", "legal", refuse="address: Letters can go through the office.")
    considered.answer("dpo", "data_protection", conditions="There are none to this answer.")
    considered.answer("security", "security")
    considered.mark("review_information_asset_owner", "success")
    considered.reaches("failed", "recorded_information_asset_owner")
    considered.reaches("success", "recorded_legal", "recorded_security")
    considered.reaches("awaiting_input", "review_data_protection")
    return considered


@pytest.mark.parametrize("stranger", ["security", "engineer", "forum"])
def test_only_whoever_is_assigned_answers_a_review(considered, stranger):
    with pytest.raises(NotPermitted):
        considered.answer(stranger, "legal")


def test_what_cannot_be_read_is_asked_for_again_and_marking_a_review_done_answers_nothing(half_answered):
    assert sorted(half_answered.events("review.refused")) == [
        ("consider_request", "information asset owner", "no answer was given"),
        ("dpo", "data protection", "the answer cannot be read"),
    ]


def occupied(client: AirflowClient) -> int:
    """Slots of workers that are taken."""
    return sum(p["running_slots"] + p["queued_slots"] for p in client.get("pools")["pools"])


@pytest.fixture(scope="module")
def restarted(half_answered: Consideration, tmp_path_factory) -> tuple[Consideration, Consideration]:
    """Airflow ended and started again, its database migrated in between, while one request waits for an answer and
    another for its decision. What is given back talks to the new one.
    """
    considered, scene = half_answered, half_answered.scene
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


@pytest.fixture(scope="module")
def answered_afterwards(restarted) -> tuple[Consideration, Consideration]:
    """The same two, after one more review was answered."""
    asked, _ = restarted
    assert {r for _, r, _ in asked.events("review.answered")} == {"legal", "security"}
    asked.reaches("awaiting_input", "review_data_protection")
    with pytest.raises(NotPermitted):
        asked.answer("security", "data_protection")
    asked.answer("dpo", "data_protection")
    asked.reaches("success", "recorded_data_protection", "recorded_legal", "recorded_security")
    return restarted


def test_what_waited_for_a_restart_of_airflow_waits_on_without_a_worker(restarted):
    asked, decided = restarted
    assert wait_until(lambda: occupied(asked.engineer) == 0, 90, every_s=0.5), "whatever waits holds no worker"
    decided.reaches("deferred", "await_decision")


def test_a_restart_of_airflow_loses_no_answer_and_one_that_is_given_afterwards_counts(answered_afterwards):
    asked, _ = answered_afterwards
    kept = {r.review.value: r.entry for r in reviews_of(asked.scene.world.work, asked.request_id)}
    assert {name for name, entry in kept.items() if entry} == {"legal", "data protection", "security"}
    assert kept["data protection"].answered_by == "data.protection.officer@dwp.example"
    assert answer_from_document(kept["legal"].document).refused, "to the last word of what was answered before"


def the_target_passes(considered: Consideration) -> None:
    """As if the working days were over: Airflow then calls back, and the ledger is told."""
    with considered.scene.world.home.postgres.superuser(considered.scene.database) as connection:
        (count,) = connection.execute("SELECT count(*) FROM deadline WHERE deadline_time > now()").fetchone()
        assert count == 2, "of the request that is considered, and of the one that waits for its decision"
        connection.execute("UPDATE deadline SET deadline_time = now() - interval '1 minute'")
    assert wait_until(lambda: considered.scene.world.ledger("consideration.overdue"), 90, every_s=1)


def test_after_that_the_chair_recommends_two_sign_and_the_run_ends_with_the_decision(answered_afterwards):
    """What was walked around is asked for again once its task is cleared; the decision alone ends the run."""
    considered, decided = answered_afterwards
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
    for each in answered_afterwards:
        decide(considered.scene.world, each.request_id)
    run = considered.engineer.wait_for_run("consider_request", considered.run_id)
    assert run["state"] == "success"
    told = considered.engineer.xcom("consider_request", considered.run_id, "await_decision")
    assert told == {"request": considered.request_id, "version": 1, "status": "approved"}
    assert considered.engineer.wait_for_run("consider_request", decided.run_id)["state"] == "success"


# --- the whole way, by people at their browsers -----------------------------------------------------------------------

ASKED = "SDDSB-2026-950"
TOO_LONG = {"days: 120": "days: 4000"}  # the policy stops it, and less would pass
NOT_NEEDED = "How many children there are adds nothing to the call."


@pytest.fixture(scope="module")
def browser(scene, chromium) -> Iterator[Browser]:
    with opened_browser(chromium) as opened:
        yield opened


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
        with scene.world.home.postgres.superuser(scene.database) as connection:
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

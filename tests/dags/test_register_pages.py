"""The pages over all agreements, and the page of a request: who may see them, what they say, and that they only read.

The world's register holds three agreements in force (Fife's was delivered once) and one request that was refused.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.common.db.common import _get_session
from airflow.api_fastapi.core_api.security import DagAccessEntity, get_user
from fastapi.testclient import TestClient

from extracts.catalogue.people import Role
from extracts.errors import Outcome
from extracts.record import register
from extracts.record.transaction import reading
from extracts.steps.withdrawal import withdraw_request
from extracts.web.access import may_read, may_read_everything
from extracts.web.airflow_state import AirflowState, airflow_state
from extracts.web.app import make_app
from tests.dags.conftest import RUN
from tests.support.deciding import EXPEDITED, REQUESTER, decide, draw_up, sign, submit
from tests.support.pages import an_airflow_user
from tests.support.past import delivered_before, month_before, ran
from tests.support.story import titled
from tests.support.world import ANALYSTS, FIFE, REFUSED, SCP, World

EVIL = '<script>alert("QQ")</script>'
OVER_ALL = ["/register", "/watch", "/public"]
PAGES = [*OVER_ALL, f"/request/{FIFE}", f"/request/{REFUSED}"]
ALIVE = AirflowState(True, None, {f"extract__{r}": False for r in (SCP, FIFE, ANALYSTS)})


@pytest.fixture
def client(delivered: World, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Somebody whom Airflow lets see everything."""
    at(delivered, monkeypatch)
    app = make_app()
    app.dependency_overrides[get_user] = lambda: an_airflow_user("forum")
    app.dependency_overrides[may_read] = app.dependency_overrides[may_read_everything] = lambda: None
    app.dependency_overrides[airflow_state] = lambda: ALIVE
    return TestClient(app)


def at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTRACTS_HOME", str(world.home.home))
    monkeypatch.setenv("EXTRACTS_REGISTER_URL", world.work.register_url)


def words(text: str) -> str:
    """A page as one line of text, without its markup."""
    return " ".join(html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.S)).split())


# --- who may see ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_gets_nothing(path):
    answer = TestClient(make_app()).get(path)
    assert answer.status_code == 401
    assert "SDDSB" not in answer.text


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_only_read(client, path, method):
    assert getattr(client, method)(path).status_code == 405


def test_a_forum_member_posting_to_a_page_that_only_shows_is_recorded(client, delivered):
    before = len(delivered.ledger("page.refused"))
    assert client.post(f"/request/{FIFE}", data={"outcome": "approve"}).headers["allow"] == "GET"
    found = delivered.ledger("page.refused")[before:]
    assert [(e.actor, e.subject, e.payload["reason"]) for e in found] == [("forum", FIFE, "this page only shows")]


@pytest.mark.parametrize(
    ("may_see", "several_teams", "status"),
    [
        ({None, DagAccessEntity.RUN}, False, 200),
        ({None}, False, 403),
        ({DagAccessEntity.RUN}, False, 403),
        (set(), False, 403),
        ({None, DagAccessEntity.RUN}, True, 403),
    ],
)
def test_pages_over_all_agreements_are_for_those_who_may_see_every_dag_and_every_run(
    delivered, monkeypatch, may_see, several_teams, status
):
    """Airflow is asked about a DAG that there is not; where teams share it, nobody can answer for all."""
    at(delivered, monkeypatch)
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", str(several_teams))
    asked = []

    def is_authorized_dag(**question) -> bool:
        asked.append(question)
        return question["access_entity"] in may_see

    manager = SimpleNamespace(is_authorized_dag=is_authorized_dag)
    monkeypatch.setattr("extracts.web.access.get_auth_manager", lambda: manager)
    app = make_app()
    app.dependency_overrides[get_user] = lambda: an_airflow_user("visitor")
    app.dependency_overrides[airflow_state] = lambda: ALIVE
    for path in OVER_ALL:
        answer = TestClient(app).get(path)
        assert answer.status_code == status, path
        if path != "/watch":  # on most days nothing is due there
            assert ("SDDSB" in answer.text) is (status == 200)
    assert {(q["method"], q["user"].name) for q in asked} <= {("GET", "visitor")}


def test_a_right_to_some_dags_opens_no_page_over_all(delivered, monkeypatch):
    """As FAB answers: yes without an id, for there are DAGs that they may list; and for each of these."""
    at(delivered, monkeypatch)
    some = {"consider_request", f"extract__{FIFE}"}

    def is_authorized_dag(details: DagDetails | None = None, **_: object) -> bool:
        return details is None or details.id is None or details.id in some

    manager = SimpleNamespace(is_authorized_dag=is_authorized_dag)
    monkeypatch.setattr("extracts.web.access.get_auth_manager", lambda: manager)
    app = make_app()
    app.dependency_overrides[get_user] = lambda: an_airflow_user("visitor")
    app.dependency_overrides[airflow_state] = lambda: ALIVE
    for path in OVER_ALL:
        assert TestClient(app).get(path).status_code == 403, path


def test_a_request_s_page_is_for_those_who_may_see_the_runs_of_its_dag(delivered, monkeypatch):
    at(delivered, monkeypatch)
    asked = []

    def manager() -> SimpleNamespace:
        return SimpleNamespace(is_authorized_dag=lambda **question: asked.append(question["details"].id))

    monkeypatch.setattr("airflow.api_fastapi.core_api.security.get_auth_manager", manager)
    monkeypatch.setattr("airflow.models.dag.DagModel.get_team_name", lambda *_: None)
    app = make_app()
    app.dependency_overrides[get_user] = lambda: an_airflow_user("stranger")
    assert TestClient(app).get(f"/request/{REFUSED}").status_code == 403
    assert asked == [f"extract__{REFUSED}"]


# --- harmless ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_every_page_stands_alone_and_runs_nothing(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<link|<img|@import|url\(|src=|\son\w+=|style=\"[^\"]*url", answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_can_be_read_by_a_screen_reader(client, path):
    """One heading of the first rank and none skipped; every table has headings, every field a label."""
    text = client.get(path).text
    ranks = [int(rank) for rank in re.findall(r"<h([1-6])", text)]
    assert ranks[0] == 1
    assert ranks.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(ranks))
    for table in re.findall(r"<table.*?</table>", text, re.S):
        assert 'scope="' in table
    fields = set(re.findall(r'<(?:input|select) id="([^"]+)"', text))
    assert fields == set(re.findall(r'<label for="([^"]+)"', text))
    assert 'lang="en-GB"' in text


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_a_person_s_value_or_where_this_machine_keeps_things(client, delivered, path):
    text = client.get(path).text
    assert not re.search(r"QQ\d{6}[A-D]", text)
    assert str(delivered.home.home) not in text


@pytest.mark.parametrize("field", ["words", "recipient", "status", "dataset", "gateway", "clock", "page"])
@pytest.mark.parametrize("value", [EVIL, "' OR ''='", "%", "\x00", "9" * 400, "-1", "%2e%2e", "٣"])
def test_whatever_stands_in_the_address_is_text_and_nothing_else(client, field, value):
    answer = client.get("/register", params={field: value})
    assert answer.status_code == 200
    assert EVIL not in answer.text


def test_text_from_a_request_stays_text(client, delivered, tmp_path):
    request_id = submit(delivered, tmp_path, changes=titled(EVIL))
    try:
        for path in ("/register", f"/request/{request_id}"):
            text = client.get(path).text
            assert EVIL not in text
            assert "&lt;script&gt;" in text
    finally:
        withdraw_request(delivered.work, request_id, REQUESTER, "It was for a test.")


# --- the register -----------------------------------------------------------------------------------------------------


def test_the_register_tells_who_gets_what_where_it_stands_and_what_comes_next(client):
    text = words(client.get("/register?words=benefit+cap+021").text)
    for said in (
        "1 to 1 of 1 requests",
        "Fife Council, benefit advice team",
        "Welfare Reform Act 2012, section 131",
        "✓ approved",
        "12 Jan 2026",  # received
        "31 Dec 2028",  # ends
        "review 30 Jun 2027",
    ):
        assert said in text, said


def test_everything_that_one_body_gets_is_one_choice_away(client):
    text = client.get("/register?recipient=scottish-government-analysts").text
    assert re.findall(r"/extracts/request/([^\"]+)", text) == [REFUSED, ANALYSTS]
    assert re.search(r'<option value="scottish-government-analysts" selected>', text)


def test_each_line_leads_to_the_request_its_agreement_and_its_dag(client):
    text = client.get(f"/register?words={FIFE}").text
    for address in (f"/extracts/request/{FIFE}", f"/extracts/agreement/extract__{FIFE}", f"/dags/extract__{FIFE}"):
        assert f'href="{address}"' in text
    assert f"/dags/extract__{REFUSED}" not in client.get(f"/register?words={REFUSED}").text


def test_a_list_that_is_empty_says_so(client):
    assert "No request is like that" in client.get("/register?words=nobody").text


# --- clocks -----------------------------------------------------------------------------------------------------------


def submitted_before(world: World, folder: Path, days: int, changes: dict[str, str] | None = None) -> str:
    world.later(days=-days)
    try:
        return submit(world, folder, changes=changes)
    finally:
        world.later(days=days)


def row_of(text: str, request_id: str) -> str:
    return words(next(r for r in re.findall(r"<tr>.*?</tr>", text, re.S) if f"/request/{request_id}" in r))


@pytest.fixture(scope="module")
def waiting(delivered: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Requests that wait: one far too long, one that is urgent, one that is new, one with its requester."""
    folder = tmp_path_factory.mktemp("waiting")
    made = {
        "late": submitted_before(delivered, folder, 60),
        "urgent": submitted_before(delivered, folder, 12, EXPEDITED),
        "new": submit(delivered, folder),
        "returned": submit(delivered, folder),
    }
    why = {"comments": (("retention.days", "Why so long?"), ("benefit_cap.forenames", "Is it needed?"))}
    sign(delivered, draw_up(delivered, made["returned"], "return", **why), Role.BOARD)
    sign(delivered, draw_up(delivered, made["late"]), Role.BOARD)
    yield made
    for request_id in made.values():
        withdraw_request(delivered.work, request_id, REQUESTER, "It was for a test.")


def test_the_register_tells_the_clock_of_each_request_in_words_and_not_by_colour_alone(client, waiting):
    text = client.get("/register").text
    late, urgent = row_of(text, waiting["late"]), row_of(text, waiting["urgent"])
    assert re.search(r"4\d of 30 ✗ overdue was due \d+ \w+ 20\d\d", late), late
    assert re.search(r"\d+ of 3 submitted ✗ overdue was due \d+ \w+ 20\d\d » expedited", urgent), urgent
    assert re.search(r"0 of 20 submitted due \d+ \w+ 20\d\d", row_of(text, waiting["new"]))
    assert "0 of 30 ‖ stopped: it is with the requester" in row_of(text, waiting["returned"])
    assert "0 of 30 ended" in row_of(text, FIFE)


def test_what_is_overdue_is_one_choice_away_and_what_stands_still_is_not_overdue(client, waiting):
    text = client.get("/register?clock=overdue").text
    assert set(re.findall(r"/extracts/request/([^\"]+)", text)) == {waiting["late"], waiting["urgent"]}
    assert '<option value="overdue" selected>' in text
    assert "No request is like that" in client.get("/register?clock=overdue&recipient=social-security-scotland").text


def test_the_clocks_of_a_page_take_one_question_however_many_lines_it_has(client, waiting, monkeypatch):
    asked = []
    ask = register.status_histories
    monkeypatch.setattr(register, "status_histories", lambda *given: asked.append(given) or ask(*given))
    assert client.get("/register").status_code == 200
    assert len(asked) == 1


def test_a_request_s_page_tells_the_clock_by_stage_and_whose_move_it_is(client, waiting):
    text = words(client.get(f"/request/{waiting['late']}").text)
    assert re.search(r"The clock 4\d of 30 working days, counted from", text)
    assert "✗ overdue" in text
    assert re.search(r"Submitted, until the first signature 4\d 20 – does not run ✗ late", text)
    assert "Whose move it is. The Controller: the Board has signed a decision" in text


def test_the_expedited_lane_says_that_immediate_danger_is_a_call_to_999(client, waiting):
    sentence = "Immediate danger to a person is a call to 999, not a data request."
    assert text_count(client, waiting["urgent"], f"{sentence} The expedited lane has fewer target days") == 1
    assert text_count(client, waiting["new"], "999") == 0


def text_count(client: TestClient, request_id: str, said: str) -> int:
    return words(client.get(f"/request/{request_id}").text).count(said)


def test_watch_lists_what_waits_the_overdue_first_with_whose_move_it_is(client, waiting):
    text = client.get("/watch").text
    order = [r for r in re.findall(r"/extracts/request/([^\"]+)", text) if r in waiting.values()]
    assert set(order[:2]) == {waiting["late"], waiting["urgent"]}
    assert order[2:] == [waiting["new"], waiting["returned"]]
    assert "The Controller: the Board has signed" in row_of(text, waiting["late"])
    assert "The requester: answer with a new version" in row_of(text, waiting["returned"])
    assert "✗ 2 overdue" in words(text)
    assert 'href="/extracts/register?clock=overdue"' in text


# --- a request that is returned, and answered -------------------------------------------------------------------------


def test_a_returned_request_tells_its_comments_by_field(client, waiting):
    text = words(client.get(f"/request/{waiting['returned']}").text)
    assert "The answer: returned with questions" in text
    assert "About your fields datasets.benefit_cap.forenames : Is it needed? retention.days : Why so long?" in text
    assert "To be asked by" not in text, "a return closes nothing"


def test_a_resubmission_shows_what_it_changed_and_which_comments_it_answers(client, delivered, tmp_path):
    request_id = submit(delivered, tmp_path)
    comments = (("retention.days", "Why so long?"), ("benefit_cap.forenames", EVIL))
    sign(delivered, draw_up(delivered, request_id, "return", comments=comments), Role.BOARD)
    submit(delivered, tmp_path, request_id, 2, {"days: 120": "days: 90"})
    try:
        page = client.get(f"/request/{request_id}").text
        text = words(page)
        assert "What changed since version 1 Version 1 was returned with 2 comments" in text
        assert "retention.days Why so long? ✓ the field was changed" in text
        assert "✗ the field is as it was" in text
        assert "retention.days 120 90" in text
        assert EVIL not in page
        assert "&lt;script&gt;" in page
    finally:
        withdraw_request(delivered.work, request_id, REQUESTER, "It was for a test.")


def test_a_first_version_compares_itself_with_nothing(client, waiting):
    assert text_count(client, waiting["new"], "What changed") == 0


@pytest.mark.parametrize(("days", "said"), [(0, "working days from today"), (90, "that day is over")])
def test_a_refusal_names_clause_and_the_last_day_for_going_on(client, delivered, tmp_path, monkeypatch, days, said):
    request_id = submit(delivered, tmp_path)
    decision = decide(delivered, request_id, "refuse", clause="UK GDPR, article 5(1)(c)")
    later = replace(delivered.work, now=lambda: datetime.now(UTC) + timedelta(days=days))
    monkeypatch.setattr("extracts.web.request_page.open_desk", lambda: later)
    text = words(client.get(f"/request/{request_id}").text)
    assert "Under which clause UK GDPR, article 5(1)(c)" in text
    assert f"To be asked by {decision.escalate_until:%-d %B %Y}, included" in text
    assert said in text


# --- a request --------------------------------------------------------------------------------------------------------


def test_a_requester_who_was_refused_can_tell_which_column_clause_remedy_and_whom_to_ask(client):
    text = words(client.get(f"/request/{REFUSED}").text)
    for said in (
        "The answer: refused",
        "7 asked, 7 refused",
        "What would be acceptable",
        "Drop the columns; bank details have no treatment that makes them shareable",
        "Bank details are shared for no purpose that is listed today",
        "Whom to ask next Ask the head of data sharing",
    ):
        assert said in text, said
    pattern = r'<th scope="row" class="mono">[^<]*<wbr>sort_code.*?</tr>'
    row = re.search(pattern, client.get(f"/request/{REFUSED}").text, re.S)
    assert row
    assert "Bank details are shared for no purpose" in row[0]


def test_a_column_refused_alone_is_told_apart_from_those_granted(client, delivered, tmp_path):
    request_id = submit(delivered, tmp_path)
    decide(delivered, request_id, "approve in part", refuse=("children",), column_reasons={"children": "Not needed."})
    text = words(client.get(f"/request/{request_id}").text)
    assert "The answer: approved in part" in text
    assert "12 asked, 11 granted, 1 refused" in text
    assert "✗ refused nothing Not needed." in text


def test_signatures_are_verified_when_the_page_is_made(client, delivered):
    signers = delivered.work.places.allowed_signers
    before = signers.read_text()
    assert words(client.get(f"/request/{FIFE}").text).count("✓ holds") == 2
    signers.write_text("".join(line for line in before.splitlines(True) if not line.startswith("board.chair")))
    try:
        text = words(client.get(f"/request/{FIFE}").text)
    finally:
        signers.write_text(before)
    assert text.count("✓ holds") == 1
    assert text.count("✗ does not hold") == 1


def test_a_signature_that_was_dated_back_in_the_register_does_not_hold(client, delivered):
    """Verified by ssh-keygen it still is; the ledger tells of it at another time."""
    change = """UPDATE register.signature SET recorded_at = recorded_at {} interval '1 hour'
        WHERE document_digest = (SELECT digest FROM register.decision WHERE request_id = %s)
          AND namespace = 'extract-decision-board'"""
    with delivered.home.postgres.superuser(delivered.register) as connection:
        connection.execute(change.format("-").encode(), (SCP,))
        try:
            text = client.get(f"/request/{SCP}").text
        finally:
            connection.execute(change.format("+").encode(), (SCP,))
    assert "The ledger tells of no extract-decision-board signature" in text


def test_the_history_tells_who_did_what_with_its_place_in_the_ledger(client):
    text = words(client.get(f"/request/{FIFE}").text)
    assert "Version 1 is submitted" in text
    assert "Version 1, which was in review, is approved" in text
    assert re.search(r"Signed as controller: approve document sha256:\w+… controller@dwp.example event \d+", text)


def test_a_request_that_nobody_made_is_not_found(client):
    assert client.get("/request/SDDSB-2026-999").status_code == 404


# --- what is expected -------------------------------------------------------------------------------------------------


def test_watch_tells_what_did_not_come_why_and_whose_move_it_is(client, delivered, monkeypatch):
    """As if this month's due day were over: one agreement was stopped, one never started for its DAG is paused."""
    now = datetime(2027, 1, 20, 12, 0, tzinfo=UTC)
    work = replace(delivered.work, now=lambda: now)
    monkeypatch.setattr("extracts.web.watch_page.open_desk", lambda: work)
    due = datetime(2027, 1, 6, 6, 0, tzinfo=UTC)
    told = {"gate": "validate_extract", "reason": "Too few."}
    ran(delivered, FIFE, "2026-12", Outcome.STOPPED, due + timedelta(days=2), **told)
    paused = AirflowState(False, None, {f"extract__{SCP}": True})
    client.app.dependency_overrides[airflow_state] = lambda: paused
    text = words(client.get("/watch").text)
    assert "Airflow's scheduler does not run" in text
    assert "1 DAG is paused in Airflow" in text
    assert "stopped by a control validate_extract: Too few. Whoever the reason names" in text
    assert "Its DAG is paused in Airflow: a data engineer must switch it on." in text
    assert "Airflow has no such DAG" in text  # the third agreement's


# --- the public register ----------------------------------------------------------------------------------------------


def test_the_public_register_tells_what_left_with_rows_rounded(client, delivered):
    label = month_before(datetime.now(UTC).date(), 6)
    delivered_before(delivered, ANALYSTS, label, datetime.now(UTC), "pension_credit_award", rows=5303)
    text = client.get("/public?recipient=scottish-government-analysts").text
    (row,) = re.findall(r'<tr>\s*<td class="when day">.*?</tr>', text, re.S)
    assert "5,305 yes" in words(row)
    assert "5,303" not in row
    text = words(client.get("/public").text)
    for said in ("Fife Council, benefit advice team", "address, personal", "Welfare Reform Act 2012, section 131"):
        assert said in text, said


def test_small_counts_are_hidden_and_what_was_not_recorded_is_said(client, delivered):
    label = month_before(datetime.now(UTC).date(), 5)
    delivered_before(delivered, SCP, label, datetime.now(UTC) - timedelta(days=150), "scottish_child_payment", rows=7)
    text = words(client.get("/public?recipient=social-security-scotland").text)
    assert "fewer than 10 yes" in text


# --- an agreement and a run -------------------------------------------------------------------------------------------


def test_an_agreement_s_page_shows_what_left_and_how_rows_and_age_developed(client, delivered):
    client.app.dependency_overrides[_get_session] = lambda: SimpleNamespace(scalars=lambda _: ())
    now = datetime.now(UTC)
    for months in (2, 3):
        label = month_before(now.date(), months)
        delivered_before(delivered, FIFE, label, now - timedelta(days=30 * months), "benefit_cap", age_minutes=90)
    text = client.get(f"/agreement/extract__{FIFE}").text
    assert text.count("<svg") == 2
    assert text.count('class="fill"') == 6
    assert "1.5 hours" in text
    assert f"/extracts/manifest/{FIFE}" in text


def test_the_release_sheet_shows_the_way_of_rows_and_columns(client, delivered):
    text = client.get(f"/outcome/extract__{FIFE}/{RUN}").text
    assert words(text).count("In the extract") == 1
    with reading(delivered.work.register) as view:
        counts = register.get_run(view, f"{FIFE}/{RUN}").counts["benefit_cap"]
    for name in ("source", "filtered", "delivered"):
        assert f"{counts[name]:,}" in text
    assert text.count('class="box"') == 3 * 12
    assert "assessment_period_end" in text


def test_the_age_of_the_source_is_kept_with_the_run(delivered):
    with reading(delivered.work.register) as view:
        ages = register.get_run(view, f"{FIFE}/{RUN}").snapshot["source_age_minutes"]
    assert list(ages) == ["benefit_cap"]
    assert 0 <= ages["benefit_cap"] < 24 * 60

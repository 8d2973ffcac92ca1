"""The request form in a real browser, held against the reader of requests: both must say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from extracts.agreement.request import parse_request, request_schema
from extracts.catalogue.offered import offered
from extracts.documents import Document, parse
from extracts.errors import InvalidDocument
from extracts.standalone.request_form import request_form_page
from tests.support.browser import a_page, opened_browser
from tests.support.builders import (
    BENEFIT_CAP,
    CHILD_PAYMENT,
    REFUSED,
    STATISTICS,
    TODAY,
    a_made_plan,
    a_request,
    a_request_document,
    removed,
    the_datasets,
    the_parties,
)
from tests.support.typing import control, type_request, type_rows

pytestmark = pytest.mark.browser
SAMPLES = (STATISTICS, BENEFIT_CAP, CHILD_PAYMENT, REFUSED)
NASTY = '</script><img src=x onerror="document.title=1"> {{7*7}} \' OR 1=1; --'


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with opened_browser(chromium) as opened:
        yield opened


def the_form(begun: Any = None) -> str:
    return request_form_page(offered(the_datasets(), the_parties(), TODAY), the_parties(), TODAY, begun)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("form") / "form.html"
    file.write_text(the_form(), encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The form, opened afresh; whatever it asks of anybody, or complains of, fails the test."""
    tab = a_page(browser, viewport={"width": 1440, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(address)
    yield tab
    assert ([a for a in asked if not a.startswith("blob:")], said) == ([address], [])
    tab.close()


def begin(page: Page, document: Document) -> None:
    """The form as it is when a request was opened in it."""
    page.evaluate("data => window.requestForm.load(data)", document.value)


def saved(page: Page) -> tuple[str, bytes]:
    """What "Save as YAML" gives: name and content."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as YAML").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


# --- what is typed is what is read -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", [STATISTICS, CHILD_PAYMENT, REFUSED])
def test_a_sample_request_typed_into_the_form_means_the_same(page: Page, sample: str) -> None:
    type_request(page, a_request_document(sample).value)
    name, data = saved(page)
    typed = parse_request(parse(data, name))
    wanted = a_request(sample)
    assert typed.document() == wanted.document()
    assert typed.digest == wanted.digest
    assert name == f"{wanted.request_id}.yaml"
    assert "Saved as" in page.locator("#said").inner_text()
    if sample != REFUSED:
        assert a_made_plan(typed).digest == a_made_plan(wanted).digest


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_request_to_go_on_with_comes_out_with_the_same_meaning(browser: Browser, tmp_path: Path, sample: str) -> None:
    file = tmp_path / "form.html"
    file.write_text(the_form(a_request_document(sample).value), encoding="utf-8")
    tab = a_page(browser)
    tab.goto(file.as_uri())
    first = saved(tab)[1]
    assert parse_request(parse(first, "saved")).digest == a_request(sample).digest
    (tmp_path / "again.yaml").write_bytes(first)
    tab.goto(file.as_uri())
    tab.locator("#open-file").set_input_files(tmp_path / "again.yaml")
    tab.get_by_text("Opened again.yaml").wait_for()
    assert saved(tab)[1] == first
    tab.close()


def test_every_comparison_of_rows_can_be_asked_for(page: Page) -> None:
    rows = [
        {"column": "council_code", "in": ["S12000047", "S12000049"]},
        {"column": "children", "between": [2, 5]},
        {"column": "cap_reduction", "not": {"before": "0.5"}},
        {"column": "postcode", "is_null": True},
        {"column": "partner_nino", "not": {"is_null": True}},
    ]
    document = a_request_document(BENEFIT_CAP, {"datasets.0.rows": rows})
    begin(page, a_request_document(BENEFIT_CAP, {"datasets.0.rows": []}))
    type_rows(page, ("datasets", 0), rows)
    assert parse_request(parse(saved(page)[1], "saved")).digest == parse_request(document).digest


def test_text_of_any_kind_stays_text_in_page_and_file(page: Page) -> None:
    texts = {"title": NASTY[:190], "data_subjects": f"{NASTY}\n\n# not a comment: - no: 'yes' \\u0041 é 🙂 \t \"'"}
    begin(page, a_request_document(STATISTICS))
    for name, text in texts.items():
        control(page, (name,)).fill(text)
    found = parse_request(parse(saved(page)[1], "saved"))
    assert found.document() == a_request(STATISTICS, texts).document()
    assert page.locator("img").count() == 0
    assert page.title() == "Ask for data"


def test_a_hostile_request_to_go_on_with_ends_no_script(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "form.html"
    file.write_text(the_form({"title": NASTY, "note": "<!--<script>"}), encoding="utf-8")
    tab = a_page(browser)
    tab.goto(file.as_uri())
    assert control(tab, ("title",)).input_value() == NASTY
    assert (tab.title(), tab.locator("img").count()) == ("Ask for data", 0)
    tab.close()


OTHER_HANDS = (
    "a: &x 1\n",
    "title: *x\n",
    "title: NO\n",
    "title: 012\n",
    "title: {a: b}\n",
    "title: 'x'\n",
    "  title: 1\n",
    "a: 1\na: 2\n",
    "a:\nb: 1\n",
    "- x\n- y: \n",
    "title: |\n  x\n",
    'title: "x\n',
    "__proto__: 1\n",
)


def test_yaml_of_another_hand_is_never_half_understood(page: Page) -> None:
    read = "text => { try { Yaml.read(text); return '' } catch (error) { return error.message } }"
    for text in OTHER_HANDS:
        assert "was not written by this form" in page.evaluate(read, text), text


def test_a_file_that_cannot_be_opened_is_told_and_changes_nothing(page: Page, tmp_path: Path) -> None:
    control(page, ("title",)).fill("Kept")
    (tmp_path / "other.yaml").write_text("title: &x 1\n")
    page.locator("#open-file").set_input_files(tmp_path / "other.yaml")
    page.get_by_text("other.yaml was not opened. Line 1").wait_for()
    assert control(page, ("title",)).input_value() == "Kept"


# --- both sides say the same of good and bad -------------------------------------------------------------------------

GOOD: tuple[dict[str, Any], ...] = (
    {},
    {"needed_by": "2028-02-29"},
    {"limits.k": 5},
    {"datasets.0.columns.0.filled_percent": 100},
    {"schedule.working_day": removed, "schedule.cron": "@monthly", "schedule.frequency": "monthly"},
    {"special_conditions": ["One.", "Two."]},
    {"reviews": {}},
    {"datasets.0.rows": []},
)
BAD: tuple[dict[str, Any], ...] = (
    {"request_id": removed},
    {"request_id": "sddsb 1"},
    {"request_id": "A" * 20 + "-12345"},
    {"version": 0},
    {"version": "1"},
    {"version": 1.5},
    {"version": True},
    {"title": ""},
    {"title": "   "},
    {"title": "x" * 201},
    {"title": "zero\u200bwidth"},
    {"title": "bell\u0007"},
    {"title": 7},
    {"titel": "A misspelt field"},
    {"requester": "somebody"},
    {"requester.email": "nobody"},
    {"requester.organisation": "Fife Council"},
    {"received_on": "2026-02-30"},
    {"received_on": "23 November 2026"},
    {"received_on": "1850-01-01"},
    {"criticality": "urgent"},
    {"identifiability": "aggregated"},
    {"data_types": []},
    {"data_types": ["gossip"]},
    {"territory": []},
    {"territory": ["Fife"]},
    {"controllers": []},
    {"controllers.0.role": removed},
    {"processors": removed},
    {"processors": [{"name": "Cloud"}]},
    {"storage_locations": [""]},
    {"leaves_uk": "no"},
    {"privacy_notice_ref": "http://plain.example"},
    {"legal.schedule_1_paragraph": 39},
    {"legal.article_6": "6(1)(z)"},
    {"limits.k": 4},
    {"limits.max_rows": 2**53},
    {"limits.change_percent": 0},
    {"retention": removed},
    {"schedule.working_day": removed},
    {"schedule.cron": "@monthly"},
    {"schedule.frequency": "weekly"},
    {"schedule.working_day": 16},
    {"schedule.working_day": removed, "schedule.cron": "every day"},
    {"schedule.working_day": removed, "schedule.cron": "* * * * *"},
    {"schedule.review_on": "2040-01-01"},
    {"datasets": []},
    {"datasets.0.columns": []},
    {"datasets.0.used_for": removed},
    {"datasets.0.safe_address": "hide"},
    {"datasets.0.columns.0.justification": removed},
    {"datasets.0.columns.0.treatment": "shred"},
    {"datasets.0.columns.0.treatment": {"age_band": 10, "year": 1}},
    {"datasets.0.columns.0.treatment": removed},
    {"datasets.0.columns.0.filled_percent": 101},
    {"datasets.0.columns.1.name": "nino"},
    {"datasets.0.rows": [{"column": "sex"}]},
    {"datasets.0.rows": [{"column": "sex", "equals": "F", "in": ["F"]}]},
    {"datasets.0.rows": [{"column": "sex", "equals": ""}]},
    {"datasets.0.rows": [{"column": "sex", "in": []}]},
    {"datasets.0.rows": [{"column": "sex", "between": ["A"]}]},
    {"datasets.0.rows": [{"column": "sex", "is_null": False}]},
    {"datasets.0.rows": [{"column": "sex", "not": {}}]},
    {"datasets.0.rows": [{"equals": "F"}]},
    {"datasets.0.rows": [{"column": "sex", "equals": "F' OR 1=1; --\u202e"}]},
)  # fmt: skip


def faults(document: Document) -> list[str]:
    """The paths that the reader of requests complains of."""
    try:
        parse_request(document)
    except InvalidDocument as error:
        return [p.field for p in error.problems]
    return []


def test_form_and_reader_agree_on_what_is_wrong_and_where(page: Page) -> None:
    documents = [a_request_document(STATISTICS, change) for change in (*GOOD, *BAD)]
    said = page.evaluate("all => all.map(one => window.requestForm.problems(one))", [d.value for d in documents])
    for change, document, found in zip((*GOOD, *BAD), documents, said, strict=True):
        ours = [".".join(map(str, one["path"])) for one in found]
        theirs = faults(document)
        assert bool(ours) == bool(theirs), (change, ours, theirs)
        for path in theirs:
            near = [o for o in ours if path == o or path.startswith(f"{o}.") or o.startswith(f"{path}.")]
            assert near, (change, ours, theirs)
        assert all(one["message"] for one in found)
    assert not any(faults(a_request_document(STATISTICS, change)) for change in GOOD)
    assert all(faults(a_request_document(STATISTICS, change)) for change in BAD)


def test_the_forms_checker_knows_every_keyword_that_the_schema_uses(page: Page) -> None:
    known = set(page.evaluate("Schema.KEYWORDS"))
    assert _keywords(request_schema()) - {"$schema", "$defs", "title", "description", "default"} <= known


def _keywords(node: Any, is_schema: bool = True) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_keywords(one) for one in node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = set(node) if is_schema else set()
    for name, inner in node.items():
        if name not in ("default", "enum", "const", "required") or not is_schema:
            found |= _keywords(inner, not (is_schema and name in ("properties", "$defs")))
    return found


# --- how it is used --------------------------------------------------------------------------------------------------


def test_faults_stand_beside_their_field_and_in_a_list_that_leads_there(page: Page) -> None:
    email = control(page, ("requester", "email"))
    email.fill("nobody")
    beside = page.locator('[data-field="requester.email"] .fault')
    beside.wait_for()
    assert "right shape" in beside.inner_text()
    assert email.get_attribute("aria-invalid") == "true"
    described = (email.get_attribute("aria-describedby") or "").split()
    assert beside.get_attribute("id") in described
    page.get_by_role("button", name="Check everything").press("Enter")
    assert page.evaluate("document.activeElement.id") == "faults"
    page.get_by_role("link", name=re.compile("requester › email")).press("Enter")
    assert page.evaluate("document.activeElement.dataset.path") == "requester.email"
    email.fill("callum@fife.example")
    beside.wait_for(state="detached")


def test_a_draft_is_saved_with_what_is_missing_said(page: Page) -> None:
    control(page, ("title",)).fill("Only begun")
    name, data = saved(page)
    assert name == "request.yaml"
    assert parse(data, name).value["title"] == "Only begun"
    assert "Saved as a draft" in page.locator("#said").inner_text()


def test_a_column_is_offered_only_in_treatments_that_its_form_allows(page: Page) -> None:
    control(page, ("identifiability",)).select_option("pseudonymised")
    control(page, ("datasets", 0, "dataset")).select_option("pension_credit_award")
    page.locator('[data-column="nino"]').check()
    offered_now = control(page, ("datasets", 0, "columns", 0, "treatment")).locator("option").all_inner_texts()
    assert not [o for o in offered_now if o.startswith("keep")]
    assert [o for o in offered_now if o.startswith("pseudonymise")]


def test_every_control_has_a_name_and_the_page_fits(browser: Browser, address: str) -> None:
    for width, scheme in ((1440, "dark"), (900, "light"), (390, "light")):
        tab = a_page(browser, viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab.goto(address)
        begin(tab, a_request_document(CHILD_PAYMENT))
        assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
        nameless = """[...document.querySelectorAll('input,select,textarea')].filter(one => !one.labels.length
            && !one.getAttribute('aria-labelledby')).map(one => one.id)"""
        assert tab.evaluate(nameless) == []
        ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
        assert len(ids) == len(set(ids))
        assert tab.locator("#said").inner_text().startswith("Complete")
        tab.close()


def test_the_page_says_by_its_own_header_what_may_run(address: str) -> None:
    html = the_form()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    said = unescape(policy[1])
    assert said.startswith("default-src 'none'")
    assert "script-src 'sha256-" in said
    assert "connect-src" not in said, "nothing may be asked of anybody"
    assert html.count("<script") == 2, "the program, and its data"
    assert json.dumps("board.chair@dwp.example") not in html, "nobody's address is in the catalogue"

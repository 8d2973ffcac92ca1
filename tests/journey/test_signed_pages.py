"""Answers go out as pages that stand alone: what a reader sees, and what the lines on them verify."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from extracts import signing
from extracts.agreement.decision import OrderKind
from extracts.canonical import digest_bytes
from extracts.local.home import DemoHome
from extracts.settings import PROJECT
from tests.support.browser import a_page, opened_browser
from tests.support.command_line import extracts
from tests.support.deciding import SIGNERS, decide, draw_up, sign, submit
from tests.support.signed_pages import Received, received
from tests.support.world import FIFE, REFUSED, World, copied

EVIL = "<img src=x onerror=\"alert('QQ')\"> </pre></script>"


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with copied(template_world, tmp_path_factory.mktemp("pages") / "home") as own:
        yield own


def sent(world: World, folder: Path, request_id: str, *more: str) -> Received:
    """The page that the command writes, as it reaches its reader."""
    file = folder / "made" / "page.html"
    file.parent.mkdir(exist_ok=True)
    said = extracts(world, "request", "page", request_id, "--output", file, *more)
    assert said.code == 0, said.text
    return received(world, file, folder / "received")


def events(world: World, request_id: str) -> list[dict[str, object]]:
    return [dict(e.payload) for e in world.ledger("page.signed") if e.subject == request_id]


# --- what it says -----------------------------------------------------------------------------------------------------


def test_whoever_was_refused_can_say_which_column_clause_remedy_whom_to_ask_and_by_when(
    shared: World, tmp_path: Path
) -> None:
    page = sent(shared, tmp_path, REFUSED)
    for said in (
        "✗ Refused on",
        "Which columns All 7: the request as a whole.",
        "Under which clause",
        "Bank details are shared for no purpose",
        "What would be acceptable",
        "Drop the columns; bank details have no treatment that makes them shareable",
        "Whom to ask next Ask the head of data sharing",
        "that day included",
    ):
        assert said in page.text, said
    row = re.search(r'<th scope="row" class="mono">[^<]*\.<wbr>sort_code</th>.*?</tr>', page.source, re.S)
    assert row
    assert "Bank details are shared for no purpose" in row[0]
    assert "Drop the columns" in row[0], "the remedy stands in the column's own line"


def test_a_column_refused_alone_has_its_own_clause_and_the_others_are_granted(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    decision = decide(
        shared,
        request_id,
        "approve in part",
        refuse=("children",),
        column_reasons={"children": "Not needed."},
        clause="UK GDPR, article 5(1)(c)",
        acceptable="Ask for the number of children, banded.",
    )
    text = sent(shared, tmp_path, request_id).text
    assert "● Approved in part on" in text
    assert "1 of 12; the others were granted." in text
    assert re.search(r"✗ refused Not needed\. UK GDPR, article 5\(1\)\(c\) Ask for the number of children", text)
    assert text.count("✓ granted") == 11
    assert decision.escalate_until
    assert f"By when {decision.escalate_until.day} {decision.escalate_until:%b %Y}, that day included" in text


def test_a_return_tells_its_comments_by_field_and_that_there_is_no_last_day(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    board = next(iter(SIGNERS))
    sign(shared, draw_up(shared, request_id, "return", comments=(("retention.days", "Why so long?"),)), board)
    page = sent(shared, tmp_path, request_id)
    assert "? Returned with questions on" in page.text
    assert "retention.days : Why so long?" in page.text
    assert "There is no last day" in page.text
    assert "controller.sig" not in page.source, "a return takes one signature"
    assert [page.run(block).returncode for block in page.blocks] == [0] * len(page.blocks)


def test_the_page_of_an_older_version_can_still_be_made(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    decide(shared, request_id, "refuse", acceptable="Thirty days.")
    submit(shared, tmp_path, request_id, 2, {"days: 120": "days: 30"})
    assert "version 1." in sent(shared, tmp_path, request_id, "--version", "1").text
    said = extracts(shared, "request", "page", request_id, "--output", tmp_path / "two.html")
    assert (said.code, "no decision on it is signed in full" in said.text) == (2, True)
    assert not [*tmp_path.glob("two*")]


def test_an_agreement_that_was_stopped_since_says_so(shared: World, tmp_path: Path) -> None:
    request_id = submit(shared, tmp_path)
    decide(shared, request_id)
    shared.order(request_id, OrderKind.SUSPEND)
    assert "When this page was made, it was suspended" in sent(shared, tmp_path, request_id).text


# --- what its lines verify --------------------------------------------------------------------------------------------


def test_the_printed_lines_verify_page_decision_and_document_with_ssh_keygen_alone(
    shared: World, tmp_path: Path
) -> None:
    page = sent(shared, tmp_path, REFUSED)
    verify, take_out, deciders, compare = page.blocks
    assert page.run(verify).stdout.startswith('Good "extract-page" signature for extracts-service@dwp.example')
    assert page.run(take_out).returncode == 0
    good = page.run(deciders).stdout
    assert re.findall(r'Good "([a-z-]+)" signature', good) == [signing.DECISION_BOARD, signing.DECISION_CONTROLLER]
    decision = (page.page.parent / f"{REFUSED}-v1.decision.json").read_bytes()
    digest = digest_bytes(decision)
    assert f"Decision {digest}" in page.text
    assert page.run(compare).stdout.split()[0] in page.source
    (told,) = events(shared, REFUSED)[-1:]
    assert told["page_digest"] == digest_bytes(page.page.read_bytes())
    assert f"sha256:{page.run(compare).stdout.split()[0]}" == told["document_digest"]


def test_a_page_with_another_word_in_it_does_not_verify(shared: World, tmp_path: Path) -> None:
    page = sent(shared, tmp_path, REFUSED)
    page.page.write_text(page.source.replace("Refused on", "Granted on", 1))
    done = page.run(page.blocks[0])
    assert (done.returncode != 0, "Good" in done.stdout) == (True, False)


def test_a_manifest_s_signature_is_none_of_a_page(shared: World, tmp_path: Path) -> None:
    page = sent(shared, tmp_path, REFUSED)
    other = signing.sign(page.page.read_bytes(), shared.work.service_key(), signing.MANIFEST)
    page.page.with_name("page.html.sig").write_text(other)
    assert page.run(page.blocks[0]).returncode != 0


def test_whether_it_can_be_had_goes_out_signed_before_and_after_it_is_asked(shared: World, tmp_path: Path) -> None:
    page = sent(shared, tmp_path, FIFE, "--as", "feasibility")
    assert "All 12 columns are held as asked" in page.text
    assert "This is no decision" in page.text
    verify, compare = page.blocks
    assert page.run(verify).stdout.startswith('Good "extract-page"')
    answered = [e.payload["answer_digest"] for e in shared.ledger("feasibility.answered") if e.subject == FIFE]
    assert f"sha256:{page.run(compare).stdout.split()[0]}" == answered[-1], "the ledger knows this very answer"
    asked = PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml"
    said = extracts(shared, "request", "check", asked, "--feasibility", "--page", tmp_path / "before.html")
    assert said.code == 0, said.text
    before = received(shared, tmp_path / "before.html", tmp_path / "sent")
    assert before.run(before.blocks[0]).stdout.startswith("Good")


# --- what does not go out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("SDDSB-2026-999",), "SDDSB-2026-999"),
        ((REFUSED, "--as", "verdict"), "no page of a request as 'verdict'"),
        ((REFUSED, "--output", "my answer;rm.html"), "no name for a signed page"),
        ((REFUSED, "--output", "-answer.html"), "no name for a signed page"),
        ((REFUSED, "--output", "/nowhere/at/all/answer.html"), "cannot be written"),
        ((REFUSED, "--version", "9"), REFUSED),
    ],
)
def test_what_cannot_be_made_is_told(shared: World, arguments: tuple[str, ...], told: str) -> None:
    said = extracts(shared, "request", "page", *arguments)
    assert (said.code, told in said.text) == (2, True), said.text


def test_a_decision_whose_signature_does_not_hold_goes_out_on_no_page(shared: World, tmp_path: Path) -> None:
    listed = shared.work.places.allowed_signers
    before, told = listed.read_text(), len(events(shared, REFUSED))
    listed.write_text("".join(line for line in before.splitlines(True) if not line.startswith("board")))
    try:
        said = extracts(shared, "request", "page", REFUSED, "--output", tmp_path / "no.html")
    finally:
        listed.write_text(before)
    assert (said.code, "the decision on" in said.text, "does not hold" in said.text) == (1, True, True), said.text
    assert not [*tmp_path.iterdir()]
    assert len(events(shared, REFUSED)) == told


def test_a_list_that_lets_the_service_sign_no_pages_is_told_with_what_to_add(shared: World, tmp_path: Path) -> None:
    listed = shared.work.places.allowed_signers
    before = listed.read_text()
    listed.write_text(before.replace(f",{signing.PAGE}", ""))
    try:
        said = extracts(shared, "request", "page", REFUSED, "--output", tmp_path / "no.html")
    finally:
        listed.write_text(before)
    assert (said.code, "to add extract-page to the service's line" in said.text) == (1, True), said.text
    assert not [*tmp_path.iterdir()]


# --- how it is made ---------------------------------------------------------------------------------------------------


def an_evil_refusal(world: World, folder: Path) -> str:
    request_id = submit(world, folder, changes={"title: Benefit cap support, Fife": f"title: {json.dumps(EVIL)}"})
    said = {"clause": EVIL, "acceptable": EVIL, "column_reasons": {"children": EVIL}, "conditions": (EVIL,)}
    decide(world, request_id, "approve in part", refuse=("children",), **said)
    return request_id


def test_markup_in_any_field_stays_text_and_the_lines_still_verify(shared: World, tmp_path: Path) -> None:
    page = sent(shared, tmp_path, an_evil_refusal(shared, tmp_path))
    assert "<img" not in page.source
    assert "<script" not in page.source
    assert page.text.count("onerror=") >= 5
    assert [page.run(block).returncode for block in page.blocks] == [0] * len(page.blocks)


@pytest.mark.parametrize("kind", ["answer", "feasibility"])
def test_it_loads_nothing_and_can_be_read_by_a_screen_reader(shared: World, tmp_path: Path, kind: str) -> None:
    source = sent(shared, tmp_path, REFUSED, "--as", kind).source
    assert "default-src &#39;none&#39;" in source
    assert not re.search(r"<link|<img|<script|@import|url\(|src=|https?://|\son\w+=", source)
    ranks = [int(rank) for rank in re.findall(r"<h([1-6])", source)]
    assert (ranks[0], ranks.count(1)) == (1, 1)
    assert all(after - before <= 1 for before, after in pairwise(ranks))
    for table in re.findall(r"<table.*?</table>", source, re.S):
        assert "<caption>" in table
        assert 'scope="col"' in table
        assert 'scope="row"' in table


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with opened_browser(chromium) as opened:
        yield opened


@pytest.mark.browser
def test_in_a_browser_it_asks_for_nothing_fits_and_gives_out_what_was_signed(
    shared: World, tmp_path: Path, browser: Browser
) -> None:
    sent_page = sent(shared, tmp_path, an_evil_refusal(shared, tmp_path))
    page = a_page(browser, viewport={"width": 900, "height": 800})
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: faults.append(m.text))
    page.on("pageerror", lambda e: faults.append(str(e)))
    page.goto(sent_page.page.as_uri())
    assert (asked, faults) == ([sent_page.page.as_uri()], [])
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for link in page.locator("ul.parts a").all():
        with page.expect_download() as saved:
            link.click()
        saved.value.save_as(sent_page.page.parent / saved.value.suggested_filename)
    done = sent_page.run(sent_page.blocks[2])
    assert done.stdout.count("Good") == 2, "what the links save is what the lines verify"
    page.close()

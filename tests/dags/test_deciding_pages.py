"""Board and Controller decide inside Airflow: what is drawn up, handed out and in; what is refused, and recorded.

Airflow's part (who is signed in, and what they may see) is given by the tests; the journey has the real one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extracts import signing
from extracts.agreement.signers import NAMESPACES
from extracts.catalogue.people import Role
from extracts.local.people import BOARD, CONTROLLER
from extracts.steps.requests import stored_request
from extracts.web import sent_form
from tests.support.command_line import extracts
from tests.support.deciding import draw_up, sign, submit
from tests.support.pages import Tab, at, words
from tests.support.world import FIFE, World, copied

EVIL = "<script>alert('QQ')</script>"
TERMS = {"outcome": "approve", "reasons": "Lawful and proportionate.", "delegation": "dwp-controller-scotland"}


@pytest.fixture(scope="module")
def shared(template_world, tmp_path_factory) -> Iterator[World]:
    with copied(template_world, tmp_path_factory.mktemp("deciding") / "home") as world:
        yield world


@pytest.fixture
def here(shared: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose pages are open to whoever Airflow has signed in."""
    at(shared, monkeypatch)
    return shared


@pytest.fixture
def request_id(here: World, tmp_path: Path) -> str:
    """A request whose reviews are all there."""
    return submit(here, tmp_path)


board, controller = (lambda: Tab("board")), (lambda: Tab("controller"))


def drawn(tab: Tab, request_id: str, **terms: str) -> str:
    """The digest of a document that is drawn up on the page."""
    page = f"/decide/{request_id}"
    answer = tab.send(f"{page}/draw-up", {**TERMS, **terms}, page=page)
    assert answer.status_code == 303, words(answer.text)
    found = re.findall(r'name="digest" value="(sha256:[0-9a-f]{64})"', tab.get(page).text)
    assert found
    return found[0]


def signature(world: World, data: bytes, who: str = BOARD, role: Role = Role.BOARD, namespace: str = "") -> str:
    """What `ssh-keygen -Y sign` makes on somebody's own machine."""
    return signing.sign(data, world.home.people.key(who), namespace or NAMESPACES[role])


def hand_in(tab: Tab, request_id: str, digest: str, text: str, role: str = "board", **more: Any) -> Any:
    page = f"/decide/{request_id}"
    fields = {"role": role, "digest": digest, "signature": text}
    return tab.send(f"{page}/sign", fields, page=page, **more)


def handed_out(tab: Tab, request_id: str, digest: str) -> bytes:
    answer = tab.get(f"/decision/{request_id}/{digest}")
    assert answer.status_code == 200
    return answer.content


def refusals(world: World, request_id: str, kind: str = "signature.refused") -> list[tuple[str, str]]:
    """(actor, reason) of the ledger's events."""
    return [(e.actor, e.payload["reason"]) for e in world.ledger(kind) if e.subject == request_id]


# --- the way through --------------------------------------------------------------------------------------------------


def test_two_people_sign_what_the_page_handed_out_and_the_second_signature_publishes(here, request_id):
    digest = drawn(board(), request_id, **{"refuse.benefit_cap.children": "How many there are adds nothing."})
    data = handed_out(board(), request_id, digest)
    answers = [
        hand_in(board(), request_id, digest, signature(here, data)),
        hand_in(controller(), request_id, digest, signature(here, data, CONTROLLER, Role.CONTROLLER), "controller"),
    ]
    assert [(a.status_code, a.headers["location"][-9:]) for a in answers] == [(303, "ne=signed"), (303, "=complete")]
    assert stored_request(here.work, request_id).status == "approved"
    assert (here.work.places.published / f"{request_id}.json").is_file()
    assert "approved in part" in board().text(f"/request/{request_id}")
    signed = [e.actor for e in here.ledger("decision.signed") if e.subject == request_id]
    assert signed == [BOARD, CONTROLLER]


def test_the_document_is_the_one_that_the_command_line_prints_and_takes_back(here, request_id, tmp_path):
    """One way: drawn up on the page, signed at the command line."""
    digest = drawn(board(), request_id)
    file = tmp_path / "decision.json"
    file.write_bytes(handed_out(board(), request_id, digest))
    said = extracts(
        here, "decide", request_id, "--as", "board", "--outcome", "approve", "--reasons", TERMS["reasons"], "--print"
    )
    assert said.out.encode() == file.read_bytes()
    handed = tmp_path / "decision.json.sig"
    handed.write_text(signature(here, file.read_bytes()))
    said = extracts(here, "decide", request_id, "--as", "board", "--signature", handed, "--json")
    assert (said.code, said.json["decision"]) == (0, digest)
    assert "holds , verified now" in controller().text(f"/decide/{request_id}")


def test_the_page_shows_one_line_that_signs_and_what_the_digest_must_be(here, request_id):
    digest = drawn(board(), request_id)
    text = board().text(f"/decide/{request_id}")
    name = f"{request_id}-{digest[7:15]}.decision.json"
    assert f"ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n extract-decision-board {name}" in text
    assert digest[7:] in text
    assert "extract-decision-controller" not in text, "nobody is shown another role's line"
    answer = board().get(f"/decision/{request_id}/{digest}")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'


def test_a_signature_comes_back_as_a_file_too(here, request_id):
    digest = drawn(board(), request_id)
    text = signature(here, handed_out(board(), request_id, digest))
    page = f"/decide/{request_id}"
    files = {"file": ("decision.json.sig", text.encode())}
    answer = board().send(f"{page}/sign", {"role": "board", "digest": digest}, page=page, files=files)
    assert answer.status_code == 303, words(answer.text)


def test_a_signature_that_was_pasted_has_the_line_ends_that_browsers_send(here, request_id):
    digest = drawn(board(), request_id, reasons="In two\r\nlines.", conditions="One.\r\nTwo.")
    text = signature(here, handed_out(board(), request_id, digest)).replace("\n", "\r\n")
    answer = hand_in(board(), request_id, digest, text)
    assert answer.status_code == 303, words(answer.text)


def test_the_form_begins_with_what_the_board_recommends(here, tmp_path):
    request_id = submit(here, tmp_path, reviewed=False)
    for review, name in (
        *(("legal", "legal"), ("data-protection", "dpo"), ("security", "security")),
        *(("information-asset-owner", "owner"), ("board", "board")),
    ):
        more = ["--refuse-column", "children=It adds nothing."] if review == "board" else []
        there = [p for m in sorted(here.work.reviewers.board(here.work.today())) for p in ("--present", m)]
        said = extracts(
            here,
            *("review", "answer", request_id, review, "--outcome", "supports", "--reasons", "Seen.", "--as-user", name),
            *(there if review == "board" else []),
            *more,
        )
        assert said.code == 0, said.text
    text = board().get(f"/decide/{request_id}").text
    assert 'name="refuse.benefit_cap.children" value="It adds nothing."' in text
    assert "benefit_cap.children: It adds nothing." in words(text)


def test_a_return_takes_one_signature_and_its_comments_reach_the_requester(here, request_id):
    more = {"outcome": "return", "comments": "retention.days: Why so long?"}
    digest = drawn(controller(), request_id, **more)
    data = handed_out(controller(), request_id, digest)
    text = signature(here, data, CONTROLLER, Role.CONTROLLER)
    assert hand_in(controller(), request_id, digest, text, "controller").headers["location"].endswith("returned")
    assert "Why so long?" in Tab("callum").text(f"/request/{request_id}")


# --- what is refused, and recorded ------------------------------------------------------------------------------------


def test_somebody_else_s_signature_is_not_taken(here, request_id):
    """The Controller's own, true signature, handed in by the Board's user: everybody hands in their own."""
    digest = drawn(board(), request_id)
    text = signature(here, handed_out(board(), request_id, digest), CONTROLLER, Role.CONTROLLER)
    answer = hand_in(board(), request_id, digest, text, "controller")
    assert answer.status_code == 403
    assert f"This key signs as {CONTROLLER}, not as board" in words(answer.text)
    assert refusals(here, request_id) == [("board", "not permitted to this person")]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("other bytes", "the signature does not hold"),
        ("the other role's namespace", "the signature does not hold"),
        ("an order's namespace", "the signature does not hold"),
        ("a stranger's key", "no listed signer"),
        ("no signature at all", "no listed signer"),
        ("far too much", "no listed signer"),
    ],
)
def test_what_is_no_signature_over_this_document_is_refused(here, request_id, keys, what, reason):
    digest = drawn(board(), request_id)
    data = handed_out(board(), request_id, digest)
    text = {
        "other bytes": lambda: signature(here, data + b"\n"),
        "the other role's namespace": lambda: signature(here, data, namespace=signing.DECISION_CONTROLLER),
        "an order's namespace": lambda: signature(here, data, namespace=signing.ORDER),
        "a stranger's key": lambda: keys.sign(data, "stranger", signing.DECISION_BOARD),
        "no signature at all": lambda: EVIL,
        "far too much": lambda: "A" * 30_000,
    }[what]()
    answer = hand_in(board(), request_id, digest, text)
    assert answer.status_code == 409, words(answer.text)
    assert EVIL not in answer.text
    assert refusals(here, request_id) == [("board", reason)]
    assert stored_request(here.work, request_id).status == "submitted"


def test_a_signature_over_another_document_than_the_one_shown_is_refused(here, request_id):
    shown, other = drawn(board(), request_id), draw_up(here, request_id, "refuse", reason_code="policy")
    answer = hand_in(board(), request_id, shown, signature(here, other.canonical()))
    assert answer.status_code == 409
    assert "over another decision" in words(answer.text)
    assert refusals(here, request_id) == [("board", "the signature does not hold")]


def test_a_signature_over_an_older_version_s_document_is_refused(here, request_id, tmp_path):
    older = draw_up(here, request_id, "return")
    sign(here, older, Role.BOARD)
    submit(here, tmp_path, request_id, 2, {"days: 120": "days: 90"})
    text = signature(here, older.canonical(), CONTROLLER, Role.CONTROLLER)
    answer = hand_in(controller(), request_id, older.digest, text, "controller")
    assert (answer.status_code, "not about the newest" in words(answer.text)) == (409, True)
    assert refusals(here, request_id) == [("controller", "not possible now")]


def test_one_person_signs_once(here, request_id):
    digest = drawn(board(), request_id)
    text = signature(here, handed_out(board(), request_id, digest))
    assert hand_in(board(), request_id, digest, text).status_code == 303
    again = hand_in(board(), request_id, digest, text)
    assert (again.status_code, "signed as board already" in words(again.text)) == (409, True)
    assert refusals(here, request_id) == [("board", "not possible now")]
    assert len([e for e in here.ledger("decision.signed") if e.subject == request_id]) == 1


def test_a_late_signature_is_refused(here, request_id):
    digest = drawn(board(), request_id)
    data, form = handed_out(board(), request_id, digest), board().token(f"/decide/{request_id}")
    sign(here, draw_up(here, request_id, "return"), Role.CONTROLLER)
    fields = {"role": "board", "digest": digest, "signature": signature(here, data), "form": form}
    answer = board().send(f"/decide/{request_id}/sign", fields)
    assert (answer.status_code, "not waiting for a decision" in words(answer.text)) == (409, True)
    assert refusals(here, request_id) == [("board", "not possible now")]


def test_who_answered_a_review_does_not_sign_though_the_list_of_signers_would_let_them(here, request_id, monkeypatch):
    """Two roles in one person: the owner, who reviewed, made a Controller, with a key and a delegation."""
    parties = here.work.parties
    owner = parties.principals["asset.owner@dwp.example"]
    held = parties.principals[CONTROLLER].model_copy(update={"person": owner.person, "usernames": ("owner",)})
    both = replace(parties, principals={**parties.principals, CONTROLLER: held})
    monkeypatch.setattr("extracts.web.desk._parties", lambda *_: both)
    digest = drawn(board(), request_id)
    text = signature(here, handed_out(board(), request_id, digest), CONTROLLER, Role.CONTROLLER)
    answer = hand_in(Tab("owner"), request_id, digest, text, "controller")
    assert (answer.status_code, "answered the information asset owner review" in words(answer.text)) == (403, True)
    assert refusals(here, request_id) == [("owner", "not permitted to this person")]


@pytest.mark.parametrize("user", ["forum", "engineer", "legal", "dpo", "callum", "aileen", "nobody-declared"])
@pytest.mark.parametrize("act", ["draw-up", "sign", "offer"])
def test_nobody_but_deciders_acts_on_a_decision(here, user, act):
    """A forum member posting, an engineer, a reviewer, a requester, somebody whom parties.yaml does not name."""
    before = len(refusals(here, FIFE, "page.refused"))
    tab = Tab(user)
    answer = tab.send(f"/decide/{FIFE}/{act}", {**TERMS, "role": "board"})
    assert answer.status_code == 403
    assert tab.get(f"/decide/{FIFE}").status_code == 403
    found = refusals(here, FIFE, "page.refused")[before:]
    assert found == [(user, "holds no deciding role")] * 2


def test_whoever_is_not_signed_in_does_nothing_and_that_is_recorded_once_an_hour(here):
    tab, before = Tab(""), len(refusals(here, FIFE, "page.refused"))
    answers = [tab.send(f"/decide/{FIFE}/{act}", TERMS).status_code for act in ("draw-up", "sign", "offer")]
    assert [*answers, tab.get(f"/decide/{FIFE}").status_code] == [401] * 4
    assert refusals(here, FIFE, "page.refused")[before:] == [("nobody signed in", "not signed in")]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, "sent from elsewhere"),
        ({"Sec-Fetch-Site": "same-site"}, "sent from elsewhere"),
        ({"Sec-Fetch-Site": "none"}, "sent from elsewhere"),
        ({"Origin": "https://evil.example"}, "sent from elsewhere"),
        ({"Origin": "null"}, "sent from elsewhere"),
        ({}, "sent from elsewhere"),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, ""),
        ({"Origin": "http://testserver"}, ""),
    ],
)
def test_a_form_is_taken_from_our_own_pages_only(here, request_id, headers, reason):
    page = f"/decide/{request_id}"
    answer = board().send(f"{page}/draw-up", TERMS, page=page, headers=headers)
    assert answer.status_code == (403 if reason else 303)
    assert refusals(here, request_id, "page.refused") == ([("board", reason)] if reason else [])


@pytest.mark.parametrize("token", ["none", "another's", "made up", "too old"])
def test_a_form_needs_the_token_that_was_made_for_whoever_sends_it(here, request_id, token, monkeypatch):
    page = f"/decide/{request_id}"
    found = {"none": "", "made up": "ImJvYXJkIg.made.up", "another's": controller().token(page)}
    form = found[token] if token in found else board().token(page)
    if token == "too old":
        monkeypatch.setattr(sent_form, "MAX_AGE_S", -1)
    answer = board().send(f"{page}/draw-up", {**TERMS, "form": form})
    assert answer.status_code == 403
    assert "nothing was changed" in words(answer.text)
    assert refusals(here, request_id, "page.refused") == [("board", "without a valid token")]


def test_a_form_that_is_too_large_is_not_read(here, request_id):
    answer = board().send(f"/decide/{request_id}/sign", {"signature": "A" * 2_100_000}, page=f"/decide/{request_id}")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"outcome": "maybe"}, "outcome"),
        ({"valid_until": "31/03/2027"}, "valid_until"),
        ({"outcome": "return", "comments": "no colon here"}, "comments"),
        ({"valid_until": "2031-01-01"}, "later than the plan's end"),
        ({"reasons": " "}, "needs its reasons"),
        ({"outcome": "refuse", "refuse.benefit_cap.children": "No."}, "one by one only in an approval"),
    ],
)
def test_terms_that_do_not_fit_are_told_and_nothing_is_drawn_up(here, request_id, terms, told):
    page = f"/decide/{request_id}"
    answer = board().send(f"{page}/draw-up", {**TERMS, **terms}, page=page)
    assert answer.status_code in (400, 409, 422)
    assert told in words(answer.text)
    assert "None yet: draw one up." in board().text(page)


def test_markup_in_any_field_stays_text(here, request_id):
    more = {"reasons": EVIL, "conditions": EVIL, "refuse.benefit_cap.children": EVIL}
    digest = drawn(board(), request_id, **more)
    text = board().get(f"/decide/{request_id}?done={EVIL}").text
    assert EVIL not in text
    assert text.count("&lt;script&gt;") >= 3
    data = handed_out(board(), request_id, digest)
    assert hand_in(board(), request_id, digest, signature(here, data)).status_code == 303
    assert EVIL not in Tab("forum").get(f"/request/{request_id}").text


def test_nothing_runs_in_the_page_but_the_program_that_copies(here, request_id):
    drawn(board(), request_id)
    answer = board().get(f"/decide/{request_id}")
    policy = answer.headers["Content-Security-Policy"]
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'$", policy)
    assert "form-action 'self'" in policy
    assert len(re.findall(r"<script", answer.text)) == 1
    assert not re.search(r"<link|<img|@import|url\(|src=|\son\w+=", answer.text)


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "..%2f..%2fetc", "x"])
def test_a_document_that_is_not_there_is_not_handed_out(here, request_id, digest):
    assert board().get(f"/decision/{request_id}/{digest}").status_code == 404


def test_one_request_s_document_is_not_handed_out_as_another_s(here, request_id, tmp_path):
    digest = drawn(board(), request_id)
    assert board().get(f"/decision/{submit(here, tmp_path)}/{digest}").status_code == 404

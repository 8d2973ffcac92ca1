"""Agreements that run elsewhere on the pages: in the register, and a page for each; who may see them, and harmless."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

from extracts.local.home import DemoHome
from extracts.steps.elsewhere import correct_elsewhere, end_elsewhere
from tests.support.elsewhere import DIGEST, KEEPER, OWNER, registered
from tests.support.pages import Tab, at, words
from tests.support.world import FIFE, World, copied

EVIL = '<script>alert("QQ")</script>'
ONE, NHS, OVER, PAST, HOSTILE = (f"elsewhere-2024-{n:03}" for n in (7, 8, 9, 10, 11))


@pytest.fixture(scope="module")
def register(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One that was corrected, one for an undeclared body, one ended, one past its end, one with hostile words."""
    with copied(template_world, tmp_path_factory.mktemp("elsewhere") / "home") as world:
        registered(world, ONE, valid_until="2099-03-31", review_on="2025-01-31")
        correct_elsewhere(world.work, ONE, {"title": "Blue badges"}, f"A shorter title. {EVIL}", KEEPER)
        registered(world, NHS, recipient=None, recipient_name="NHS Fife", valid_until="2098-12-31", review_on=None)
        registered(world, OVER, title="Over")
        end_elsewhere(world.work, OVER, "It was replaced.", KEEPER)
        registered(world, PAST, title="Forgotten", valid_until="2024-12-31", review_on=None)
        hostile = {"title": EVIL, "classes": [EVIL], "recipient": None, "recipient_name": EVIL}
        registered(world, HOSTILE, **hostile, valid_until="2097-12-31", review_on=None)
        yield world


@pytest.fixture
def tab(register: World, monkeypatch: pytest.MonkeyPatch) -> Tab:
    """A member of the forum, who sees every DAG."""
    at(register, monkeypatch)
    return Tab("forum")


def shown(text: str) -> list[str]:
    return re.findall(r"/extracts/elsewhere/([^\"]+)", text)


def row_of(text: str, elsewhere_id: str) -> str:
    return words(next(r for r in re.findall(r"<tr>.*?</tr>", text, re.S) if f"/elsewhere/{elsewhere_id}" in r))


def test_the_register_has_them_below_the_requests_the_nearest_end_first(tab: Tab) -> None:
    text = tab.get("/register").text
    assert shown(text) == [PAST, HOSTILE, NHS, ONE, OVER]
    assert f"/extracts/request/{FIFE}" in text
    assert text.index(f"/extracts/request/{FIFE}") < text.index(PAST)


def test_a_line_says_in_words_that_it_runs_elsewhere_and_where_it_stands(tab: Tab) -> None:
    text = tab.get("/register").text
    one = row_of(text, ONE)
    for said in ("✓ in force", "↗ runs elsewhere", "by paper", OWNER, "31 Mar 2099", "review 31 Jan 2025", "✗ overdue"):
        assert said in one, said
    assert "Fife Council, benefit advice team" in one
    assert "Welfare Reform Act 2012, section 131" in one
    assert "✗ past its end" in row_of(text, PAST)
    assert re.search(r"– ended .* ended \d+ \w+ 20\d\d", row_of(text, OVER))


@pytest.mark.parametrize(
    ("query", "ids", "requests"),
    [
        ("recipient=fife-council", [PAST, ONE, OVER], True),
        ("recipient=NHS+Fife", [NHS], False),
        ("runs=elsewhere", [PAST, HOSTILE, NHS, ONE, OVER], False),
        ("runs=here", [], True),
        ("status=agreement+in+force", [HOSTILE, NHS, ONE], True),
        ("status=refused", [], True),
        ("words=blue+badges", [ONE], False),
        ("words=elsewhere-2024-010", [PAST], False),
        ("gateway=welfare-reform-act-2012-s131", [PAST, HOSTILE, NHS, ONE, OVER], True),
        ("dataset=benefit_cap", [], True),
        ("clock=overdue", [], False),
        ("runs=elsewhere&dataset=benefit_cap", [], False),
        ("runs=elsewhere&page=9", [PAST, HOSTILE, NHS, ONE, OVER], False),
    ],
)
def test_the_filters_reach_them_too(tab: Tab, query: str, ids: list[str], requests: bool) -> None:
    answer = tab.get(f"/register?{query}")
    assert answer.status_code == 200
    assert shown(answer.text) == ids
    assert ("/extracts/request/" in answer.text) is requests


@pytest.mark.parametrize("value", [EVIL, "' OR ''='", "\x00", "9" * 300])
def test_whatever_the_address_asks_where_it_runs_is_text_and_nothing_else(tab: Tab, value: str) -> None:
    answer = tab.get(f"/register?runs={value.replace(chr(0), '%00').replace('&', '%26')}")
    assert answer.status_code == 200
    assert EVIL not in answer.text


def test_each_has_a_page_with_all_that_is_registered_and_its_history(tab: Tab) -> None:
    text = tab.text(f"/elsewhere/{ONE}")
    for said in (
        "This agreement runs elsewhere, by paper",
        "✓ In force",
        "award of a disability benefit",
        OWNER,
        "1 April 2024 to 31 March 2099",
        "31 January 2025 ✗ overdue",
        DIGEST,
        "Title: Blue badge look-ups by letter → Blue badges",
        KEEPER,
    ):
        assert said in text, said
    assert "Its last day is past" in tab.text(f"/elsewhere/{PAST}")
    assert "ended on" in tab.text(f"/elsewhere/{OVER}")


@pytest.mark.parametrize("path", [f"/elsewhere/{HOSTILE}", f"/elsewhere/{ONE}", "/register"])
def test_hostile_words_stay_words_and_the_page_runs_nothing(tab: Tab, path: str) -> None:
    answer = tab.get(path)
    assert EVIL not in answer.text
    assert not re.search(r"<script|<link|<img|@import|url\(|src=|\son\w+=", answer.text)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [f"/elsewhere/{ONE}", "/register?runs=elsewhere"])
def test_the_page_can_be_read_by_a_screen_reader(tab: Tab, path: str) -> None:
    text = tab.get(path).text
    ranks = [int(rank) for rank in re.findall(r"<h([1-6])", text)]
    assert (ranks[0], ranks.count(1)) == (1, 1)
    assert all(after - before <= 1 for before, after in itertools.pairwise(ranks))
    for table in re.findall(r"<table.*?</table>", text, re.S):
        assert 'scope="' in table
        assert "<caption" in table


@pytest.mark.parametrize("name", ["elsewhere-2024-999", "SDDSB-2026-021", "elsewhere-2024-007%0a", "%2e%2e", "x" * 300])
def test_what_there_is_not_is_not_found(tab: Tab, name: str) -> None:
    assert tab.get(f"/elsewhere/{name}").status_code == 404


def test_pages_of_them_only_read(tab: Tab) -> None:
    assert tab.send(f"/elsewhere/{ONE}").status_code == 405


def test_nobody_sees_them_without_a_sign_in_or_without_every_dag(
    register: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(register, monkeypatch)
    for path in (f"/elsewhere/{ONE}", "/register"):
        assert Tab("").get(path).status_code == 401
        assert Tab("callum").get(path).status_code == 403, "a requester of another body"
    at(register, monkeypatch, sees=False)
    answer = Tab("forum").get(f"/elsewhere/{ONE}")
    assert (answer.status_code, "Blue badges" in answer.text) == (403, False)
    refused = [e.payload for e in register.ledger("page.refused")]
    assert {"page": "/elsewhere/{elsewhere_id}", "method": "GET"}.items() <= refused[-1].items()

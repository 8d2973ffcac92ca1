"""The agreement's page and the release sheet show where each delivery is since it left, when, and by whom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from airflow.api_fastapi.common.db.common import _get_session

from extracts.agreement.custody import Custody
from extracts.steps.custody_clocks import tick
from extracts.steps.taking_back import withdraw
from tests.journey.test_custody import acknowledged, certify, there
from tests.support.pages import Tab, at
from tests.support.world import ANALYSTS, FIFE, SCP, World, copied


@pytest.fixture(scope="module")
def lived(published_world: World, tmp_path_factory) -> Iterator[World]:
    """Fife acknowledged its delivery, the analysts destroyed theirs, and nobody collected the third."""
    folder = tmp_path_factory.mktemp("custody")
    with copied(published_world.home, folder / "home", published_world.register) as world:
        acknowledged(world, FIFE, ANALYSTS)
        certify(world, ANALYSTS)
        world.later(days=40)
        tick(world.work)
        withdraw(world.work, there(world, SCP).delivery_id, "engineer", "A column was wrong.")
        yield world


@pytest.fixture
def tab(lived: World, monkeypatch: pytest.MonkeyPatch) -> Tab:
    at(lived, monkeypatch)
    found = Tab("forum")
    found.overrides[_get_session] = lambda: SimpleNamespace(scalars=lambda _: ())
    return found


STEPS = {
    FIFE: ("○ published", "✓ acknowledged"),
    ANALYSTS: ("○ published", "✓ acknowledged", "■ destroyed"),
    SCP: ("○ published", "◷ expired", "✗ withdrawn"),
}
BY = {FIFE: "Fife Council, benefit advice team", ANALYSTS: "certificate sha256:", SCP: "engineer"}


@pytest.mark.parametrize("request_id", list(STEPS))
def test_both_pages_tell_each_step_with_its_time_and_by_whom(lived, tab, request_id):
    entry = there(lived, request_id)
    run = run_of(lived, entry.delivery_id)
    for path in (f"/agreement/extract__{request_id}", f"/outcome/extract__{request_id}/{run}"):
        text = tab.text(path)
        where = [text.rindex(step) for step in STEPS[request_id]]
        assert where == sorted(where), path
        moment = r"\d{1,2} \w+ 20\d\d, \d\d:\d\d UTC"
        assert len(re.findall(rf"[○✓◷✗■] \w+ {moment}", text)) >= len(STEPS[request_id]), path
        assert BY[request_id] in text, path
        assert "its run, started by" in text
    assert entry.state in (Custody.ACKNOWLEDGED, Custody.DESTROYED, Custody.WITHDRAWN)


def run_of(world: World, delivery_id: str) -> str:
    from extracts.record import register
    from extracts.record.transaction import reading

    with reading(world.work.register) as view:
        return register.get_delivery(view, delivery_id).run_id.split("/", 1)[1]


def test_what_is_out_says_by_when_it_is_destroyed_and_what_is_destroyed_does_not(lived, tab):
    words_ = "Every copy is to be destroyed by"
    assert words_ in tab.text(f"/agreement/extract__{FIFE}")
    assert words_ not in tab.text(f"/agreement/extract__{ANALYSTS}")
    assert "nobody acknowledged it in time" in tab.text(f"/agreement/extract__{SCP}")


def test_no_receipt_s_words_are_on_the_page_but_its_digest(lived, tab):
    text = tab.text(f"/agreement/extract__{FIFE}")
    assert re.search(r"signed receipt sha256:[0-9a-f]{12}…", text)
    assert "SSH SIGNATURE" not in text

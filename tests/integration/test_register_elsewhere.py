"""The register's agreements that run elsewhere: revisions are added and never changed, and lists find the newest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from extracts.agreement.elsewhere import elsewhere_terms
from extracts.agreement.notices import NoticeKind, notices
from extracts.errors import NotFound, Refused, TechnicalFailure, VerificationFailed
from extracts.forum.month import read_month
from extracts.record.elsewhere import (
    ElsewhereEntry,
    WantedElsewhere,
    count_elsewhere,
    elsewhere_choices,
    elsewhere_history,
    ending_elsewhere,
    get_elsewhere,
    list_elsewhere,
    save_revision,
)
from extracts.record.forum_reading import forum_facts
from extracts.record.notices import list_notices, save_notice
from tests.support.builders import the_parties
from tests.support.elsewhere import KEEPER, OWNER, values
from tests.support.register import NOON, Register, a_register, does, sees

FIFE, NHS, OVER, EVIL = (f"elsewhere-2024-{n:03}" for n in (7, 8, 9, 10))
HOSTILE = "100%_<b>'; DROP TABLE register.elsewhere; --"
SCOTLAND, WELFARE = "scotland-act-2016-s34", "welfare-reform-act-2012-s131"
TODAY = NOON.date()


def entry(elsewhere_id: str = FIFE, revision: int = 1, days: int = 0, **changes: Any) -> ElsewhereEntry:
    terms = elsewhere_terms(values(**changes), the_parties())
    return ElsewhereEntry(elsewhere_id, revision, terms, KEEPER, NOON + timedelta(days=days))


@pytest.fixture(scope="module")
def register(module_database) -> Iterator[Register]:
    """Fife's, extended once; one for a body that is not declared; one that was ended; one with a hostile title."""
    made = a_register(module_database)
    another = {"recipient": None, "recipient_name": "NHS Fife"}
    for one in (
        entry(valid_until="2026-12-31"),
        entry(revision=2, days=20, valid_until="2027-03-31", title="Blue badge look-ups, extended"),
        entry(NHS, **another, valid_until="2026-12-20", gateway=SCOTLAND),
        entry(OVER, ended_on="2025-06-30"),
        entry(EVIL, title=HOSTILE, valid_until="2029-03-31"),
    ):
        does(made, save_revision, one)
    yield made
    made.engine.dispose()


def found(register: Register, **wanted: Any) -> list[str]:
    return [line.elsewhere_id for line in sees(register, list_elsewhere, WantedElsewhere(**wanted))]


def test_the_newest_revision_counts_and_those_before_it_are_kept(register: Register) -> None:
    assert sees(register, get_elsewhere, FIFE).terms.valid_until == date(2027, 3, 31)
    assert [e.terms.valid_until.year for e in sees(register, elsewhere_history, FIFE)] == [2026, 2027]
    with pytest.raises(NotFound, match="elsewhere list"):
        sees(register, get_elsewhere, "elsewhere-2024-999")


def test_the_same_id_twice_is_refused_and_changes_nothing(register: Register) -> None:
    with pytest.raises(Refused, match=f"{FIFE} is registered already, with revision 1"):
        does(register, save_revision, entry(title="Another"))
    assert sees(register, elsewhere_history, FIFE)[0].terms.title == "Blue badge look-ups by letter"


def test_a_list_tells_the_nearest_end_first_and_what_was_ended_last(register: Register) -> None:
    assert found(register) == [NHS, FIFE, EVIL, OVER]
    assert sees(register, count_elsewhere, WantedElsewhere()) == 4
    page = sees(register, list_elsewhere, WantedElsewhere(), limit=2, offset=1)
    assert [line.elsewhere_id for line in page] == [FIFE, EVIL]
    assert page[0].classes == ("name and address", "award of a disability benefit")


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"recipient": "fife-council"}, [FIFE, EVIL, OVER]),
        ({"recipient": "NHS Fife"}, [NHS]),
        ({"gateway": SCOTLAND}, [NHS]),
        ({"owner": OWNER, "words": ("EXTENDED", "badge")}, [FIFE]),
        ({"words": ("by letter",), "recipient": "fife-council"}, [OVER]),
        ({"words": ("100%_",)}, [EVIL]),
        ({"words": ("%",), "gateway": "' OR ''='"}, []),
        ({"in_force_on": TODAY}, [NHS, FIFE, EVIL]),
        ({"in_force_on": date(2025, 6, 30)}, [NHS, FIFE, EVIL]),
        ({"in_force_on": date(2025, 6, 29)}, [NHS, FIFE, EVIL, OVER]),
        ({"in_force_on": date(2027, 4, 1)}, [EVIL]),
    ],
)
def test_lists_are_narrowed_by_the_newest_revision(register: Register, wanted: dict[str, Any], ids: list[str]) -> None:
    assert found(register, **wanted) == ids


def test_what_can_be_chosen_is_what_there_is(register: Register) -> None:
    assert sees(register, elsewhere_choices) == (("NHS Fife", "fife-council"), (SCOTLAND, WELFARE))


def test_ends_to_come_are_found_and_those_of_what_was_ended_are_not(register: Register) -> None:
    ending = sees(register, ending_elsewhere, TODAY, date(2029, 12, 31))
    assert [e.elsewhere_id for e in ending] == [NHS, FIFE, EVIL]
    assert [e.elsewhere_id for e in sees(register, ending_elsewhere, TODAY, date(2026, 12, 31))] == [NHS]


def test_no_revision_can_be_changed_or_removed_by_the_application(register: Register) -> None:
    for statement in (
        "UPDATE register.elsewhere SET recorded_by = 'x'",
        "DELETE FROM register.elsewhere",
        "TRUNCATE register.elsewhere CASCADE",
    ):
        with pytest.raises(Exception, match="permission denied"), register.engine.begin() as connection:
            connection.exec_driver_sql(statement)


def test_a_change_without_an_event_is_refused(register: Register) -> None:
    from extracts.record.transaction import unit_of_work

    with pytest.raises(Refused, match="without a ledger event"), unit_of_work(register.engine) as work:
        save_revision(work, entry(revision=3))
    assert len(sees(register, elsewhere_history, FIFE)) == 2


def test_an_edited_entry_is_refused_when_it_is_read(module_database, register: Register) -> None:
    does(register, save_revision, entry("elsewhere-2024-666", ended_on="2025-01-01"))
    module_database.execute(
        "UPDATE register.elsewhere SET document = replace(document, 'Blue', 'Red') WHERE elsewhere_id LIKE '%666'"
    )
    with pytest.raises(VerificationFailed, match="changed after it was saved"):
        sees(register, get_elsewhere, "elsewhere-2024-666")
    module_database.execute("DELETE FROM register.elsewhere WHERE elsewhere_id LIKE '%666'")


def test_the_forum_s_month_has_them_as_they_stood_at_its_end(register: Register) -> None:
    november, december = (
        {e.elsewhere_id: e for e in sees(register, forum_facts, read_month(m, NOON + timedelta(days=60))).elsewhere}
        for m in ("2026-11", "2026-12")
    )
    assert (november[FIFE].valid_until, december[FIFE].valid_until) == (date(2026, 12, 31), date(2027, 3, 31))
    october = sees(register, forum_facts, read_month("2026-10", NOON))
    assert october.elsewhere == ()


def test_a_notice_about_one_is_kept_once_and_found_by_its_id(register: Register) -> None:
    (notice,) = notices(NoticeKind.ENDS_ELSEWHERE, NHS, 1, "2026-12-20:30", ends_on="2026-12-20", days=27)
    assert [does(register, save_notice, notice, NOON) for _ in range(2)] == [True, False]
    assert [k.notice for k in sees(register, list_notices, request_id=NHS)] == [notice]


def test_a_notice_about_nothing_that_is_registered_is_refused(register: Register) -> None:
    (notice,) = notices(NoticeKind.ENDS_ELSEWHERE, NHS, 9, "2026-12-20:7", ends_on="2026-12-20", days=7)
    with pytest.raises(TechnicalFailure, match="23503"):
        does(register, save_notice, notice, NOON)

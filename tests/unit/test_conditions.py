"""The doctor's lines: whatever happens while one thing is looked at, the next one is looked at too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extracts import signing
from extracts.errors import SettingMissing, SourceUnreachable
from extracts.extraction.sources.address import check_reachable
from extracts.steps.conditions import Condition, each, look_at


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SettingMissing("X is not set.", advice="Set it."), "X is not set. Set it."),
        (PermissionError(13, "Permission denied"), "cannot be examined: Permission denied"),
        (RuntimeError("password=hunter2"), "cannot be examined (RuntimeError)"),
    ],
)
def test_what_cannot_be_examined_is_a_line_of_its_own(error: Exception, told: str) -> None:
    def fails() -> str:
        raise error

    def fails_after_one() -> Iterator[Condition]:
        yield Condition("first", True, "well")
        raise error

    assert look_at("it", fails) == Condition("it", False, told)
    assert list(each("they", fails_after_one())) == [Condition("first", True, "well"), Condition("they", False, told)]


def test_the_version_of_openssh_is_known() -> None:
    assert signing.openssh_version() >= (9, 1)


def test_an_address_at_which_nobody_answers_is_told_without_its_password() -> None:
    with pytest.raises(SourceUnreachable, match="No server answers") as caught:
        check_reachable("host=127.0.0.1 port=1 dbname=d password=hunter2")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SettingMissing, match="libpq's form"):
        check_reachable("somewhere")

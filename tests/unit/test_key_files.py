"""Key files: whatever became of one, it can be told, moved aside and replaced, and nothing is deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extracts.errors import KeyLost
from extracts.steps.keys import (
    MEMBERSHIP,
    key_ids,
    load_key,
    make_key,
    parse_key,
    read_key,
    replace_key,
    retire_key,
    retired_path,
)

OWNER = "SDDSB-2026-027"
DAMAGE = [b"", b"{}", b'{"key_id": "a", "secret": "abc"}', b"[1]", b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_as_good_as_none_and_is_moved_aside(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / f"{OWNER}.json"
    file.write_bytes(damage)
    file.chmod(0o600)
    with pytest.raises(KeyLost, match="damaged") as caught:
        load_key(tmp_path, OWNER)
    assert "extracts keys restore" in caught.value.advice
    assert "extracts keys replace" in caught.value.advice
    assert key_ids(tmp_path) == {OWNER: ""}
    new = replace_key(tmp_path, OWNER)
    assert load_key(tmp_path, OWNER).key_id == new
    (aside,) = (tmp_path / "retired").iterdir()
    assert aside.read_bytes() == damage


def test_a_key_that_others_could_read_is_retired_and_closed(tmp_path: Path) -> None:
    old = make_key(tmp_path, OWNER)
    (tmp_path / f"{OWNER}.json").chmod(0o644)
    assert replace_key(tmp_path, OWNER) != old
    assert retired_path(tmp_path, old).stat().st_mode & 0o777 == 0o600


def test_retiring_twice_is_retiring_once(tmp_path: Path) -> None:
    retire_key(tmp_path, OWNER)
    old = make_key(tmp_path, OWNER)
    retire_key(tmp_path, OWNER)
    retire_key(tmp_path, OWNER)
    assert key_ids(tmp_path) == {}
    assert read_key(retired_path(tmp_path, old))


def test_a_lost_membership_key_is_told_by_what_it_was_for(tmp_path: Path) -> None:
    with pytest.raises(KeyLost, match=r"membership is missing.*nobody can be looked up"):
        load_key(tmp_path, MEMBERSHIP)


def test_a_key_whose_id_would_lead_elsewhere_is_none() -> None:
    good = {"key_id": "a-1", "secret": "5a" * 32}
    assert parse_key(good)
    for bad in ({**good, "key_id": "../../etc"}, {**good, "secret": "5A" * 32}, {**good, "more": ""}, json, None):
        assert parse_key(bad) is None

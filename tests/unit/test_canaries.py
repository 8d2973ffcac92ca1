"""The list of values that must never leave: usable, or an error that shows none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from extracts.errors import SettingMissing
from extracts.steps.canaries import read_canaries


def a_list(folder: Path, text: bytes, mode: int = 0o600) -> Path:
    path = folder / "canaries.txt"
    path.write_bytes(text)
    path.chmod(mode)
    return path


def test_it_has_one_value_a_line(tmp_path: Path) -> None:
    assert read_canaries(a_list(tmp_path, b"QQ987654D\n\n  Zzcanary Street \n")) == ("QQ987654D", "Zzcanary Street")
    assert read_canaries(None) == ()


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (b"QQ987654D", 0o640, "can be read by others"),
        (b"\n \n", 0o600, "holds no value"),
        (b"QQ987654D\nQQ\n", 0o600, "fewer than 6 characters"),
        (b"QQ987654D\xff", 0o600, "not UTF-8"),
    ],
)
def test_one_that_cannot_be_used_is_an_error(tmp_path: Path, text: bytes, mode: int, told: str) -> None:
    with pytest.raises(SettingMissing, match=told) as refused:
        read_canaries(a_list(tmp_path, text, mode))
    assert "QQ987654D" not in str(refused.value)


def test_one_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingMissing, match="No such file"):
        read_canaries(tmp_path / "none.txt")

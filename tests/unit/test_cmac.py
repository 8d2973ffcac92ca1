"""AES-256-CMAC of a column: the standard's own examples, and the same as a library makes one by one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import example, given
from hypothesis import strategies as st

from extracts.extraction.cmac import macs

# NIST SP 800-38B, examples for AES-256.
KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
TEXT = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
EXAMPLES = {
    0: "028962f61b7bf89efc6b551f4667d983",
    16: "28a7023f452e8f82bd4bf28d8c37c35c",
    40: "aaf3d8f1de5640c232f5b169b9c911e6",
    64: "e1992190549f6ed5696a2c056c315410",
}


def one_by_one(values: list[bytes]) -> list[str]:
    found = []
    for value in values:
        made = CMAC(algorithms.AES256(KEY))
        made.update(value)
        found.append(made.finalize().hex())
    return found


def at_once(values: list[bytes], kind: pa.DataType = pa.binary()) -> list[str]:
    return [row.tobytes().hex() for row in macs(KEY, pa.array(values, kind))]


@pytest.mark.parametrize("length", EXAMPLES)
def test_the_standards_examples_come_out(length: int) -> None:
    assert at_once([TEXT[:length]]) == [EXAMPLES[length]]


@given(st.lists(st.binary(max_size=50), max_size=8))
@example([b"", b"a" * 15, b"a" * 16, b"a" * 17, b"a" * 32, b"a" * 33])
@example([b"a" * 16, b"b" * 16])
def test_a_column_gets_what_each_message_gets_alone(values: list[bytes]) -> None:
    assert at_once(values) == one_by_one(values)


def test_a_part_of_a_column_gets_its_own() -> None:
    column = pa.array(["before", "QQ123456", "two"], pa.string()).slice(1)
    assert [row.tobytes().hex() for row in macs(KEY, column)] == one_by_one([b"QQ123456", b"two"])


def test_a_null_moves_nothing() -> None:
    column = pa.array(["one", None, "two"], pa.string())
    found = [row.tobytes().hex() for row in macs(KEY, column)]
    assert [found[0], found[2]] == one_by_one([b"one", b"two"])

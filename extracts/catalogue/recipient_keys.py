"""A recipient's public keys: age or SSH, each with the uses that were declared for it, and from when until when.

One software ed25519 SSH key can log in, decrypt and sign receipts. A key in hardware or of another kind can log in and
sign, but not decrypt what age encrypted. Keys are rotated with an overlap: the old one gets a last day, and stays.

A line of a recipient's .pub file is a public key, with what is declared of it in front:

    uses=receipt,login valid-from=2026-01-01 valid-until=2026-12-31 ssh-ed25519 AAAA...

Without `uses`, it is every use that a key of this kind can serve; without days, it is valid at any time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from extracts.catalogue.forms import Day, Form
from extracts.errors import InvalidDocument, Problem

_AGE = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_SSH = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})( .*)?")
_DECRYPTING = ("ssh-ed25519", "ssh-rsa")
_DECLARED = {"uses": "uses", "valid-from": "valid_from", "valid-until": "valid_until"}


class KeyUse(StrEnum):
    """What a key may be used for."""

    DECRYPT = "decrypt"
    RECEIPT = "receipt"
    LOGIN = "login"


def _one_key(text: str) -> str:
    line = " ".join(text.split())
    if _AGE.fullmatch(line):
        return line
    match = _SSH.fullmatch(line)
    if not match:
        raise PydanticCustomError("public_key", "is no public key: expected `age1...` or `ssh-ed25519 AAAA...`")
    if not _names_its_kind(match[1], match[2]):
        raise PydanticCustomError("public_key", "is a damaged SSH public key: copy the line of the .pub file again")
    return f"{match[1]} {match[2]}"


def _names_its_kind(kind: str, blob: str) -> bool:
    try:
        data = base64.b64decode(blob, validate=True)
    except binascii.Error:
        return False
    return data[4 : 4 + int.from_bytes(data[:4], "big")] == kind.encode()


class RecipientKey(Form):
    """One public key; an SSH key's comment is dropped. `fingerprint` is `SHA256:...` or the age key itself.

    `valid_from` and `valid_until` are inclusive; without them it is valid at any time.
    """

    public_key: Annotated[str, Field(max_length=2000), AfterValidator(_one_key)]
    uses: tuple[KeyUse, ...] = Field(min_length=1)
    valid_from: Day | None = None
    valid_until: Day | None = None

    @model_validator(mode="after")
    def _can_do_what_is_declared(self) -> RecipientKey:
        impossible = [use.value for use in self.uses if use not in uses_of(self.public_key)]
        if impossible:
            raise PydanticCustomError(
                "uses", "a key of this kind cannot serve for: {uses}", {"uses": ", ".join(impossible)}
            )
        return self

    @model_validator(mode="after")
    def _days_have_an_order(self) -> RecipientKey:
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise PydanticCustomError("validity", "the last day lies before the first")
        return self

    def serves(self, use: KeyUse, on: date) -> bool:
        """Whether it was declared for this use, and counts on this day."""
        begun = self.valid_from is None or self.valid_from <= on
        return use in self.uses and begun and (self.valid_until is None or on <= self.valid_until)

    @property
    def fingerprint(self) -> str:
        """How people compare the key by telephone: what `ssh-keygen -l` prints."""
        if self.public_key.startswith("age1"):
            return self.public_key
        blob = base64.b64decode(self.public_key.split()[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def read_key(line: str, recipient: str) -> RecipientKey:
    """The key in a line of a .pub or age recipients file, with what stands in front of it. Raises InvalidDocument."""
    from pydantic import ValidationError

    words, declared = line.split(), {}
    while words and words[0].partition("=")[0] in _DECLARED:
        name, _, value = words.pop(0).partition("=")
        declared[_DECLARED[name]] = value
    key = " ".join(words)
    found: dict[str, Any] = {**declared, "public_key": key, "uses": declared.get("uses", "").split(",")}
    if not declared.get("uses"):
        found["uses"] = uses_of(key)
    try:
        return RecipientKey(**found)
    except ValidationError as error:
        told = "; ".join(e["msg"] for e in error.errors(include_input=False, include_url=False))
        message = f"a line of its file of keys cannot be used: {told}"
        allowed = ("age1...", "ssh-ed25519 AAAA...", "uses=receipt,login ssh-ed25519 AAAA...")
        raise InvalidDocument("recipients' keys", [Problem(recipient, message, allowed=allowed)]) from None


def uses_of(public_key: str) -> tuple[KeyUse, ...]:
    """Every use that a key of this kind can serve."""
    kind = public_key.strip().partition(" ")[0]
    if kind.startswith("age1"):
        return (KeyUse.DECRYPT,)
    signing = (KeyUse.RECEIPT, KeyUse.LOGIN)
    return (KeyUse.DECRYPT, *signing) if kind in _DECRYPTING else signing

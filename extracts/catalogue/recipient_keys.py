"""A recipient's public keys: age or SSH, each with the uses that were declared for it.

One software ed25519 SSH key can log in, decrypt and sign receipts. A key in hardware or of another kind can log in and
sign, but not decrypt what age encrypted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from extracts.catalogue.forms import Form
from extracts.errors import InvalidDocument, Problem

_AGE = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_SSH = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})( .*)?")
_DECRYPTING = ("ssh-ed25519", "ssh-rsa")


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
    """One public key; an SSH key's comment is dropped. `fingerprint` is `SHA256:...` or the age key itself."""

    public_key: Annotated[str, Field(max_length=2000), AfterValidator(_one_key)]
    uses: tuple[KeyUse, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_do_what_is_declared(self) -> RecipientKey:
        impossible = [use.value for use in self.uses if use not in uses_of(self.public_key)]
        if impossible:
            raise PydanticCustomError(
                "uses", "a key of this kind cannot serve for: {uses}", {"uses": ", ".join(impossible)}
            )
        return self

    @property
    def fingerprint(self) -> str:
        """How people compare the key by telephone: what `ssh-keygen -l` prints."""
        if self.public_key.startswith("age1"):
            return self.public_key
        blob = base64.b64decode(self.public_key.split()[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def read_key(line: str, recipient: str) -> RecipientKey:
    """The key in a line of a .pub or age recipients file, with every use that its kind can serve.

    Raises InvalidDocument.
    """
    from pydantic import ValidationError

    try:
        return RecipientKey(public_key=line, uses=uses_of(line))
    except ValidationError:
        problem = Problem(recipient, "is no public key", allowed=("age1...", "ssh-ed25519 AAAA..."))
        raise InvalidDocument("recipients' keys", [problem]) from None


def uses_of(public_key: str) -> tuple[KeyUse, ...]:
    """Every use that a key of this kind can serve."""
    kind = public_key.strip().partition(" ")[0]
    if kind.startswith("age1"):
        return (KeyUse.DECRYPT,)
    signing = (KeyUse.RECEIPT, KeyUse.LOGIN)
    return (KeyUse.DECRYPT, *signing) if kind in _DECRYPTING else signing

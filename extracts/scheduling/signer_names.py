"""Whose key made a signature, by the list of signers: a name to show, never a judgement.

A gate verifies with ssh-keygen, at the recorded time, in the right namespace. This only reads the key that a signature
carries (PROTOCOL.sshsig) and looks it up, because Airflow parses a thousand agreements in the time that ssh-keygen
would need for a few.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

_PREAMBLE = b"SSHSIG\x00\x00\x00\x01"


def signer_names(allowed_signers: Path) -> dict[str, str]:
    """Principal by public key (base64) of an allowed_signers file; empty if it cannot be read."""
    try:
        lines = allowed_signers.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    names: dict[str, str] = {}
    for words in (line.split() for line in lines if line.strip() and not line.startswith("#")):
        for kind, key in pairwise(words):
            if kind.startswith(("ssh-", "ecdsa-", "sk-")):
                names.setdefault(key, words[0])
    return names


def signer_of(signature: str, names: Mapping[str, str]) -> str:
    """The principal whose key is in an armoured signature; `a key that is not listed` if there is none."""
    body = "".join(line for line in signature.splitlines() if not line.startswith("-----"))
    try:
        blob = base64.b64decode(body, validate=True)
    except binascii.Error:
        return "an unreadable signature"
    if not blob.startswith(_PREAMBLE):
        return "an unreadable signature"
    start = len(_PREAMBLE) + 4
    length = int.from_bytes(blob[len(_PREAMBLE) : start], "big")
    key = base64.b64encode(blob[start : start + length]).decode()
    return names.get(key, "a key that is not in the list of signers")

"""The text form of SSH signatures: exactly one text per signature.

`ssh-keygen` reads an armoured signature leniently: text after its end, other line lengths and stray bits in the last
characters go unnoticed. A changed byte in a signature file would then verify. So the text must be what `ssh-keygen`
writes: base64 in lines of 70, of a signature whose reserved field is empty (PROTOCOL.sshsig).
"""

from __future__ import annotations

import base64
import binascii

_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
_LINE = 70
_MAGIC = b"SSHSIG\x00\x00\x00\x01"


def is_exact_armour(text: bytes) -> bool:
    """True if `text` is, byte for byte, how ssh-keygen writes the signature in it."""
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        return False
    try:
        blob = base64.b64decode(text[len(_BEGIN) : -len(_END)].replace(b"\n", b""), validate=True)
    except binascii.Error:
        return False
    return _armoured(blob) == text and _is_plain(blob)


def _armoured(blob: bytes) -> bytes:
    code = base64.b64encode(blob)
    lines = [code[i : i + _LINE] + b"\n" for i in range(0, len(code), _LINE)]
    return b"".join([_BEGIN, *lines, _END])


def _is_plain(blob: bytes) -> bool:
    """Magic and version, then public key, namespace, reserved (empty), hash algorithm, signature, and nothing more."""
    if not blob.startswith(_MAGIC):
        return False
    rest, fields = blob[len(_MAGIC) :], []
    while len(rest) >= 4:
        end = 4 + int.from_bytes(rest[:4], "big")
        if end > len(rest):
            return False
        fields.append(rest[4:end])
        rest = rest[end:]
    return not rest and len(fields) == 5 and fields[2] == b""

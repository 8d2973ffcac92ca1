"""`age --decrypt -i KEY -o OUT FILE`, for where the program is not installed: the same format, by our library."""

import sys
from pathlib import Path

from extracts.handover.decryption import decrypt_stream, read_identity

_, decrypt, i, key, o, out, encrypted = sys.argv
assert (decrypt, i, o) == ("--decrypt", "-i", "-o")
with Path(encrypted).open("rb") as source, Path(out).open("wb") as target:
    decrypt_stream(source, target, read_identity(Path(key)), encrypted)

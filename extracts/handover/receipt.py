"""The receipt: the recipient's signed statement of which delivery arrived, verified, and perhaps decrypted.

    <delivery id>.receipt.json          this document, in canonical form as the tool writes it
    <delivery id>.receipt.json.sig      its signature in `extract-receipt`, by a receipt key of the recipient

Rules:
1. It names one delivery by id, by the digest of its manifest, and by the digest of each data file as it arrived.
2. Who signed is told by the signature alone; the document says for which recipient.
3. The signature is over the bytes as they were written, so the layout is free: a receipt can be written by hand. What
   it says is strict: no unknown or repeated field, no number, only known words.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AwareDatetime, StringConstraints

from extracts.canonical import canonical_json
from extracts.errors import InvalidDocument, Problem
from extracts.handover.facts import Fact, FileFacts
from extracts.handover.statement import read_json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from extracts.handover.manifest import Manifest

FORMAT = "governed-extracts/receipt/1"
SUFFIX = ".receipt.json"
MAX_BYTES = 256 << 10
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,150}$")]
Tool = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,60}$")]
BY_HAND = "by hand"


class ReceiptResult(StrEnum):
    """How far the recipient came. `verified`: the whole chain; the files are still encrypted."""

    VERIFIED = "verified"
    DECRYPTED = "verified and decrypted"


@dataclass(frozen=True)
class ReceivedFile(Fact):
    """A data file as it arrived: `sha256` is over the encrypted bytes."""

    name: Id
    sha256: Digest


@dataclass(frozen=True)
class Receipt(Fact):
    """What the recipient says. `tool`: which version of the software verified it, or `by hand`."""

    recipient: Id
    delivery_id: Id
    manifest_digest: Digest
    files: tuple[ReceivedFile, ...]
    result: ReceiptResult
    at: AwareDatetime
    tool: Tool
    format: str = FORMAT

    def text(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json(asdict(self))


def receipt_for(manifest: Manifest, manifest_digest: str, result: ReceiptResult, at: datetime, tool: str) -> Receipt:
    """The receipt for a delivery whose manifest was believed and whose files have its digests."""
    return Receipt(
        recipient=manifest.agreement.recipient.id,
        delivery_id=manifest.delivery.id,
        manifest_digest=manifest_digest,
        files=tuple(ReceivedFile(f.name, f.sha256) for f in manifest.files),
        result=result,
        at=at,
        tool=tool,
    )


def receipt_by_hand(manifest: Manifest, document: str) -> str:
    """The shell command that writes the same document into the file `document`, in the delivery's folder.

    It holds ids and digests only, so nothing in it can be more than a word to the shell.
    """
    parts = [
        "printf '%s' '{\"at\":\"'\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"'\",' \\",
        f'    \'"delivery_id":"{manifest.delivery.id}","files":[\' \\',
        *(line for f in manifest.files for line in _file_by_hand(f, is_last=f is manifest.files[-1])),
        f'    \'],"format":"{FORMAT}",\' \\',
        '    \'"manifest_digest":"sha256:\'"$(sha256sum < manifest.json | cut -c1-64)"\'",\' \\',
        f'    \'"recipient":"{manifest.agreement.recipient.id}",\' \\',
        f'    \'"result":"{ReceiptResult.DECRYPTED}","tool":"{BY_HAND}"}}\' \\',
        f"    > {document}",
    ]
    return "\n".join(parts)


def _file_by_hand(file: FileFacts, *, is_last: bool) -> list[str]:
    end = "" if is_last else ","
    return [f'    \'{{"name":"{file.name}",\' \\', f'    \'"sha256":"{file.sha256}"}}{end}\' \\']


def read_receipt(data: bytes, source: str = "receipt") -> Receipt:
    """The receipt in `data`. Raises InvalidDocument, which repeats nothing of what was written."""
    receipt: Receipt = read_strictly(_adapter(), data, source)
    if receipt.format != FORMAT:
        raise InvalidDocument(source, [Problem("format", f"is not {FORMAT}")])
    return receipt


def read_strictly(adapter: TypeAdapter[Any], data: bytes, source: str) -> Any:
    """The value of a recipient's document. Raises InvalidDocument, which repeats nothing of what was written."""
    from pydantic import ValidationError

    if len(data) > MAX_BYTES:
        raise InvalidDocument(source, [Problem("file", f"is larger than {MAX_BYTES} bytes")])
    document = read_json(data, source)
    try:
        return adapter.validate_json(canonical_json(document))
    except ValidationError as error:
        found: list[Any] = error.errors(include_input=False, include_url=False)
        problems = [Problem(".".join(str(p) for p in e["loc"] if p in _FIELDS), e["msg"]) for e in found]
        raise InvalidDocument(source, problems) from None
    except (ValueError, TypeError):
        raise InvalidDocument(source, [Problem("file", "holds a value that no such document has")]) from None


# An unknown field's name is a stranger's text too, and is not repeated.
_FIELDS = ("recipient", "delivery_id", "manifest_digest", "files", "name", "sha256", "result", "at", "tool", "format")


@cache
def _adapter() -> TypeAdapter[Receipt]:
    from pydantic import TypeAdapter

    return TypeAdapter(Receipt)

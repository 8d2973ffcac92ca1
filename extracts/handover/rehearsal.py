"""How a rehearsal is told from a delivery, everywhere: by its names, its type, and the namespaces of its signatures.

Rules:
1. Whatever a rehearsal is called begins with `TEST-`: its id, its folder in the transfer area, its data files and its
   receipt. No request has such an id.
2. What the service and the recipient sign for it stands in the `-test` twin: manifest, index, receipt. The decision in
   it is the real one, with the real signatures: that it can be verified is part of what is rehearsed.
3. So nothing of a rehearsal verifies as a delivery, and nothing of a delivery as a rehearsal, whoever renames files.
"""

from __future__ import annotations

from extracts import signing

MARK = "TEST-"
_TWINS = (signing.MANIFEST, signing.INDEX, signing.RECEIPT)


def marked(name: str) -> str:
    """The name of a rehearsal's thing."""
    return f"{MARK}{name}"


def is_marked(name: str) -> bool:
    """Whether a name says that it is a rehearsal's."""
    return name.startswith(MARK)


def namespace(real: str, *, rehearsal: bool) -> str:
    """In which namespace something is signed, or judged."""
    return signing.test_namespace(real) if rehearsal and real in _TWINS else real

"""Names that come from documents or from a recipient, before they become part of a path."""

from __future__ import annotations

from extracts.errors import NotFound


def is_plain(name: str) -> bool:
    """True if `name` is the name of one visible entry of a folder, and nothing else."""
    return bool(name) and not name.startswith(".") and not set(name) & set("/\\\0") and len(name) <= 200


def plain(name: str) -> str:
    """The same name. Raises NotFound if it could lead elsewhere, or to what is hidden."""
    if not is_plain(name):
        raise NotFound(
            "An id with a slash, a leading dot or no characters names no folder of the drop zone.",
            advice="Give the id as `extracts deliveries list` shows it.",
        )
    return name

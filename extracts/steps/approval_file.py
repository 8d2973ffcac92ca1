"""Reads the published file of an agreement; nothing in it is believed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.agreement.published import Published, read_published
from extracts.errors import ApprovalMissing, InvalidDocument

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def load_published(work: Workplace, request_id: str) -> Published:
    """The published file of an agreement. Raises ApprovalMissing, InvalidDocument."""
    path = work.places.published / f"{request_id}.json"
    try:
        document = path.read_bytes()
    except FileNotFoundError:
        raise ApprovalMissing(
            f"{request_id} has no published agreement.",
            advice=f"It needs two signatures; see `extracts request show {request_id}`.",
        ) from None
    except OSError:
        raise ApprovalMissing(
            f"The published agreement {path.name} cannot be read.", advice="Publish it again: `extracts publish`."
        ) from None
    try:
        return read_published(document)
    except InvalidDocument as error:
        raise ApprovalMissing(
            f"The published agreement {path.name} is not one: {error.problems[0]}.",
            advice="It was edited or damaged. Publish it again: `extracts publish`.",
        ) from None

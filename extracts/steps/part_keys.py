"""The pseudonym key of what one recipient gets: where there are several, each has one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.steps.keys import PseudonymKey, key_of_part, load_key
from extracts.steps.recipients_now import part_name

if TYPE_CHECKING:
    from extracts.steps.approval import Approved
    from extracts.steps.workplace import Workplace


def pseudonym_key(work: Workplace, approved: Approved) -> PseudonymKey | None:
    """The key of a part's pseudonyms, if it has any: the agreement's, or one recipient's own. Raises KeyLost."""
    treatments = {c.treatment_name for d in approved.plan.datasets for c in d.columns}
    if "pseudonymise" not in treatments:
        return None
    return key_of_part(load_key(work.places.keys, approved.plan.request_id), part_name(approved))

"""What an agreement's role and views are called in the source; one rule, so that run, script and tests agree.

Rules:
1. A request id becomes a slug of lower-case letters, digits and underscores: safe to write without quotes.
2. PostgreSQL cuts names at 63 bytes without an error. Longer ones are shortened here, ending in a digest, so that two
   agreements can never share a view.
"""

from __future__ import annotations

import hashlib
import re

from extracts.errors import UsageError

SCHEMA = "extract_views"
MEMBERSHIP_ROLE = "extract_membership"
_MOST_BYTES = 63


def slug(request_id: str) -> str:
    """`SDDSB-2026-014` -> `sddsb_2026_014`. Raises UsageError for an id without letters or digits."""
    found = re.sub(r"[^a-z0-9]+", "_", request_id.lower()).strip("_")
    if not found or not request_id.isascii():
        raise UsageError("This request id cannot name a database role.", advice="Use letters, digits and hyphens.")
    return found


def role_name(request_id: str) -> str:
    """The login role that may read this agreement's views and nothing else."""
    return _cut(f"extract_{slug(request_id)}")


def data_view(request_id: str, dataset: str) -> str:
    """Approved columns and rows, as `schema.name`."""
    return _view(request_id, dataset, "")


def counts_view(request_id: str, dataset: str) -> str:
    """The funnel's counts, nothing else."""
    return _view(request_id, dataset, "counts")


def holds_view(request_id: str) -> str:
    """Whom holds reach in this agreement; for the membership role alone."""
    return f"{SCHEMA}.{_cut(slug(request_id) + '__holds')}"


def left_out_view(request_id: str, dataset: str) -> str:
    """Who was left out and why; for the membership role alone."""
    return _view(request_id, dataset, "left_out")


def stamps_view(request_id: str) -> str:
    """When the tables behind this agreement were last loaded."""
    return f"{SCHEMA}.{_cut(slug(request_id) + '__stamps')}"


def agreement_view(request_id: str, *what: str) -> str:
    """A view of another kind, for a source that has views of its own."""
    return f"{SCHEMA}.{_cut('__'.join((slug(request_id), *what)))}"


def _view(request_id: str, dataset: str, what: str) -> str:
    parts = [slug(request_id), dataset, what] if what else [slug(request_id), dataset]
    return f"{SCHEMA}.{_cut('__'.join(parts))}"


def _cut(name: str) -> str:
    if len(name) <= _MOST_BYTES:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _MOST_BYTES - 13]}_{mark}"

"""Plans for several recipients, and what one reading of a small source gives each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from extracts.agreement.parts import part_of
from extracts.agreement.plan import Division, ExtractPlan, Share, Unassigned
from extracts.extraction.engine import Keys, Part
from extracts.extraction.values import Drawn
from tests.support.small_source import KEYS, SmallSource


def divided(
    plan: ExtractPlan, shares: Mapping[str, tuple[str, ...]], unassigned: Unassigned = Unassigned.LEAVE_OUT
) -> ExtractPlan:
    """The same plan for several recipients, by council."""
    made = tuple(Share(recipient, tuple(sorted(values))) for recipient, values in sorted(shares.items()))
    return replace(plan, recipient="", division=Division("council_code", made, unassigned))


def draw(
    source: SmallSource,
    plan: ExtractPlan,
    folder: Path,
    only: tuple[str, ...] = (),
    keys: Mapping[str, Keys] = MappingProxyType({}),
    entered: Any = None,
    **changes: Any,
) -> Drawn:
    """What one reading gives each recipient, or those of `only`. `entered`: another source than the small one."""
    parts = []
    for recipient in only or plan.recipients:
        staging = folder / recipient
        staging.mkdir(mode=0o700)
        parts.append(Part(part_of(plan, recipient), staging, keys.get(recipient, KEYS)))
    there = entered or source.agree(plan, folder / "passfile")
    return source.draw(plan, tuple(parts), folder, None, there, **changes)

"""What each task of a run asks, in English: shown on the task's page and beside its result."""

from __future__ import annotations

from collections.abc import Mapping

from extracts.steps.run import OUTCOME

QUESTIONS: Mapping[str, str] = {
    "check_approval": "Is there an approval in force for exactly this plan: both signatures, dates, no suspension or "
    "revocation? May whoever started this run do so? Is anything due?",
    "check_source": "Is the source what was approved: the view, its columns, the rights of the role that reads? Is it "
    "fresh enough, and is the hold list fresh and complete?",
    "build_extract": "Draws the approved columns and rows in one snapshot, leaves out who must be left out, and treats "
    "each column as planned.",
    "validate_extract": "Opens the finished file as a stranger would: exactly the approved columns, nothing hidden, no "
    "identifier that should not be there, plausible numbers. Writes the quality report.",
    "sign_manifest": "Encrypts the files to the recipient and signs a manifest that says what they are.",
    "release": "Asks again whether the approval stands, the source is as approved, and nobody was put on hold since; "
    "then the recipient can see the delivery.",
    OUTCOME: "Says how the run ended and why, and removes everything that was kept while it ran.",
}

"""README.txt: what a recipient must know without asking: how to verify, open and acknowledge, what is forbidden.

Of a rehearsal it says first that it is one; its commands name the namespaces of rehearsals.
"""

from __future__ import annotations

import shlex
import textwrap
from datetime import datetime

from extracts.handover.manifest import Manifest
from extracts.handover.readme_making import making_lines
from extracts.handover.receipt import SUFFIX, receipt_by_hand
from extracts.handover.rehearsal import namespace
from extracts.signing import DECISION_BOARD, DECISION_CONTROLLER, MANIFEST, RECEIPT

_WIDTH = 100


def readme_text(manifest: Manifest) -> str:
    """The text of README.txt."""
    making = "\n".join([*_heading("5. HOW IT WAS MADE"), *making_lines(manifest), ""])
    parts = (_what(manifest), _verify(manifest), _open(manifest), _acknowledge(manifest), _forbidden(manifest), making)
    return "\n".join(parts)


def about_text(manifest: Manifest) -> str:
    """What a delivery is, until when it may be kept, and what is forbidden: what `extracts collect` prints."""
    return "\n".join((_what(manifest), _forbidden(manifest, "WHAT YOU MUST AND MUST NOT DO")))


def _what(manifest: Manifest) -> str:
    delivery, agreement = manifest.delivery, manifest.agreement
    title = f"{'TEST: REHEARSAL' if manifest.is_rehearsal else 'DELIVERY'} {delivery.id}"
    lines = [title, "=" * len(title), "", *_wrapped(agreement.title), ""]
    if manifest.is_rehearsal:
        lines += [*_wrapped(_REHEARSAL), ""]
    facts = {
        "For": agreement.recipient.name,
        "From": ", ".join(c.name for c in agreement.controllers if c.id != agreement.recipient.id),
        "Purpose": agreement.purpose,
        "Power": agreement.gateway_title,
        "Period": f"{delivery.period} ({delivery.period_first} to {delivery.period_last})",
        "Data as at": f"{delivery.data_as_at:%Y-%m-%d %H:%M} UTC",
        "Marking": manifest.handling.classification,
        "Destroy by": "any time: nothing in it is about anybody"
        if manifest.is_rehearsal
        else f"{manifest.handling.destroy_by} (every copy)",
        "Contact": manifest.handling.contact,
        "Checked": _checked(manifest),
    }
    if delivery.supersedes:
        facts["Replaces"] = f"{delivery.supersedes}: {delivery.reason}. Destroy that one; do not use it."
    for name, value in facts.items():
        lines += _wrapped(value, f"{name + ':':<12}")
    lines += ["", "Files:"]
    for file in manifest.files:
        columns = ", ".join(c.name for c in file.columns)
        lines += _wrapped(f"{file.rows} rows, {len(file.columns)} columns: {columns}", f"  {file.name}: ", "    ")
    contracts = ", ".join(manifest.contracts.values())
    lines += _wrapped("what each column means (Open Data Contract Standard)", f"  {contracts}: ", "    ")
    lines += _wrapped(
        "what was approved, by whom, and the plan that they approved", "  decision.json, plan.json: ", "    "
    )
    lines += _wrapped("everything about this delivery, signed", "  manifest.json: ", "    ")
    return "\n".join([*lines, ""])


_REHEARSAL = (
    "This is a TEST. Every row is made up; no row of the source was read. It has the columns and types that the "
    "agreement's deliveries will have, it was signed and encrypted as they will be, and it counts as none. Collect, "
    "verify, open and acknowledge it as you will do with them: only then does the first delivery come."
)


def _checked(manifest: Manifest) -> str:
    checks = [c for report in manifest.reports for c in report.checks]
    made = sum(c.passed for c in checks)
    beside = f"; {len(checks) - made} do not concern this delivery, and it says why" if made < len(checks) else ""
    return f"before it left, {made} checks were made and passed{beside} (manifest.json)"


def _verify(manifest: Manifest) -> str:
    agreement = manifest.agreement
    return "\n".join(
        [
            *_heading("1. VERIFY, BEFORE YOU OPEN ANYTHING"),
            *_wrapped(
                "You need the file `allowed_signers` that the controller gave you when the agreement was set up, by "
                "another way than this one. Never use a copy that came with a delivery."
            ),
            "",
            "With the software that the controller gave you (by that other way too), everything at once:",
            "",
            f"    extracts verify . --signers allowed_signers{' --rehearsal' if manifest.is_rehearsal else ''}",
            "",
            "By hand, in this folder:",
            "",
            "    sha256sum -c SHA256SUMS",
            *_by_hand(
                namespace(MANIFEST, rehearsal=manifest.is_rehearsal),
                manifest.signer,
                "manifest.json.sig",
                "manifest.json",
                manifest.delivery.made_at,
            ),
            *_by_hand(
                DECISION_BOARD,
                agreement.board.principal,
                "decision.board.sig",
                "decision.json",
                agreement.board.recorded_at,
            ),
            *_by_hand(
                DECISION_CONTROLLER,
                agreement.controller.principal,
                "decision.controller.sig",
                "decision.json",
                agreement.controller.recorded_at,
            ),
            "",
            *_wrapped(
                "Each must answer `Good`. Then compare: `plan_digest` in decision.json is the SHA-256 of plan.json, "
                "and manifest.json names the SHA-256 of every file here except itself, its signature and "
                "SHA256SUMS. If anything differs, open nothing and tell the contact above."
            ),
            "",
        ]
    )


def _by_hand(namespace: str, principal: str, signature: str, document: str, at: datetime) -> list[str]:
    return [
        f"    ssh-keygen -Y verify -f allowed_signers -I {shlex.quote(principal)} -n {namespace} \\",
        f"        -Overify-time={at:%Y%m%d%H%M%S}Z -s {signature} < {document}",
    ]


def _open(manifest: Manifest) -> str:
    lines = [*_heading("2. OPEN"), "The files are encrypted to:", ""]
    lines += [f"    {key}" for key in manifest.encrypted_to]
    lines += ["", "With the private key of any of these (age-encryption.org):", ""]
    lines += [f"    age --decrypt -i YOUR_KEY -o {f.clear_name} {f.name}" for f in manifest.files]
    lines += ["", "The clear file must have this SHA-256:", ""]
    lines += [f"    {f.clear_sha256.removeprefix('sha256:')}  {f.clear_name}" for f in manifest.files]
    return "\n".join([*lines, ""])


def _acknowledge(manifest: Manifest) -> str:
    receipt = f"{manifest.delivery.id}{SUFFIX}"
    written = [f"    {line}" for line in receipt_by_hand(manifest, f"../{receipt}").splitlines()]
    return "\n".join(
        [
            *_heading("3. ACKNOWLEDGE"),
            *_wrapped(
                f"{_UNACKNOWLEDGED[manifest.is_rehearsal]} With the software, `extracts collect` writes the "
                "receipt, signs it and puts it into your inbox. By hand, once all of the above is done, in this folder:"
            ),
            "",
            *written,
            f"    ssh-keygen -Y sign -f YOUR_SIGNING_KEY -n {namespace(RECEIPT, rehearsal=manifest.is_rehearsal)} "
            f"../{receipt}",
            "",
            *_wrapped(
                f"Then put both files, {receipt} first and {receipt}.sig after it, into the folder `inbox` of your "
                "transfer area. If something is wrong with the receipt, the contact's mail says what."
            ),
            "",
        ]
    )


_UNACKNOWLEDGED = {
    False: "A delivery that nobody acknowledges is taken back.",
    True: "No delivery comes before the rehearsal is acknowledged.",
}


def _forbidden(manifest: Manifest, title: str = "4. WHAT YOU MUST AND MUST NOT DO") -> str:
    handling = manifest.handling
    rules = [
        f"Use the data only for this purpose: {manifest.agreement.purpose}",
        handling.onward_sharing,
        "Do not try to find out who a pseudonym stands for, and do not join two deliveries of different agreements."
        if manifest.agreement.identifiability == "pseudonymised"
        else "Do not join the data with other data beyond that purpose.",
        _destroy(manifest),
        "Tell the contact above at once if the data are lost, seen by others or found to be wrong.",
        *handling.special_conditions,
        *handling.conditions,
    ]
    lines = _heading(title)
    for rule in rules:
        lines += _wrapped(rule, "  - ", "    ")
    if handling.warning:
        lines += ["", *_wrapped(handling.warning, "WARNING: ")]
    return "\n".join([*lines, ""])


def _destroy(manifest: Manifest) -> str:
    if manifest.is_rehearsal:
        return "Delete this rehearsal when you like; no certificate is asked for. Of deliveries it will be."
    by = manifest.handling.destroy_by
    return f"Destroy every copy, backups included, by {by}, and certify it: `extracts attest-destroyed`."


def _heading(text: str) -> list[str]:
    return [text, "-" * len(text), ""]


def _wrapped(text: str, first: str = "", then: str | None = None) -> list[str]:
    indent = " " * len(first) if then is None else then
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)

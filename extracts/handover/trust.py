"""The rules by which a delivery is believed, without any reading or writing: the caller reads, this judges.

In this order; each rule stands on those before it:
1. `manifest.json` is signed in `extract-manifest` by a key that the verifier's own `allowed_signers` lists, judged at
   the time it states; that time is not in the future. Its signature file is exactly as ssh-keygen writes it.
2. The manifest is in its one form, complete, and contradicts itself nowhere. It is a rehearsal's where one is judged,
   and a delivery's where one is.
3. The folder holds exactly the files that it names, itself, its signature and SHA256SUMS.
4. Every file has the digest that the manifest gives; SHA256SUMS says the same, byte for byte.
5. `decision.json` is the decision that the manifest names: an approval of this request, in force when the manifest
   was made; it binds `plan.json` by digest.
6. Board and Controller signed that decision, each in their namespace, judged at the times that the ledger recorded:
   two people and two keys, none of them the service that signed the manifest.
7. What the plan allows is what the manifest says was delivered: recipient, power, purpose, columns, treatments, limits.

Where rule 1 or 2 fails nothing else can be believed; SHA256SUMS then only helps to find the changed file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from extracts.agreement.decision import Decision, decision_from_document
from extracts.agreement.plan import ExtractPlan, plan_from_document
from extracts.canonical import digest_bytes
from extracts.errors import InvalidDocument, SignatureInvalid
from extracts.handover.agreeing import decision_problems, plan_problems
from extracts.handover.armour import is_exact_armour
from extracts.handover.delivery import checksums_text
from extracts.handover.facts import RecordedSignature
from extracts.handover.findings import Finding, checked, failed
from extracts.handover.manifest import (
    BOARD_SIGNATURE,
    CHECKSUMS,
    CLOCKS_DIFFER_BY,
    CONTROLLER_SIGNATURE,
    DECISION,
    MANIFEST,
    MANIFEST_SIGNATURE,
    PLAN,
    Manifest,
    read_manifest,
)
from extracts.handover.reading import Contents, shown
from extracts.handover.statement import read_json
from extracts.signing import DECISION_BOARD, DECISION_CONTROLLER, Signature
from extracts.signing import MANIFEST as MANIFEST_NAMESPACE

# judge(data, armoured signature, namespace, at) -> who signed; raises SignatureInvalid
Judge = Callable[[bytes, str, str, datetime], Signature]


class DeliveryRules:
    """Judges one delivery. `findings` grow rule by rule; `manifest` and `plan` are set once they can be believed."""

    def __init__(self, contents: Contents, judge: Judge, now: datetime, *, rehearsal: bool = False) -> None:
        self.contents = contents
        self.rehearsal = rehearsal
        self.judge = judge
        self.now = now
        self.findings: list[Finding] = []
        self.manifest: Manifest | None = None
        self.subjects: dict[str, str] = {}
        self.plan: ExtractPlan | None = None
        self._service: Signature | None = None

    def apply(self) -> None:
        """All rules, in order."""
        if not self._manifest_is_signed():
            self.findings += [*self._odd_entries(), *self._changed_by_checksums()]
            return
        assert self.manifest is not None
        self._files_are_these(self.manifest)
        self._files_have_these_bytes(self.manifest)
        decision = self._decision_is_named(self.manifest)
        if decision is None:
            return
        self._two_people_signed(self.manifest)
        plan = self._plan_is_bound(self.manifest, decision)
        if plan is not None:
            self._plan_allows(self.manifest, plan)

    # --- rules 1 and 2 ----------------------------------------------------------------------------------------------

    def _manifest_is_signed(self) -> bool:
        data, signature = self._document(MANIFEST), self._document(MANIFEST_SIGNATURE)
        if data is None or signature is None:
            return False
        exact = is_exact_armour(signature)
        if not exact:
            self._fail(MANIFEST_SIGNATURE, "was changed: it is not as ssh-keygen writes this signature")
        try:
            manifest, subjects = read_manifest(data)
            if manifest.is_rehearsal is not self.rehearsal:
                return self._fail(MANIFEST, _OTHER[self.rehearsal])
            at = manifest.delivery.made_at
            self._service = self.judge(data, _text(signature), MANIFEST_NAMESPACE, at)
        except SignatureInvalid as error:
            return exact and self._fail(self._changed_of_the_two(), error.message)
        except InvalidDocument as error:
            return self._fail(MANIFEST, f"cannot be believed: {error.message}")
        if at > self.now + CLOCKS_DIFFER_BY:
            return self._fail(MANIFEST, f"says that it was made in the future ({at:%Y-%m-%d %H:%M} UTC)")
        if self._service.principal != manifest.signer:
            return self._fail(MANIFEST, f"is signed by {self._service.principal}, but names {manifest.signer}")
        self.manifest, self.subjects = manifest, subjects
        when = f"{at:%Y-%m-%d %H:%M} UTC"
        self._pass(f"is signed by {_who(self._service)} as {self._service.namespace}, judged at {when}", MANIFEST)
        if manifest.is_rehearsal:
            self._pass("is a rehearsal's: every row is made up, and it counts as no delivery", MANIFEST)
        return True

    def _changed_of_the_two(self) -> str:
        """Of manifest and signature, which do not fit each other, the one that SHA256SUMS says was changed."""
        changed = {f.file for f in self._changed_by_checksums()}
        return MANIFEST_SIGNATURE if MANIFEST_SIGNATURE in changed and MANIFEST not in changed else MANIFEST

    def _changed_by_checksums(self) -> Iterator[Finding]:
        """Which files differ from SHA256SUMS; that file is not signed, so it only helps to find a damage."""
        found = {n: d for n, d in self.contents.digests.items() if n != CHECKSUMS}
        listed = _checksums(self.contents.documents.get(CHECKSUMS, b""))
        for name in sorted(found.keys() | listed.keys()):
            if name not in found:
                yield failed("is listed in SHA256SUMS, but is not there", shown(name))
            elif listed.get(name) != found[name]:
                yield failed("does not have the digest that SHA256SUMS lists", shown(name))

    # --- rules 3 and 4 ----------------------------------------------------------------------------------------------

    def _odd_entries(self) -> Iterator[Finding]:
        for name, why in sorted(self.contents.odd.items()):
            yield failed(why, shown(name))

    def _files_are_these(self, manifest: Manifest) -> None:
        wanted, found = set(manifest.expected_names), set(self.contents.digests)
        problems = list(self._odd_entries())
        problems += [failed("is missing", n) for n in sorted(wanted - found - set(self.contents.odd))]
        problems += [failed("does not belong to this delivery", shown(n)) for n in sorted(found - wanted)]
        self.findings += problems or [
            checked(f"The folder holds exactly the {len(wanted)} files of the delivery and nothing else.")
        ]

    def _files_have_these_bytes(self, manifest: Manifest) -> None:
        found = self.contents.digests
        changed = [n for n, d in sorted(self.subjects.items()) if n in found and found[n] != d]
        self.findings += [failed("was changed: its SHA-256 is not the one that was signed", n) for n in changed]
        expected = {**self.subjects, **{n: found[n] for n in (MANIFEST, MANIFEST_SIGNATURE)}}
        if CHECKSUMS in found and found[CHECKSUMS] != digest_bytes(checksums_text(expected)):
            self._fail(CHECKSUMS, "was changed: it does not list the digests that were signed")
        elif not changed:
            self._pass(f"Every byte of {len(self.subjects)} files, and SHA256SUMS, is as it was signed (SHA-256).")

    # --- rules 5 and 6 ----------------------------------------------------------------------------------------------

    def _decision_is_named(self, manifest: Manifest) -> Decision | None:
        data = self._unchanged(DECISION)
        if data is None:
            return None
        try:
            decision = decision_from_document(read_json(data, DECISION))
            same = decision.canonical() == data
        except (InvalidDocument, ValueError) as error:
            self._fail(DECISION, f"cannot be read: {error}")
            return None
        problems = list(decision_problems(manifest, decision))
        if not same:
            problems.append("is not in the one form that is signed, or from a newer version than this software")
        for problem in problems:
            self._fail(DECISION, problem)
        if problems:
            return None
        self._pass(
            f"approves {decision.request_id}, version {decision.request_version} ({decision.outcome.value}), "
            f"valid {decision.valid_from} to {decision.valid_until}",
            DECISION,
        )
        return decision

    def _two_people_signed(self, manifest: Manifest) -> None:
        agreement = manifest.agreement
        board = self._decider(BOARD_SIGNATURE, DECISION_BOARD, agreement.board, manifest)
        controller = self._decider(CONTROLLER_SIGNATURE, DECISION_CONTROLLER, agreement.controller, manifest)
        if board is None or controller is None or self._service is None:
            return
        signers = (board, controller, self._service)
        if len({s.principal for s in signers}) < 3 or len({s.key_fingerprint for s in signers}) < 3:
            self._fail(
                DECISION, "Board, Controller and service must be three signers with three keys; two are the same"
            )
        else:
            self._pass("Board and Controller are two people with two keys, neither of them the service's.", DECISION)

    def _decider(self, file: str, namespace: str, recorded: RecordedSignature, manifest: Manifest) -> Signature | None:
        decision, signature = self._unchanged(DECISION), self._unchanged(file)
        if decision is None or signature is None:
            return None
        if recorded.recorded_at > manifest.delivery.made_at + CLOCKS_DIFFER_BY:
            self._fail(file, "was recorded after the manifest was made")
            return None
        try:
            found = self.judge(decision, _text(signature), namespace, recorded.recorded_at)
        except SignatureInvalid as error:
            self._fail(file, error.message)
            return None
        if (found.principal, found.key_fingerprint) != (recorded.principal, recorded.key):
            self._fail(file, f"is by {_who(found)}, but the manifest names {recorded.principal} ({recorded.key})")
            return None
        at = f"{recorded.recorded_at:%Y-%m-%d %H:%M} UTC"
        self._pass(f"decision.json is signed by {_who(found)} as {namespace}, judged at {at}", file)
        return found

    def _plan_is_bound(self, manifest: Manifest, decision: Decision) -> ExtractPlan | None:
        data = self._unchanged(PLAN)
        if data is None:
            return None
        if digest_bytes(data) != decision.plan_digest:
            self._fail(PLAN, f"is not the plan that was approved: the decision binds {decision.plan_digest}")
            return None
        try:
            plan = plan_from_document(read_json(data, PLAN))
        except InvalidDocument as error:
            self._fail(PLAN, f"cannot be read: {error.message}")
            return None
        if plan.canonical() != data:
            self._fail(PLAN, "says more than this version of the software understands; use a newer one")
            return None
        self._pass("is the plan that the decision binds, byte for byte", PLAN)
        return plan

    # --- rule 7 -----------------------------------------------------------------------------------------------------

    def _plan_allows(self, manifest: Manifest, plan: ExtractPlan) -> None:
        problems = list(plan_problems(manifest, plan))
        for problem in problems:
            self._fail(MANIFEST, f"does not follow the approved plan: {problem}")
        if not problems:
            self.plan = plan
            columns = sum(len(f.columns) for f in manifest.files)
            self._pass(
                f"Recipient, power, purpose, limits and all {columns} columns with their treatments "
                "are those of the approved plan.",
            )

    # --- how --------------------------------------------------------------------------------------------------------

    def _document(self, name: str) -> bytes | None:
        data = self.contents.documents.get(name)
        if data is None:
            self._fail(name, "is missing or too large")
        return data

    def _unchanged(self, name: str) -> bytes | None:
        # Missing and changed files were reported by rules 3 and 4.
        data = self.contents.documents.get(name)
        return data if data is not None and digest_bytes(data) == self.subjects.get(name) else None

    def _pass(self, what: str, file: str = "") -> None:
        self.findings.append(checked(what, file))

    def _fail(self, file: str, what: str) -> bool:
        self.findings.append(failed(what, file))
        return False


_OTHER = {
    False: "is a rehearsal's: verify it as one (--rehearsal); it never counts as a delivery",
    True: "is a delivery's, and no rehearsal's: verify it without --rehearsal",
}


def _checksums(text: bytes) -> dict[str, str]:
    lines = text.decode(errors="replace").splitlines()
    return {name: f"sha256:{digest}" for digest, _, name in (line.partition("  ") for line in lines)}


def _text(signature: bytes) -> str:
    # What is not ASCII is no armour; the replacement makes ssh-keygen say so.
    return signature.decode("ascii", errors="replace")


def _who(signature: Signature) -> str:
    return f"{signature.principal} ({signature.key_fingerprint})"

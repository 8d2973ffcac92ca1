"""Gathers what a manifest says from what the run found: a translation, with no decision in it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts import __version__
from extracts.canonical import digest, digest_file
from extracts.catalogue.contract import Dataset
from extracts.handover import facts
from extracts.handover.encryption import Encrypted
from extracts.handover.manifest import Manifest

if TYPE_CHECKING:
    from extracts.agreement.plan import ExtractPlan, PlannedDataset
    from extracts.agreement.policy import Policy
    from extracts.extraction.values import CheckResult, Extract, ExtractFile, Report, SourceCheck
    from extracts.steps.approval import Approved

_PROJECT = Path(__file__).resolve().parents[2]


def agreement_facts(approved: Approved, policy: Policy) -> facts.AgreementFacts:
    """What the manifest says about the agreement, from the published documents. `policy`: the one now in force."""
    plan, decision, request = approved.plan, approved.decision, approved.request
    assessed = approved.published.assessment
    basis = request["lawful_basis"]
    return facts.AgreementFacts(
        id=plan.request_id,
        title=request["title"],
        request_version=decision.request_version,
        request_digest=decision.request_digest,
        assessment_digest=decision.assessment_digest,
        policy_version=decision.policy_version,
        decision_digest=decision.digest,
        plan_digest=approved.signed_plan.digest,
        board=_recorded(approved.board, approved.board_recorded_at),
        controller=_recorded(approved.controller, approved.controller_recorded_at),
        gateway=plan.gateway,
        gateway_title=request["gateway"]["title"],
        lawful_basis=facts.LawfulBasis(basis["article_6"], basis.get("article_9") or "", basis.get("schedule_1") or ""),
        purpose_code=plan.purpose_code,
        purpose=request["purpose"],
        controllers=tuple(facts.Party(c["id"], c["name"], c["role"]) for c in request["controllers"]),
        recipient=facts.Party(request["recipient"]["id"], request["recipient"]["name"], "recipient"),
        identifiability=plan.identifiability,
        criticality=plan.criticality,
        valid_from=decision.valid_from or plan.start_on,
        valid_until=decision.valid_until or plan.end_on,
        review_on=decision.review_on or plan.review_on,
        policy_digest=assessed.digests["policy"] if assessed else "",
        policy_in_force_digest=policy.digest,
    )


def file_facts(file: ExtractFile, sealed: Encrypted, planned: PlannedDataset, dataset: Dataset) -> facts.FileFacts:
    """One data file: clear as it was inspected, encrypted as it is delivered."""
    return facts.FileFacts(
        dataset=file.dataset,
        name=sealed.path.name,
        sha256=sealed.sha256,
        bytes=sealed.bytes,
        clear_name=file.path.name,
        clear_sha256=file.sha256,
        clear_bytes=file.bytes,
        rows=file.rows,
        people=file.people,
        schema_digest=file.schema_digest,
        contract_version=dataset.version,
        contract_digest=dataset.contract_digest,
        columns=tuple(
            facts.ColumnFacts(c.name, c.delivered_type, c.source, c.treatment, c.parameters, c.classification)
            for c in planned.columns
        ),
    )


def source_facts(extract: Extract, source: SourceCheck, dataset: Dataset) -> facts.SourceFacts:
    """Where a dataset's rows came from, at which moment, and who enforced minimisation."""
    snapshot = extract.snapshot
    return facts.SourceFacts(
        dataset=source.dataset,
        system=dataset.system,
        relation=dataset.relation,
        system_identifier=snapshot.system_identifier,
        server_version=snapshot.server_version,
        snapshot=snapshot.visible,
        log_position=snapshot.log_position,
        loaded_at=source.loaded_at,
        age_minutes=max(0, int((snapshot.at - source.loaded_at).total_seconds() // 60)),
        enforced_by=source.enforced_by,
        hold_list_loaded_at=source.hold_list_loaded_at,
        hold_list_entries=source.hold_list_entries,
        curated_view_digest=dataset.view_digest,  # what was deployed was proved to be this definition
        agreement_view_digest=source.agreement_view_digest,
    )


def reconciliation(files: Iterable[ExtractFile]) -> tuple[facts.Reconciliation, ...]:
    """The funnel of every file."""
    return tuple(
        facts.Reconciliation(
            f.dataset, f.funnel.source, f.funnel.filtered, f.funnel.held, f.funnel.withheld, f.funnel.delivered
        )
        for f in files
    )


def report_facts(reports: Iterable[Report]) -> tuple[facts.ReportFacts, ...]:
    """Every check of every report, in counts; of one that does not apply it says why, and not that it passed."""
    return tuple(facts.ReportFacts(r.title, r.suite, tuple(_check_facts(c) for c in r.checks)) for r in reports)


def _check_facts(check: CheckResult) -> facts.CheckFacts:
    passed = check.passed and not check.not_applicable and not check.not_checked
    return facts.CheckFacts(check.name, check.target, passed, check.detail, check.not_applicable)


def disclosure(plan: ExtractPlan, files: Iterable[ExtractFile]) -> tuple[facts.Disclosure, ...]:
    """How small groups are protected, per dataset; k is 0 where the plan names no quasi-identifiers."""
    planned = {d.dataset: d for d in plan.datasets}
    return tuple(
        facts.Disclosure(
            f.dataset,
            plan.limits.k if f.smallest_group is not None else 0,
            plan.limits.small_cells,
            plan.limits.max_withheld_percent,
            planned[f.dataset].quasi_identifiers,
            f.smallest_group,
        )
        for f in files
    )


def handling(approved: Approved, made_on: date) -> facts.Handling:
    """What the recipient must, may and may not do."""
    request, plan = approved.request, approved.plan
    return facts.Handling(
        classification="OFFICIAL-SENSITIVE (personal data)",
        retention_days=plan.retention_days,
        destroy_by=made_on + timedelta(days=plan.retention_days),
        contact=request["contact"],
        onward_sharing=request["onward_sharing"],
        warning=request["gateway"].get("warning") or "",
        conditions=approved.decision.conditions,
        special_conditions=tuple(request["special_conditions"]),
    )


def made_by(dag: str, run: str, try_number: int, image_digest: str) -> facts.MadeBy:
    """Which software, in which run."""
    lock = _PROJECT / "requirements" / "lock.txt"
    return facts.MadeBy(
        version=__version__,
        commit=_commit(),
        lock_digest=digest_file(lock) if lock.is_file() else "",
        image_digest=image_digest,
        dag=dag,
        run=run,
        try_number=try_number,
        code_digest=_code_digest(),
    )


def complete(parts: Mapping[str, Any]) -> Manifest:
    """The manifest of these parts."""
    return Manifest(**parts)


def _recorded(signature: Any, at: datetime) -> facts.RecordedSignature:
    return facts.RecordedSignature(signature.principal, signature.key_fingerprint, at)


def _code_digest() -> str:
    package = _PROJECT / "extracts"
    return digest({str(p.relative_to(package)): digest_file(p) for p in sorted(package.rglob("*.py"))})


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(_PROJECT), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

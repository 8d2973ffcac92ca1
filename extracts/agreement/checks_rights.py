"""Are people's rights protected? Impact assessment, privacy notice, retention, security, objections."""

from __future__ import annotations

from extracts.agreement.policy_case import Case, Parameters, Verdict, gap, passed, violation, words
from extracts.agreement.request_words import DpiaStatus, ReviewOutcome


def dpia_current(case: Case, given: Parameters) -> list[Verdict]:
    """The impact assessment is completed, referenced, and its review date not past."""
    dpia = case.request.dpia
    if dpia.status is DpiaStatus.NOT_NEEDED:
        if words(dpia.officer_view) < given["min_words"]:
            return [violation("no DPIA, and no view of the data protection officer why none is needed")]
        return passed("no DPIA; the data protection officer's view is recorded")
    if dpia.status is not DpiaStatus.COMPLETED:
        return [violation(f"the DPIA is {dpia.status}")]
    if not (dpia.ref and dpia.outcome and dpia.completed_on and dpia.review_by):
        return [violation("the DPIA lacks its reference, outcome, completed_on or review_by")]
    if dpia.completed_on > case.today or dpia.review_by < case.today:
        return [violation(f"the DPIA counts from {dpia.completed_on} to {dpia.review_by}, and not on {case.today}")]
    return passed(f"{dpia.ref}, to be reviewed by {dpia.review_by}")


def privacy_notice(case: Case, given: Parameters) -> list[Verdict]:
    """People are told: a privacy notice is named, and it is not one of the `placeholders`."""
    address = case.request.privacy_notice_ref
    if any(word in address.lower() for word in given["placeholders"]):
        return [violation("privacy_notice_ref is a placeholder, not a notice that people can read")]
    return passed(address)


def retention_limited(case: Case, given: Parameters) -> list[Verdict]:
    """Kept no longer than `max_days` for its form, destroyed, and the evidence due within `evidence_days`."""
    retention, form = case.request.retention, case.request.identifiability.value
    longest = given["max_days"].get(form)
    if longest is None:
        return [gap(f"the policy sets no longest retention for {form} data")]
    found = []
    if retention.days > longest:
        found.append(violation(f"kept for {retention.days} days; {form} data may be kept for {longest}"))
    if retention.evidence_due_days > given["evidence_days"]:
        found.append(violation(f"evidence of destruction is due later than {given['evidence_days']} days"))
    return found or passed(f"{retention.days} days, then: {retention.disposal_method}")


def security_assured(case: Case, given: Parameters) -> list[Verdict]:
    """An assurance of one of the `schemes` is named and has not expired."""
    assurance = case.request.security_assurance
    if assurance.scheme not in given["schemes"]:
        return [gap(f"security scheme {assurance.scheme!r} is not one of: {', '.join(given['schemes'])}")]
    if assurance.expires_on < case.today:
        return [violation(f"{assurance.scheme} {assurance.ref} expired on {assurance.expires_on}")]
    return passed(f"{assurance.scheme}, until {assurance.expires_on}")


def rights_arranged(case: Case, given: Parameters) -> list[Verdict]:
    """It says in at least `min_words` words how articles 15 to 21 are met."""
    if words(case.request.rights.arrangements) < given["min_words"]:
        return [violation(f"rights.arrangements says too little (fewer than {given['min_words']} words)")]
    return passed(f"contact: {case.request.rights.contact}")


def specialists_reviewed(case: Case, given: Parameters) -> list[Verdict]:
    """The reviews in `required` (legal, data protection, security) are there, dated by today, and none objects."""
    reviews = dict(case.request.reviews.given())
    found = [gap(f"there is no {name} review yet") for name in given["required"] if name not in reviews]
    for name, review in reviews.items():
        if review.outcome is ReviewOutcome.OBJECTS:
            found.append(violation(f"the {name} review objects"))
        if review.on > case.today:
            found.append(violation(f"the {name} review is dated {review.on}, which is yet to come"))
    return found or passed(f"reviewed: {', '.join(reviews) or 'none is required'}")


def people_can_be_left_out(case: Case, _: Parameters) -> list[Verdict]:
    """Every source tells whose record is restricted and who each row is about, so that holds can work."""
    found = []
    for _asked, source in case.sources():
        if not source.restricted_column or not source.persons:
            found.append(gap(f"{source.name} does not tell restricted records or persons: holds could not work"))
    return found or passed("restricted records and people on hold are left out")

"""The table of predicates that a policy's rules can call by name, with the parameters that each needs."""

from __future__ import annotations

from extracts.agreement import checks_columns as columns
from extracts.agreement import checks_extent as extent
from extracts.agreement import checks_lawful as lawful
from extracts.agreement import checks_purpose as purpose
from extracts.agreement import checks_rights as rights
from extracts.agreement import checks_source as source
from extracts.agreement.policy_case import Check, Needs

CHECKS: dict[str, Check] = {
    check.judge.__name__: check
    for check in (
        Check(lawful.gateway_in_force, {}),
        Check(lawful.gateway_permits_purpose, {}),
        Check(lawful.gateway_permits_direction, {}, Needs.DATASETS),
        Check(lawful.recipient_confirmed, {"max_days": int}),
        Check(lawful.onward_sharing_authorised, {}),
        Check(lawful.article_6_basis, {"excluded": list}),
        Check(lawful.article_9_condition, {}, Needs.COLUMNS),
        Check(lawful.schedule_1_condition, {"paragraphs": dict}),
        Check(lawful.appropriate_policy_document, {"without": list}),
        Check(lawful.no_law_enforcement, {}),
        Check(lawful.stays_in_uk, {"countries": list}),
        Check(purpose.purpose_described, {"min_words": int}),
        Check(purpose.people_described, {"min_words": int}),
        Check(purpose.controllers_named, {}, Needs.DATASETS),
        Check(purpose.requester_may_ask, {}),
        Check(columns.columns_declared, {}),
        Check(columns.columns_justified, {"min_words": int, "max_repeats": int}),
        Check(columns.treatments_allowed, {}, Needs.COLUMNS),
        Check(columns.free_text_never, {}, Needs.COLUMNS),
        Check(columns.financial_accounts, {"purposes": list}, Needs.COLUMNS),
        Check(columns.addresses_reasoned, {"min_words": int}, Needs.COLUMNS),
        Check(columns.safe_address_planned, {}, Needs.COLUMNS),
        Check(columns.least_identifying_form, {}),
        Check(extent.rows_by_declared_columns, {}, Needs.DATASETS),
        Check(extent.rows_within_territory, {"column": str, "whole": dict}, Needs.DATASETS),
        Check(extent.small_groups, {"min_k": int, "max_withheld_percent": int}),
        Check(extent.limits_set, {"max_rows": int, "spare": int}),
        Check(extent.term_limited, {"max_days": int, "review_within_days": int}),
        Check(extent.reidentification_prohibited, {"min_words": int}),
        Check(rights.dpia_current, {"min_words": int}),
        Check(rights.privacy_notice, {"placeholders": list}),
        Check(rights.retention_limited, {"max_days": dict, "evidence_days": int}),
        Check(rights.security_assured, {"schemes": list}),
        Check(rights.rights_arranged, {"min_words": int}),
        Check(rights.specialists_reviewed, {"required": list}),
        Check(rights.people_can_be_left_out, {}, Needs.DATASETS),
        Check(source.datasets_declared, {}),
        Check(source.source_authoritative, {}, Needs.DATASETS),
        Check(source.freshness_promised, {}, Needs.DATASETS),
        Check(source.one_kind_of_period, {}, Needs.DATASETS),
    )
}

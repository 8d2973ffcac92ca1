-- Claims that the benefit cap reduced: one row per claim and assessment period in which it did.
--
-- dwp.universal_credit_assessment_period  the period; only those with a reduction. The row belongs to the day it ends on
--   dwp.universal_credit_claim              the claim it is of; closed claims too, for their periods have happened
--   dwp.person (claimant)                   the person who claims; always one
--   dwp.person (partner)                    the other person of a joint claim; none in a single claim, so a left join
--   dwp.journal_message                     the claim's latest message; many claims have none, so a left join
--
-- Periods roll from the claim's own date: those that end in November began in October. Who lives where is as at now.
-- Every join is by a unique key, so none multiplies rows, and PostgreSQL leaves out the left joins that are not used.

CREATE OR REPLACE VIEW curated.benefit_cap AS
SELECT
    claim.claim_reference::text AS claim_id,
    claimant.nino::text AS nino,
    partner.nino::text AS partner_nino,
    claimant.forenames::text AS forenames,
    claimant.surname::text AS surname,
    claimant.date_of_birth::date AS date_of_birth,
    claimant.address::text AS address,
    claimant.postcode::text AS postcode,
    claimant.uprn::text AS uprn,
    claimant.council_code::text AS council_code,
    period.children::integer AS children,
    period.housing_element::numeric(10, 2) AS housing_element,
    period.award::numeric(10, 2) AS award,
    period.cap_reduction::numeric(10, 2) AS cap_reduction,
    period.starts_on::date AS assessment_period_start,
    period.ends_on::date AS assessment_period_end,
    note.message::text AS journal_note,
    greatest(
        period.updated_at, claim.updated_at, claimant.updated_at, partner.updated_at, note.updated_at
    )::timestamptz AS updated_at,
    -- Marked if anybody of the row is marked; a single claim has no partner, whose marker is then null, not true.
    (claimant.restricted OR partner.restricted IS TRUE)::boolean AS restricted,
    (claimant.safe_address OR partner.safe_address IS TRUE)::boolean AS safe_address
FROM dwp.universal_credit_assessment_period AS period
INNER JOIN dwp.universal_credit_claim AS claim ON claim.claim_id = period.claim_id
INNER JOIN dwp.person AS claimant ON claimant.person_id = claim.claimant_person_id
LEFT JOIN dwp.person AS partner ON partner.person_id = claim.partner_person_id
LEFT JOIN dwp.journal_message AS note ON note.message_id = claim.latest_message_id
WHERE period.cap_reduction > 0;

COMMENT ON VIEW curated.benefit_cap IS
    'Claims that the benefit cap reduced: one row per claim and assessment period in which it did.';

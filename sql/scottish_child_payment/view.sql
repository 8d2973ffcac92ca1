-- Universal Credit households with children, as at now: one row per open claim and child on it.
--
-- dwp.universal_credit_claim  the claim; only open ones (closed_on is null)
--   dwp.claim_child             the children on it now (left_on is null); several per claim
--   dwp.person (claimant)       the person who claims; always one
--   dwp.person (partner)        the other person of a joint claim; none in a single claim, so a left join
--   dwp.universal_credit_assessment_period
--                               the last period that has ended; none in a claim's first month, so a left join
--
-- Every join is by a unique key, so none of them multiplies rows but that to the children, and PostgreSQL leaves out the
-- left joins whose columns an agreement does not use.

CREATE OR REPLACE VIEW curated.scottish_child_payment AS
SELECT
    claim.claim_reference::text AS claim_id,
    child.child_reference::text AS child_id,
    claimant.nino::text AS nino,
    partner.nino::text AS partner_nino,
    claimant.forenames::text AS forenames,
    claimant.surname::text AS surname,
    claimant.date_of_birth::date AS date_of_birth,
    claimant.sex::text AS sex,
    claimant.address::text AS address,
    claimant.postcode::text AS postcode,
    claimant.uprn::text AS uprn,
    claimant.council_code::text AS council_code,
    child.forenames::text AS child_forenames,
    child.date_of_birth::date AS child_date_of_birth,
    child.sex::text AS child_sex,
    period.starts_on::date AS assessment_period_start,
    period.ends_on::date AS assessment_period_end,
    period.award::numeric(10, 2) AS award,
    claim.children::integer AS children,
    greatest(
        claim.updated_at, child.updated_at, claimant.updated_at, partner.updated_at, period.updated_at
    )::timestamptz AS updated_at,
    -- Marked if anybody of the row is marked; a single claim has no partner, whose marker is then null, not true.
    (claimant.restricted OR partner.restricted IS TRUE)::boolean AS restricted,
    (claimant.safe_address OR partner.safe_address IS TRUE)::boolean AS safe_address
FROM dwp.universal_credit_claim AS claim
INNER JOIN dwp.claim_child AS child ON child.claim_id = claim.claim_id
INNER JOIN dwp.person AS claimant ON claimant.person_id = claim.claimant_person_id
LEFT JOIN dwp.person AS partner ON partner.person_id = claim.partner_person_id
LEFT JOIN dwp.universal_credit_assessment_period AS period ON period.period_id = claim.latest_period_id
WHERE claim.closed_on IS NULL AND child.left_on IS NULL;

COMMENT ON VIEW curated.scottish_child_payment IS
    'Universal Credit households with children, as at now: one row per open claim and child on it.';

-- Pension Credit in payment, as at now: one row per person with an award.
--
-- dwp.pension_credit_award  the award; only those in payment (ended_on is null), and of those a person has one
--   dwp.person                the person it is paid to; always one
--
-- A couple has one award, paid to one of the two.

CREATE OR REPLACE VIEW curated.pension_credit_award AS
SELECT
    person.nino::text AS nino,
    person.forenames::text AS forenames,
    person.surname::text AS surname,
    person.date_of_birth::date AS date_of_birth,
    person.sex::text AS sex,
    person.address::text AS address,
    person.postcode::text AS postcode,
    person.council_code::text AS council_code,
    award.award_type::text AS award_type,
    award.weekly_award::numeric(8, 2) AS weekly_award,
    award.started_on::date AS started_on,
    award.carer_addition::boolean AS carer_addition,
    award.severe_disability_addition::boolean AS severe_disability_addition,
    award.sort_code::text AS sort_code,
    award.account_number::text AS account_number,
    greatest(award.updated_at, person.updated_at)::timestamptz AS updated_at,
    person.restricted::boolean AS restricted,
    person.safe_address::boolean AS safe_address
FROM dwp.pension_credit_award AS award
INNER JOIN dwp.person AS person ON person.person_id = award.person_id
WHERE award.ended_on IS NULL;

COMMENT ON VIEW curated.pension_credit_award IS 'Pension Credit in payment, as at now: one row per person with an award.';

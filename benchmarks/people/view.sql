CREATE OR REPLACE VIEW curated.benchmark_people AS
SELECT
    person.nino::text AS nino,
    person.forenames::text AS forenames,
    person.surname::text AS surname,
    person.date_of_birth::date AS date_of_birth,
    person.sex::text AS sex,
    person.address::text AS address,
    person.postcode::text AS postcode,
    person.council_code::text AS council_code,
    person.award_type::text AS award_type,
    person.weekly_award::numeric(8, 2) AS weekly_award,
    person.started_on::date AS started_on,
    person.carer_addition::boolean AS carer_addition,
    person.updated_at::timestamptz AS updated_at,
    person.restricted::boolean AS restricted,
    person.safe_address::boolean AS safe_address
FROM dwp.benchmark_people AS person;

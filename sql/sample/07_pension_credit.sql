-- Makes Pension Credit awards: of a pension-age household, the first person has it.

SET ROLE source_owner;

CREATE OR REPLACE FUNCTION sample.make_pension_credit(people bigint, seed bigint, as_of timestamptz, rates jsonb)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    today date := (as_of AT TIME ZONE 'UTC')::date;
    couple double precision := rates ->> 'couple';
    taking double precision := rates ->> 'pension_credit';
    made bigint;
BEGIN
    INSERT INTO dwp.pension_credit_award
    SELECT
        a.person_id * 64 + sample.cycle(today, sample.draw(a.person_id, seed, 202), 5000) % 64,
        a.person_id,
        CASE WHEN a.kind < 0.5 THEN 'guarantee' WHEN a.kind < 0.65 THEN 'savings' ELSE 'both' END,
        -- Savings credit alone is small; guarantee credit tops an income up.
        sample.pounds(CASE WHEN a.kind >= 0.5 AND a.kind < 0.65 THEN 50 + sample.draw(a.person_id, seed, 203) % 1700
            ELSE 100 + sample.draw(a.person_id, seed, 204) % 14000 + sample.draw(a.person_id, seed, 205) % 9000 END),
        a.started_on,
        CASE WHEN a.lasts_days < today - a.started_on THEN a.started_on + a.lasts_days END,
        sample.share(a.person_id, seed, 206) < 0.1,
        sample.share(a.person_id, seed, 207) < 0.2,
        -- No bank has sort codes that begin with 99. Who has no account is paid in another way.
        CASE WHEN a.has_account THEN '99' || lpad((sample.draw(a.person_id, seed, 208) % 10000)::text, 4, '0') END,
        CASE WHEN a.has_account THEN lpad((sample.draw(a.person_id, seed, 209) % 100000000)::text, 8, '0') END,
        sample.last_change(as_of, sample.draw(a.person_id, seed, 210), 500)
    FROM (
        SELECT
            p.person_id,
            sample.share(p.person_id, seed, 211) AS kind,
            sample.share(p.person_id, seed, 212) >= 0.04 AS has_account,
            greatest(
                today - sample.days_into(today, sample.draw(p.person_id, seed, 202), 5000),
                (p.date_of_birth + interval '66 years')::date
            ) AS started_on,
            (200 + sample.share(p.person_id, seed, 213) * 25000)::integer AS lasts_days
        FROM dwp.person AS p
        WHERE sample.share(p.person_id, seed, 200) < taking
            AND p.date_of_birth <= (today - interval '66 years')::date
            AND (p.person_id % 2 = 1 OR NOT sample.is_couple((p.person_id + 1) / 2, seed, couple, people))
        OFFSET 0
    ) AS a;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;

RESET ROLE;

-- Makes dwp.person. People are numbered from 1; numbers 2n-1 and 2n are a couple, or two who live alone.
--
-- NINOs: QQ, six digits, a letter A to D. The letter tells nobody apart, so no two people have the same digits: each
-- further million begins with Q and another letter, QA to QZ without QQ, up to 26 million. No real number begins with Q.

SET ROLE source_owner;

CREATE OR REPLACE FUNCTION sample.nino(person bigint, seed bigint, no_suffix double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'Q' || substr('QABCDEFGHIJKLMNOPRSTUVWXYZ', ((person - 1) / 1000000)::integer + 1, 1)
    || lpad(((((person - 1) % 1000000) * 377123 + abs(seed) % 1000000 * 7919) % 1000000)::text, 6, '0')
    || CASE
        WHEN person <= 1000000 AND sample.share(person, seed, 1) < no_suffix THEN ''
        ELSE chr(65 + (sample.draw((person - 1) % 1000000, seed, 2) % 4)::integer)
    END;

CREATE OR REPLACE FUNCTION sample.is_couple(pair bigint, seed bigint, rate double precision, people bigint)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sample.share(pair, seed, 3) < rate AND pair * 2 <= people;

-- Whoever lives together shares a number, so that everything drawn from it is the same for both.
CREATE OR REPLACE FUNCTION sample.household(person bigint, is_couple boolean) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN is_couple THEN -((person + 1) / 2) ELSE person END;

CREATE OR REPLACE FUNCTION sample.make_people(people bigint, seed bigint, as_of timestamptz, rates jsonb) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    council_slots integer[] := (
        SELECT array_agg(c.number ORDER BY c.number)
        FROM sample.council AS c CROSS JOIN LATERAL generate_series(1, c.people)
    );
    -- Thousands of slots, filled evenly within each band.
    age_slots integer[] := (
        SELECT array_agg(b.from_years + slot * (b.to_years - b.from_years + 1) / b.per_mille ORDER BY b.from_years, slot)
        FROM sample.age_band AS b CROSS JOIN LATERAL generate_series(0, b.per_mille - 1) AS slot
    );
    areas text[] := (SELECT array_agg(c.area ORDER BY c.number) FROM sample.council AS c);
    codes text[] := (SELECT array_agg(c.code ORDER BY c.number) FROM sample.council AS c);
    female text[] := sample.forenames('F');
    male text[] := sample.forenames('M');
    surnames text[] := sample.surnames();
    long_surnames text[] := sample.long_surnames();
    streets text[] := sample.streets();
    couple double precision := rates ->> 'couple';
    no_suffix double precision := rates ->> 'no_suffix';
    no_postcode double precision := rates ->> 'no_postcode';
    no_uprn double precision := rates ->> 'no_uprn';
    no_fixed_abode double precision := rates ->> 'no_fixed_abode';
    no_council double precision := rates ->> 'no_council';
    safe double precision := rates ->> 'safe_address';
    restricted double precision := rates ->> 'restricted';
    made bigint;
BEGIN
    INSERT INTO dwp.person
    SELECT
        p.id,
        sample.nino(p.id, seed, no_suffix),
        sample.pick_early(CASE WHEN p.is_female THEN female ELSE male END, sample.share(p.id, seed, 10))
            || CASE
                WHEN sample.share(p.id, seed, 11) < 0.5 THEN ''
                ELSE ' ' || sample.pick(CASE WHEN p.is_female THEN female ELSE male END, sample.draw(p.id, seed, 12))
            END,
        CASE
            WHEN sample.share(p.id, seed, 13) < 0.0005 THEN sample.pick(long_surnames, sample.draw(p.id, seed, 14))
            -- Most couples share a name.
            ELSE sample.pick_early(
                surnames, sample.share(CASE WHEN sample.share(p.id, seed, 15) < 0.8 THEN p.household ELSE p.id END, seed, 16)
            )
        END,
        -- Ages are as on 1 January 2026, whatever `as_of` is: people have one birthday.
        (date '2026-01-01' - make_interval(years => p.age))::date - (sample.draw(p.id, seed, 17) % 365)::integer,
        CASE WHEN p.is_female THEN 'F' ELSE 'M' END,
        CASE WHEN p.has_home THEN
            CASE WHEN sample.share(p.household, seed, 20) < 0.35
                THEN 'Flat ' || sample.draw(p.household, seed, 21) % 4 || '/' || 1 + sample.draw(p.household, seed, 22) % 3 || ', '
                ELSE '' END
            || 1 + sample.draw(p.household, seed, 23) % 160 || ' ' || sample.pick(streets, sample.draw(p.household, seed, 24))
            || ', ' || sample.pick(c.towns, sample.draw(p.household, seed, 25))
        END,
        CASE WHEN p.has_home AND sample.share(p.id, seed, 26) >= no_postcode THEN
            c.area || c.districts[1 + sample.draw(p.household, seed, 27) % cardinality(c.districts)] || ' '
            || sample.draw(p.household, seed, 28) % 10
            || substr('ABDEFGHJLNPQRSTUWXYZ', 1 + (sample.draw(p.household, seed, 29) % 20)::integer, 1)
            || substr('ABDEFGHJLNPQRSTUWXYZ', 1 + (sample.draw(p.household, seed, 30) % 20)::integer, 1)
        END,
        -- Real ones have up to 12 digits too, but none begins like this.
        CASE WHEN p.has_home AND sample.share(p.id, seed, 31) >= no_uprn THEN
            '99' || lpad((sample.draw(p.household, seed, 32) % 10000000000)::text, 10, '0')
        END,
        CASE WHEN sample.share(p.household, seed, 33) >= no_council THEN c.code END,
        sample.share(p.household, seed, 34) < safe,
        sample.share(p.id, seed, 35) < restricted,
        sample.last_change(as_of, sample.draw(p.id, seed, 36), 900)
    FROM (
        SELECT
            h.id,
            h.household,
            -- The second of a couple is of the other sex in 96 of 100, and at most five years older or younger.
            (sample.share(h.household, seed, 4) < 0.51)
                <> (h.household < 0 AND h.id % 2 = 0 AND sample.share(h.household, seed, 5) < 0.96) AS is_female,
            greatest(
                18,
                age_slots[1 + floor(sample.share(h.household, seed, 6) * cardinality(age_slots))::integer]
                    + CASE WHEN h.household < 0 AND h.id % 2 = 0 THEN sample.draw(h.household, seed, 7) % 11 - 5 ELSE 0 END
            )::integer AS age,
            sample.share(h.household, seed, 8) >= no_fixed_abode AS has_home,
            council_slots[1 + floor(sample.share(h.household, seed, 9) * cardinality(council_slots))::integer] AS council
        FROM (
            SELECT n AS id, sample.household(n, sample.is_couple((n + 1) / 2, seed, couple, people)) AS household
            FROM generate_series(1, people) AS n
            OFFSET 0
        ) AS h
        OFFSET 0  -- or every expression above would be worked out again wherever it is used
    ) AS p
    INNER JOIN sample.council AS c ON c.number = p.council;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;

RESET ROLE;

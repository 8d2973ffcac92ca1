-- Makes Universal Credit: claims, children, assessment periods, journal messages.
--
-- A claim begins, ends and begins again as time passes (sample.cycle), so that a filling of a month later has the same
-- claims with one more assessment period, a few new ones and a few closed. Amounts are close to those of 2026, in pence.

SET ROLE source_owner;

-- One row per claim, for the functions below; dropped when they are done.
CREATE OR REPLACE FUNCTION sample.plan_claims(people bigint, seed bigint, as_of timestamptz, rates jsonb) RETURNS void
LANGUAGE plpgsql
SET client_min_messages = 'warning'
AS $$
DECLARE
    today date := (as_of AT TIME ZONE 'UTC')::date;
    couple double precision := rates ->> 'couple';
    taking double precision := rates ->> 'universal_credit';
    exempt double precision := rates ->> 'cap_exempt';
BEGIN
    DROP TABLE IF EXISTS pg_temp.planned_claim;
    CREATE TEMPORARY TABLE planned_claim ON COMMIT DROP AS
    SELECT
        -- One lead person has at most 64 claims, one after the other.
        u.lead_id * 64 + u.cycle % 64 AS claim_id,
        u.lead_id,
        u.partner_id,
        u.nino,
        u.born,
        u.started_on,
        CASE WHEN u.lasts_days < today - u.started_on THEN u.started_on + u.lasts_days END AS closed_on,
        sample.whole_months(u.started_on, least(today, u.started_on + u.lasts_days)) AS months,
        CASE WHEN u.is_young THEN CASE WHEN u.partner_id IS NULL THEN 33858 ELSE 52834 END
            ELSE CASE WHEN u.partner_id IS NULL THEN 42490 ELSE 66697 END END AS standard_pence,
        CASE WHEN sample.share(u.lead_id, seed, 101) < 0.25 THEN 0
            ELSE 28000 + sample.draw(u.lead_id, seed, 102) % 75000 END AS housing_pence,
        CASE WHEN sample.share(u.lead_id, seed, 103) < 0.08 THEN 20934 ELSE 0 END AS carer_pence,
        CASE WHEN sample.share(u.lead_id, seed, 104) < 0.58 THEN 0
            ELSE 20000 + sample.draw(u.lead_id, seed, 105) % 200000 END AS earnings_pence,
        sample.share(u.lead_id, seed, 106) < exempt AS is_exempt,
        -- How many children, of whom those unborn today do not count yet: most have none, few have more than three.
        CASE WHEN u.born + 6940 > date '2028-01-01' OR u.born < date '1968-01-01' THEN 0
            ELSE (CASE WHEN u.partner_id IS NULL THEN '{0,0,0,0,0,0,0,0,0,0,1,1,1,1,2,2,2,3,3,4}'
                ELSE '{0,0,0,0,0,1,1,1,1,2,2,2,2,2,3,3,3,4,5,7}' END::integer[])[1 + sample.draw(u.lead_id, seed, 107) % 20]
        END AS child_slots
    FROM (
        SELECT
            a.person_id AS lead_id,
            b.person_id AS partner_id,
            a.nino,
            greatest(a.date_of_birth, b.date_of_birth) AS born,
            -- The lower rate is for those of whom none is 25 yet.
            least(a.date_of_birth, b.date_of_birth) > (today - interval '25 years')::date AS is_young,
            today - sample.days_into(today, sample.draw(a.person_id, seed, 111), c.days) AS started_on,
            sample.cycle(today, sample.draw(a.person_id, seed, 111), c.days) AS cycle,
            (100 + sample.share(a.person_id, seed, 112) * c.days * 4)::integer AS lasts_days
        FROM dwp.person AS a
        LEFT JOIN dwp.person AS b
            ON b.person_id = a.person_id + 1 AND a.person_id % 2 = 1
            AND sample.is_couple((a.person_id + 1) / 2, seed, couple, people)
        CROSS JOIN LATERAL (SELECT 900 + sample.draw(a.person_id, seed, 110) % 1600 AS days) AS c
        WHERE sample.share(a.person_id, seed, 100) < taking
            -- Of a couple, the first one claims.
            AND (a.person_id % 2 = 1 OR NOT sample.is_couple((a.person_id + 1) / 2, seed, couple, people))
            AND least(a.date_of_birth, b.date_of_birth) > (today - interval '66 years')::date
            AND a.date_of_birth < (today - interval '18 years')::date
        OFFSET 0
    ) AS u;
END
$$;

CREATE OR REPLACE FUNCTION sample.make_children(seed bigint, as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    today date := (as_of AT TIME ZONE 'UTC')::date;
    female text[] := sample.forenames('F');
    male text[] := sample.forenames('M');
    made bigint;
BEGIN
    INSERT INTO dwp.claim_child
    SELECT
        k.child_id,
        'CH' || lpad(k.child_id::text, 12, '0'),
        k.claim_id,
        sample.pick_early(
            CASE WHEN sample.share(k.drawn_id, seed, 120) < 0.49 THEN female ELSE male END, sample.share(k.drawn_id, seed, 121)
        ),
        k.born,
        CASE WHEN sample.share(k.drawn_id, seed, 120) < 0.49 THEN 'F' ELSE 'M' END,
        greatest(k.born, k.started_on),
        k.left_on,
        sample.last_change(as_of, sample.draw(k.drawn_id, seed, 122), 700)
    FROM (
        SELECT
            c.claim_id * 8 + slot AS child_id,
            c.lead_id * 8 + slot AS drawn_id,  -- the same children in a later claim of the same parent
            c.claim_id,
            c.started_on,
            d.born,
            CASE
                WHEN sample.share(c.lead_id * 8 + slot, seed, 123) < 0.04 AND greatest(d.born, c.started_on) + 200 < today
                    THEN greatest(d.born, c.started_on) + 200
                WHEN d.born + interval '19 years' < today THEN (d.born + interval '19 years')::date
            END AS left_on
        FROM planned_claim AS c
        CROSS JOIN LATERAL generate_series(1, c.child_slots) AS slot
        CROSS JOIN LATERAL (
            -- A parent was 19 at least.
            SELECT greatest(c.born + 6940, date '2009-01-01')
                + (sample.share(c.lead_id * 8 + slot, seed, 124)
                    * (date '2028-01-01' - greatest(c.born + 6940, date '2009-01-01')))::integer AS born
        ) AS d
        WHERE d.born < today AND (d.born + interval '19 years' >= c.started_on)
        OFFSET 0
    ) AS k;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;

CREATE OR REPLACE FUNCTION sample.make_claims(seed bigint, as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    made bigint;
BEGIN
    INSERT INTO dwp.universal_credit_claim
    SELECT
        c.claim_id,
        'UC' || lpad(c.claim_id::text, 11, '0'),
        c.lead_id,
        c.partner_id,
        c.started_on,
        c.closed_on,
        coalesce(k.children, 0),
        CASE WHEN c.months > 0 THEN c.claim_id * 128 + c.months - 1 END,
        CASE WHEN m.messages > 0 THEN c.claim_id * 4 + m.messages - 1 END,
        sample.last_change(as_of, sample.draw(c.lead_id, seed, 130), 400)
    FROM planned_claim AS c
    CROSS JOIN LATERAL (SELECT sample.messages_on(c.claim_id, seed) AS messages) AS m
    LEFT JOIN (
        SELECT claim_id, count(*)::integer AS children FROM dwp.claim_child WHERE left_on IS NULL GROUP BY claim_id
    ) AS k ON k.claim_id = c.claim_id;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;

CREATE OR REPLACE FUNCTION sample.make_periods(seed bigint, as_of timestamptz, rates jsonb) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    history integer := rates ->> 'history_months';
    cap_level double precision := rates ->> 'cap_level';
    made bigint;
BEGIN
    INSERT INTO dwp.universal_credit_assessment_period
    SELECT
        p.claim_id * 128 + p.month,
        p.claim_id,
        -- Counted from the claim's first day each time: a claim of the 31st comes back to the 31st after February.
        (p.started_on + make_interval(months => p.month))::date,
        (p.started_on + make_interval(months => p.month + 1))::date - 1,
        p.children,
        sample.pounds(p.standard_pence),
        sample.pounds(p.child_pence),
        sample.pounds(p.housing_pence),
        sample.pounds(p.carer_pence),
        sample.pounds(p.deduction_pence),
        sample.pounds(p.full_pence - least(p.full_pence, p.cap_pence)),
        sample.pounds(least(p.full_pence, p.cap_pence)),
        least(
            as_of,
            ((p.started_on + make_interval(months => p.month + 1))::date::timestamp AT TIME ZONE 'UTC')
                + make_interval(mins => (60 + p.claim_id % 480)::integer)
        )
    FROM (
        SELECT
            e.*,
            greatest(0, e.due_pence - e.deduction_pence) AS full_pence,
            -- Who earns enough, or is exempt, is not capped.
            CASE WHEN e.is_exempt OR e.earned_pence >= 84600 THEN 99999999
                WHEN e.partner_id IS NULL AND e.children = 0 THEN (122942 * cap_level)::bigint
                ELSE (183500 * cap_level)::bigint END AS cap_pence
        FROM (
            SELECT
                c.*,
                c.standard_pence + c.child_pence + c.housing_pence + c.carer_pence AS due_pence,
                greatest(0, c.earned_pence - CASE WHEN c.children = 0 THEN 0 WHEN c.housing_pence > 0 THEN 41100 ELSE 68400 END)
                    * 55 / 100 AS deduction_pence
            FROM (
                SELECT
                    b.*,
                    claim.children,
                    claim.children * 30394::bigint AS child_pence,
                    month,
                    -- Pay differs from month to month by up to 15 in 100.
                    b.earnings_pence * (85 + sample.draw(b.claim_id * 128 + month, seed, 140) % 31) / 100 AS earned_pence
                FROM planned_claim AS b
                INNER JOIN dwp.universal_credit_claim AS claim ON claim.claim_id = b.claim_id
                CROSS JOIN LATERAL generate_series(greatest(0, b.months - history), b.months - 1) AS month
                OFFSET 0
            ) AS c
            OFFSET 0
        ) AS e
        OFFSET 0
    ) AS p;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;

CREATE OR REPLACE FUNCTION sample.messages_on(claim bigint, seed bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('{0,0,0,0,0,1,1,1,2,3}'::integer[])[1 + sample.draw(claim, seed, 150) % 10];

CREATE OR REPLACE FUNCTION sample.make_messages(seed bigint, as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    messages text[] := sample.messages();
    made bigint;
BEGIN
    INSERT INTO dwp.journal_message
    SELECT
        m.message_id,
        m.claim_id,
        m.sent_at,
        replace(sample.pick(messages, sample.draw(m.message_id, seed, 151)), '{nino}', m.nino),
        m.sent_at
    FROM (
        SELECT
            c.claim_id * 4 + n AS message_id,
            c.claim_id,
            c.nino,
            -- One after the other over the claim's life, so that the last number is the latest.
            (c.started_on::timestamp AT TIME ZONE 'UTC')
                + make_interval(secs => (n + sample.share(c.claim_id * 4 + n, seed, 152)) / sample.messages_on(c.claim_id, seed)
                    * extract(epoch FROM least(as_of, coalesce(c.closed_on, as_of::date)::timestamp AT TIME ZONE 'UTC')
                        - c.started_on::timestamp AT TIME ZONE 'UTC')::double precision) AS sent_at
        FROM planned_claim AS c
        CROSS JOIN LATERAL generate_series(0, sample.messages_on(c.claim_id, seed) - 1) AS n
        OFFSET 0
    ) AS m;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;

RESET ROLE;

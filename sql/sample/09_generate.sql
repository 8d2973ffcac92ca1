-- Fills the source: SELECT * FROM dwp.generate(1000000, 42, now());
--
-- The same number of people, seed and time give identical rows, whatever the session's settings. All tables are replaced
-- in one transaction; constraints and indexes come after the rows, which is several times faster.

SET ROLE source_owner;

-- Every index that the curated views, agreements and holds need. Tables are loaded without them.
CREATE OR REPLACE FUNCTION sample.drop_indexes() RETURNS void
LANGUAGE plpgsql
SET client_min_messages = 'warning'
AS $$
BEGIN
    ALTER TABLE dwp.person DROP CONSTRAINT IF EXISTS person_pkey, DROP CONSTRAINT IF EXISTS person_nino;
    ALTER TABLE dwp.universal_credit_claim DROP CONSTRAINT IF EXISTS universal_credit_claim_pkey;
    ALTER TABLE dwp.claim_child DROP CONSTRAINT IF EXISTS claim_child_pkey;
    ALTER TABLE dwp.universal_credit_assessment_period
        DROP CONSTRAINT IF EXISTS universal_credit_assessment_period_pkey;
    ALTER TABLE dwp.pension_credit_award DROP CONSTRAINT IF EXISTS pension_credit_award_pkey;
    ALTER TABLE dwp.journal_message DROP CONSTRAINT IF EXISTS journal_message_pkey;
    DROP INDEX IF EXISTS dwp.person_council, dwp.claim_claimant, dwp.claim_partner, dwp.child_claim, dwp.period_capped,
        dwp.award_person;
END
$$;

CREATE OR REPLACE FUNCTION sample.make_indexes() RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    ALTER TABLE dwp.person ADD CONSTRAINT person_pkey PRIMARY KEY (person_id), ADD CONSTRAINT person_nino UNIQUE (nino);
    ALTER TABLE dwp.universal_credit_claim ADD CONSTRAINT universal_credit_claim_pkey PRIMARY KEY (claim_id);
    ALTER TABLE dwp.claim_child ADD CONSTRAINT claim_child_pkey PRIMARY KEY (child_id);
    ALTER TABLE dwp.universal_credit_assessment_period
        ADD CONSTRAINT universal_credit_assessment_period_pkey PRIMARY KEY (period_id);
    ALTER TABLE dwp.pension_credit_award ADD CONSTRAINT pension_credit_award_pkey PRIMARY KEY (award_id);
    ALTER TABLE dwp.journal_message ADD CONSTRAINT journal_message_pkey PRIMARY KEY (message_id);
    CREATE INDEX person_council ON dwp.person (council_code);
    CREATE INDEX claim_claimant ON dwp.universal_credit_claim (claimant_person_id);
    CREATE INDEX claim_partner ON dwp.universal_credit_claim (partner_person_id) WHERE partner_person_id IS NOT NULL;
    CREATE INDEX child_claim ON dwp.claim_child (claim_id);
    CREATE INDEX period_capped ON dwp.universal_credit_assessment_period (ends_on) WHERE cap_reduction > 0;
    CREATE UNIQUE INDEX award_person ON dwp.pension_credit_award (person_id) WHERE ended_on IS NULL;
    ANALYZE dwp.person, dwp.universal_credit_claim, dwp.claim_child, dwp.universal_credit_assessment_period,
        dwp.pension_credit_award, dwp.journal_message, dwp.hold, dwp.load_stamp;
END
$$;

-- The given rates over the declared ones. An unknown name is an error, or a slip would pass for a choice.
CREATE OR REPLACE FUNCTION sample.rates(given jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    unknown text := (
        SELECT string_agg(k, ', ') FROM jsonb_object_keys(given) AS k WHERE k NOT IN (SELECT r.name FROM sample.rate AS r)
    );
BEGIN
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'no rate is called %', unknown
            USING ERRCODE = 'invalid_parameter_value',
                HINT = 'Rates: ' || (SELECT string_agg(r.name, ', ' ORDER BY r.name) FROM sample.rate AS r);
    END IF;
    RETURN (SELECT jsonb_object_agg(r.name, r.value) FROM sample.rate AS r) || given;
END
$$;

CREATE OR REPLACE FUNCTION dwp.generate(people bigint, seed bigint, as_of timestamptz, rates jsonb DEFAULT '{}')
RETURNS TABLE (table_name text, row_count bigint)
LANGUAGE plpgsql
SET timezone = 'UTC'
SET client_min_messages = 'notice'
SET jit = off
AS $$
DECLARE
    made record;
    used jsonb := sample.rates(rates);
BEGIN
    IF people < 1 OR people > 26000000 THEN
        RAISE EXCEPTION 'between 1 and 26000000 people can be made, not %', people
            USING ERRCODE = 'invalid_parameter_value', HINT = 'There are no more NINOs that start with Q.';
    END IF;
    PERFORM sample.drop_indexes();
    TRUNCATE dwp.person, dwp.universal_credit_claim, dwp.claim_child, dwp.universal_credit_assessment_period,
        dwp.pension_credit_award, dwp.journal_message, dwp.hold, dwp.load_stamp;
    PERFORM sample.stamp('person', sample.make_people(people, seed, as_of, used), as_of);
    PERFORM sample.plan_claims(people, seed, as_of, used);
    PERFORM sample.stamp('claim_child', sample.make_children(seed, as_of), as_of);
    PERFORM sample.stamp('universal_credit_claim', sample.make_claims(seed, as_of), as_of);
    PERFORM sample.stamp('universal_credit_assessment_period', sample.make_periods(seed, as_of, used), as_of);
    PERFORM sample.stamp('journal_message', sample.make_messages(seed, as_of), as_of);
    PERFORM sample.stamp('pension_credit_award', sample.make_pension_credit(people, seed, as_of, used), as_of);
    PERFORM sample.make_holds(seed, as_of, used);
    PERFORM sample.stamp('hold', (SELECT count(*) FROM dwp.hold AS h WHERE h.ended_at IS NULL), as_of);
    DROP TABLE pg_temp.planned_claim;
    PERFORM sample.make_indexes();
    PERFORM sample.plant_canaries();
    RETURN QUERY SELECT s.table_name, s.row_count FROM dwp.load_stamp AS s ORDER BY s.table_name;
END
$$;
COMMENT ON FUNCTION dwp.generate IS 'Replaces the source''s rows. `rates`: other values for entries of sample.rate.';

CREATE OR REPLACE FUNCTION sample.stamp(loaded text, row_count bigint, at timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO dwp.load_stamp VALUES (loaded, at, row_count);
    RAISE NOTICE '%: % rows', loaded, row_count;
END
$$;

RESET ROLE;

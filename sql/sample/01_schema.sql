-- The synthetic source, first file: schemas, their owner and the base tables. Nothing in it is a real person.
--
-- Every file of this folder can be applied again: tables and rows that exist stay, and so do views that DBAs made in
-- extract_views for agreements. No foreign keys, as in a warehouse that is loaded from elsewhere.

DO $$
BEGIN
    -- Owns everything and may not log in: whoever reads the source does so as another role, with rights of its own.
    CREATE ROLE source_owner NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

CREATE SCHEMA IF NOT EXISTS dwp AUTHORIZATION source_owner;
CREATE SCHEMA IF NOT EXISTS curated AUTHORIZATION source_owner;
CREATE SCHEMA IF NOT EXISTS extract_views AUTHORIZATION source_owner;
CREATE SCHEMA IF NOT EXISTS sample AUTHORIZATION source_owner;

COMMENT ON SCHEMA dwp IS 'Base tables. Extracts never read them; curated views do.';
COMMENT ON SCHEMA curated IS 'The only relations that a request may draw from, one view per dataset, and the controls.';
COMMENT ON SCHEMA extract_views IS 'Per agreement: its approved columns and rows, and its counts. Made by a DBA.';
COMMENT ON SCHEMA sample IS 'Lists and functions that make the synthetic data. No production source has it.';

SET ROLE source_owner;

CREATE TABLE IF NOT EXISTS dwp.person (
    person_id     bigint      NOT NULL,
    nino          text        NOT NULL,
    forenames     text        NOT NULL,
    surname       text        NOT NULL,
    date_of_birth date        NOT NULL,
    sex           text        NOT NULL,
    address       text,
    postcode      text,
    uprn          text,
    council_code  text,
    safe_address  boolean     NOT NULL,
    restricted    boolean     NOT NULL,
    updated_at    timestamptz NOT NULL
);
COMMENT ON TABLE dwp.person IS 'One row per customer. address, postcode, uprn, council_code: null where nobody knows.';
COMMENT ON COLUMN dwp.person.nino IS 'Starts with QQ (past a million people, Q and another letter), as no real number does; some lack the suffix letter.';
COMMENT ON COLUMN dwp.person.safe_address IS 'Somebody must not learn where this person lives.';
COMMENT ON COLUMN dwp.person.restricted IS 'Special customer record: never leaves, whatever was approved.';

CREATE TABLE IF NOT EXISTS dwp.universal_credit_claim (
    claim_id            bigint      NOT NULL,
    claim_reference     text        NOT NULL,
    claimant_person_id  bigint      NOT NULL,
    partner_person_id   bigint,
    started_on          date        NOT NULL,
    closed_on           date,
    children            integer     NOT NULL,
    latest_period_id    bigint,
    latest_message_id   bigint,
    updated_at          timestamptz NOT NULL
);
COMMENT ON TABLE dwp.universal_credit_claim IS 'One row per claim; a joint claim has a partner. Open while closed_on is null.';
COMMENT ON COLUMN dwp.universal_credit_claim.latest_period_id IS
    'The last assessment period that has ended; null in a claim''s first month. Kept here so that reading it costs no search.';

CREATE TABLE IF NOT EXISTS dwp.claim_child (
    child_id        bigint      NOT NULL,
    child_reference text        NOT NULL,
    claim_id        bigint      NOT NULL,
    forenames       text        NOT NULL,
    date_of_birth   date        NOT NULL,
    sex             text        NOT NULL,
    joined_on       date        NOT NULL,
    left_on         date,
    updated_at      timestamptz NOT NULL
);
COMMENT ON TABLE dwp.claim_child IS 'One row per child on a claim; on it while left_on is null.';

CREATE TABLE IF NOT EXISTS dwp.universal_credit_assessment_period (
    period_id            bigint         NOT NULL,
    claim_id             bigint         NOT NULL,
    starts_on            date           NOT NULL,
    ends_on              date           NOT NULL,
    children             integer        NOT NULL,
    standard_element     numeric(10, 2) NOT NULL,
    child_element        numeric(10, 2) NOT NULL,
    housing_element      numeric(10, 2) NOT NULL,
    carer_element        numeric(10, 2) NOT NULL,
    earnings_deduction   numeric(10, 2) NOT NULL,
    cap_reduction        numeric(10, 2) NOT NULL,
    award                numeric(10, 2) NOT NULL,
    updated_at           timestamptz    NOT NULL
);
COMMENT ON TABLE dwp.universal_credit_assessment_period IS
    'One row per claim and month that has ended, counted from the claim''s own date: 14 June to 13 July, and so on.';
COMMENT ON COLUMN dwp.universal_credit_assessment_period.cap_reduction IS 'What the benefit cap took off; 0 if nothing.';

CREATE TABLE IF NOT EXISTS dwp.pension_credit_award (
    award_id                   bigint        NOT NULL,
    person_id                  bigint        NOT NULL,
    award_type                 text          NOT NULL,
    weekly_award               numeric(8, 2) NOT NULL,
    started_on                 date          NOT NULL,
    ended_on                   date,
    carer_addition             boolean       NOT NULL,
    severe_disability_addition boolean       NOT NULL,
    sort_code                  text,
    account_number             text,
    updated_at                 timestamptz   NOT NULL
);
COMMENT ON TABLE dwp.pension_credit_award IS 'One row per award; in payment while ended_on is null, and then one per person.';

CREATE TABLE IF NOT EXISTS dwp.journal_message (
    message_id bigint      NOT NULL,
    claim_id   bigint      NOT NULL,
    sent_at    timestamptz NOT NULL,
    message    text        NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE dwp.journal_message IS 'What claimants write in their journal: free text, which never leaves.';

CREATE TABLE IF NOT EXISTS dwp.hold (
    hold_id     bigint      NOT NULL PRIMARY KEY,
    nino        text        NOT NULL,
    scope       text        NOT NULL CHECK (scope = 'all' OR scope LIKE 'gateway:_%' OR scope LIKE 'agreement:_%'),
    effect      text        NOT NULL CHECK (effect IN ('leave out', 'stop and ask')),
    reason_code text        NOT NULL,
    recorded_at timestamptz NOT NULL,
    ended_at    timestamptz,
    updated_at  timestamptz NOT NULL
);
COMMENT ON TABLE dwp.hold IS 'People to be left out, from what (scope) and how (effect); in force while ended_at is null.';
CREATE INDEX IF NOT EXISTS hold_nino ON dwp.hold (nino) WHERE ended_at IS NULL;

CREATE TABLE IF NOT EXISTS dwp.load_stamp (
    table_name text        NOT NULL PRIMARY KEY,
    loaded_at  timestamptz NOT NULL,
    row_count  bigint      NOT NULL
);
COMMENT ON TABLE dwp.load_stamp IS
    'When each table was last loaded, with how many rows. For hold: how many entries in force its keeper declared.';

RESET ROLE;

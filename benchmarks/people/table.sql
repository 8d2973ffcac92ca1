-- The benchmark's table: synthetic people, 13 columns that are delivered, about 200 bytes a row. Rows lie in no order of
-- the identifier, as in a table that grew.

SET ROLE source_owner;

CREATE TABLE IF NOT EXISTS dwp.benchmark_people (
    nino           text          NOT NULL,
    forenames      text          NOT NULL,
    surname        text          NOT NULL,
    date_of_birth  date          NOT NULL,
    sex            text          NOT NULL,
    address        text          NOT NULL,
    postcode       text          NOT NULL,
    council_code   text          NOT NULL,
    award_type     text          NOT NULL,
    weekly_award   numeric(8, 2) NOT NULL,
    started_on     date          NOT NULL,
    carer_addition boolean       NOT NULL,
    updated_at     timestamptz   NOT NULL,
    restricted     boolean       NOT NULL,
    safe_address   boolean       NOT NULL
);

-- Replaces the rows, and the hold list: 5,000 people, all of them among the first 100,000.
CREATE OR REPLACE FUNCTION sample.fill_benchmark(people bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    TRUNCATE dwp.benchmark_people, dwp.hold, dwp.load_stamp;
    INSERT INTO dwp.benchmark_people
    SELECT
        'Q' || substr('QABCEGHJKL', 1 + (i / 1000000)::integer, 1) || lpad(((i * 7919) % 1000000)::text, 6, '0') || 'A',
        (ARRAY['Agnieszka Mei-Ling', 'Andrew Angus', 'Catriona', 'David Piotr', 'Ealasaid Mairi', 'Fiona', 'Jean Karen',
            'Lewis'])[1 + (hashint8(i) & 7)],
        (ARRAY['Campbell', 'MacDonald', 'Nowak', 'Robertson', 'Singh', 'Smith', 'Stewart', 'Wilson'])
            [1 + (hashint8(i + 1) & 7)],
        date '1930-01-01' + ((i * 37) % 28000)::integer,
        CASE WHEN (i * 7) % 100 < 51 THEN 'F' ELSE 'M' END,
        'Flat ' || (hashint8(i + 2) & 7) || ', ' || (hashint8(i + 3) & 255) || ' Example Street, District '
            || (hashint8(i + 4) & 63) || ', Sampletown',
        (ARRAY['KY', 'EH', 'G', 'AB', 'DD'])[1 + (hashint8(i + 5) & 1023) % 5] || (1 + i % 15) || ' ' || (i % 10)
            || 'AB',
        'S120000' || (10 + (hashint8(i + 6) & 1023) % 32),
        (ARRAY['guarantee', 'savings', 'both'])[1 + (hashint8(i + 7) & 1023) % 3],
        ((hashint8(i + 8) & 65535) % 20000 / 100.0)::numeric(8, 2),
        date '2015-01-01' + ((hashint8(i + 9) & 65535) % 4000)::integer,
        (hashint8(i + 10) & 15) = 0,
        timestamptz '2026-11-01 00:00:00+00' + (hashint8(i + 11) & 1048575) * interval '1 second',
        (hashint8(i + 12) & 4095) = 0,
        (hashint8(i + 13) & 1023) = 0
    FROM generate_series(0::bigint, people - 1) AS i;
    INSERT INTO dwp.hold (hold_id, nino, scope, effect, reason_code, recorded_at, updated_at)
    SELECT i, 'QQ' || lpad(((i * 20 * 7919) % 1000000)::text, 6, '0') || 'A', 'all', 'leave out', 'benchmark',
        now() - interval '9 days', now() - interval '9 days'
    FROM generate_series(0::bigint, 4999) AS i;
    PERFORM sample.stamp('benchmark_people', people, now());
    PERFORM sample.stamp('hold', (SELECT count(*) FROM dwp.hold AS h WHERE h.ended_at IS NULL), now());
END
$$;

RESET ROLE;

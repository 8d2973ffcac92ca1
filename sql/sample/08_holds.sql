-- Makes the hold list: most people on it are left out of everything, some of one gateway or one agreement only.
--
-- `stop and ask` stops a whole delivery until somebody has decided, so here it is drawn only for a gateway and an
-- agreement that no sample request uses. Holds that have ended stay in the table and have no effect.

SET ROLE source_owner;

CREATE OR REPLACE FUNCTION sample.make_holds(seed bigint, as_of timestamptz, rates jsonb) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    rate double precision := rates ->> 'hold';
    made bigint;
BEGIN
    INSERT INTO dwp.hold (hold_id, nino, scope, effect, reason_code, recorded_at, ended_at, updated_at)
    SELECT
        row_number() OVER (ORDER BY h.person_id, k.number),
        h.nino,
        k.scope,
        k.effect,
        k.reason_code,
        h.changed_at - interval '30 days',
        CASE WHEN k.has_ended THEN h.changed_at END,
        CASE WHEN k.has_ended THEN h.changed_at ELSE h.changed_at - interval '30 days' END
    FROM (
        SELECT
            p.person_id,
            p.nino,
            sample.share(p.person_id, seed, 300) / rate AS place,
            sample.last_change(as_of, sample.draw(p.person_id, seed, 301), 600) AS changed_at
        FROM dwp.person AS p
        WHERE sample.share(p.person_id, seed, 300) < rate * 1.7
        OFFSET 0
    ) AS h
    INNER JOIN (
        -- Ranges that overlap give some people two holds.
        VALUES
            (1, 'all', 'leave out', 'objection upheld', false, 0.0, 1.0),
            (2, 'gateway:scotland-act-2016-s34', 'leave out', 'accuracy disputed', false, 0.95, 1.1),
            (3, 'gateway:welfare-reform-act-2012-s131', 'leave out', 'objection upheld', false, 1.1, 1.2),
            (4, 'agreement:SDDSB-2026-021', 'leave out', 'court order', false, 1.15, 1.3),
            (5, 'gateway:digital-economy-act-2017-s35', 'stop and ask', 'investigation', false, 1.3, 1.4),
            (6, 'agreement:SDDSB-2025-003', 'stop and ask', 'appeal', false, 1.4, 1.5),
            (7, 'all', 'stop and ask', 'identity in doubt', true, 1.5, 1.7)
    ) AS k (number, scope, effect, reason_code, has_ended, first_place, next_place)
        ON h.place >= k.first_place AND h.place < k.next_place;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END
$$;

RESET ROLE;

-- The two control relations that every source must offer, beside its datasets.

SET ROLE source_owner;

CREATE OR REPLACE VIEW curated.hold AS
SELECT
    h.nino AS person,
    h.scope,
    h.effect,
    h.recorded_at
FROM dwp.hold AS h
WHERE h.ended_at IS NULL;
COMMENT ON VIEW curated.hold IS 'Holds in force: whom, from what, how, since when.';

CREATE OR REPLACE VIEW curated.load_stamp AS
SELECT
    s.table_name,
    s.loaded_at,
    s.row_count
FROM dwp.load_stamp AS s;
COMMENT ON VIEW curated.load_stamp IS 'How fresh each base table is. Row `hold`: the list''s own declared count.';

-- A hold takes effect and is counted in one statement, so that list and declared count never differ.
CREATE OR REPLACE FUNCTION dwp.record_hold(person text, scope text, effect text, reason_code text, at timestamptz)
RETURNS bigint
LANGUAGE sql
BEGIN ATOMIC
    UPDATE dwp.load_stamp SET row_count = row_count + 1, loaded_at = at WHERE table_name = 'hold';
    INSERT INTO dwp.hold (hold_id, nino, scope, effect, reason_code, recorded_at, updated_at)
    SELECT coalesce(max(h.hold_id), 0) + 1, person, record_hold.scope, record_hold.effect, record_hold.reason_code, at, at
    FROM dwp.hold AS h
    RETURNING hold_id;
END;
COMMENT ON FUNCTION dwp.record_hold IS 'Puts a person on hold; returns the hold''s number.';

CREATE OR REPLACE FUNCTION dwp.end_hold(number bigint, at timestamptz)
RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    UPDATE dwp.load_stamp SET row_count = row_count - 1, loaded_at = at
    WHERE table_name = 'hold' AND EXISTS (SELECT FROM dwp.hold AS h WHERE h.hold_id = number AND h.ended_at IS NULL);
    UPDATE dwp.hold SET ended_at = at, updated_at = at WHERE hold_id = number AND ended_at IS NULL;
END;
COMMENT ON FUNCTION dwp.end_hold IS 'Ends a hold; one that has ended stays as it is.';

RESET ROLE;

-- The ledger: what happened, in order, for good.
--
-- Parameter: :"application" is the login role of the software. The schema `ledger` and everything in it belongs to a
-- role that nobody can log in as (extracts/record/migrations.py makes both before this file runs as that role).
--
-- Each event carries the digest of the one before it. Its own digest is SHA-256 over the canonical JSON (RFC 8785) of
-- its other columns, so a database administrator can check the chain without our software:
--
--   SELECT min(sequence) FROM ledger.event e WHERE e.digest <> ledger.digest_of(e);

CREATE TABLE ledger.event (
    sequence bigint      NOT NULL PRIMARY KEY,
    at       timestamptz NOT NULL,
    kind     text        NOT NULL,
    subject  text        NOT NULL,
    actor    text        NOT NULL,
    payload  text        NOT NULL,
    previous text        NOT NULL,
    digest   text        NOT NULL,
    CONSTRAINT event_sequence_counts_from_one CHECK (sequence > 0),
    CONSTRAINT event_at_is_a_date             CHECK (at >= '2000-01-01+00' AND at < '9999-01-01+00'),
    CONSTRAINT event_kind_is_words            CHECK (kind ~ '^[a-z][a-z0-9]*([._-][a-z0-9]+)*$' AND length(kind) <= 80),
    CONSTRAINT event_subject_is_an_id         CHECK (subject ~ '^[A-Za-z0-9][A-Za-z0-9._:+/@-]{0,199}$'),
    CONSTRAINT event_actor_is_a_name          CHECK (length(actor) BETWEEN 1 AND 200 AND actor !~ '[\u0001-\u001f\u007f-\u009f]'),
    CONSTRAINT event_payload_is_an_object     CHECK (json_typeof(payload::json) = 'object' AND octet_length(payload) <= 65536),
    CONSTRAINT event_previous_is_a_digest     CHECK (previous ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT event_digest_is_a_digest       CHECK (digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE ledger.event IS 'What happened, in order, for good: counts, names and digests, never a person''s value';
COMMENT ON COLUMN ledger.event.payload IS 'Canonical JSON as text, because the digest is over these very characters';
COMMENT ON COLUMN ledger.event.previous IS 'The digest of the event before; of the first event: sha256: and 64 zeros';

CREATE INDEX event_by_subject ON ledger.event (subject, sequence);
CREATE INDEX event_by_kind ON ledger.event (kind, sequence);

CREATE FUNCTION ledger.digest_of(e ledger.event) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN 'sha256:' || encode(sha256(convert_to(
       '{"actor":'     || to_json(e.actor)::text
    || ',"at":"'       || to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    || CASE WHEN date_trunc('second', e.at) = e.at THEN '' ELSE to_char(e.at AT TIME ZONE 'UTC', '.US') END
    || 'Z","kind":'    || to_json(e.kind)::text
    || ',"payload":'   || e.payload
    || ',"previous":'  || to_json(e.previous)::text
    || ',"sequence":'  || e.sequence::text
    || ',"subject":'   || to_json(e.subject)::text
    || '}', 'UTF8')), 'hex');

-- Whoever inserts, and with whatever program: the chain goes on from its last event, or the event is refused.
CREATE FUNCTION ledger.check_link() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last_sequence bigint;
    last_digest   text;
BEGIN
    PERFORM pg_advisory_xact_lock(1818584167, 1);  -- the lock that the software takes too
    SELECT e.sequence, e.digest INTO last_sequence, last_digest FROM ledger.event e ORDER BY e.sequence DESC LIMIT 1;
    IF NEW.sequence <> coalesce(last_sequence, 0) + 1 THEN
        RAISE EXCEPTION 'ledger: event % does not follow event %', NEW.sequence, coalesce(last_sequence, 0)
            USING ERRCODE = 'EX001';
    END IF;
    IF NEW.previous <> coalesce(last_digest, 'sha256:' || repeat('0', 64)) THEN
        RAISE EXCEPTION 'ledger: event % does not carry the digest of the event before it', NEW.sequence
            USING ERRCODE = 'EX001';
    END IF;
    IF NEW.digest <> ledger.digest_of(NEW) THEN
        RAISE EXCEPTION 'ledger: the digest of event % is not over its content', NEW.sequence
            USING ERRCODE = 'EX001';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'ledger: % is refused; events are only ever added', TG_OP USING ERRCODE = 'EX002';
END
$$;

CREATE TRIGGER check_link BEFORE INSERT ON ledger.event FOR EACH ROW EXECUTE FUNCTION ledger.check_link();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.event
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
-- ALWAYS: or a session that calls itself a replica would not be stopped.
ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER check_link;
ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER refuse_change;

GRANT USAGE ON SCHEMA ledger TO :"application";
GRANT SELECT, INSERT ON ledger.event TO :"application";

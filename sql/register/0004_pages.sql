-- What the pages over all agreements look for, beside the documents that say it, so that no page reads every document.
--
-- The columns are computed from the document or plan in the same row, always: nobody writes them, and they cannot say
-- anything else. A document without such a part gives null, or an empty list.

-- The database can look into no document that holds the character NUL (no request has got past its checks with one).
CREATE FUNCTION register.readable(document text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN strpos(document, '\u0000') = 0 THEN document::jsonb END;

CREATE FUNCTION register.part_of(document text, VARIADIC path text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN register.readable(document) #>> path;

-- Dates in documents are ISO 8601, whatever the session's style is.
CREATE FUNCTION register.day_of(document text, VARIADIC path text[]) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(register.readable(document) #>> path, '')::date;

CREATE FUNCTION register.datasets_of(document text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT d #>> '{}' FROM jsonb_path_query(register.readable(document), '$.datasets[*].dataset') AS d ORDER BY 1);

CREATE FUNCTION register.knows_only_the_present(plan text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_path_exists(register.readable(plan), '$.datasets[*].period_kind ? (@ == "as at now")');

ALTER TABLE register.request
    ADD COLUMN gateway     text   GENERATED ALWAYS AS (coalesce(register.part_of(document, 'legal', 'gateway'), '')) STORED,
    ADD COLUMN datasets    text[] GENERATED ALWAYS AS (register.datasets_of(document)) STORED,
    ADD COLUMN received_on date   GENERATED ALWAYS AS (register.day_of(document, 'received_on')) STORED,
    ADD COLUMN sought      text   GENERATED ALWAYS AS (
        lower(request_id || ' ' || title || ' ' || coalesce(register.part_of(document, 'purpose', 'text'), ''))) STORED;
COMMENT ON COLUMN register.request.sought IS 'Id, title and purpose in small letters: what a search looks in';

ALTER TABLE register.decision
    ADD COLUMN frequency    text    GENERATED ALWAYS AS (coalesce(register.part_of(plan, 'frequency'), '')) STORED,
    ADD COLUMN schedule     text    GENERATED ALWAYS AS (coalesce(register.part_of(plan, 'schedule'), '')) STORED,
    ADD COLUMN only_present boolean GENERATED ALWAYS AS (register.knows_only_the_present(plan)) STORED,
    ADD COLUMN starts_on    date    GENERATED ALWAYS AS (register.day_of(plan, 'start_on')) STORED,
    ADD COLUMN ends_on      date    GENERATED ALWAYS AS (register.day_of(plan, 'end_on')) STORED,
    ADD COLUMN review_on    date    GENERATED ALWAYS AS (
        coalesce(register.day_of(document, 'review_on'), register.day_of(plan, 'review_on'))) STORED;
COMMENT ON COLUMN register.decision.only_present IS 'Whether a delivery is about the period in which it runs';

CREATE INDEX request_by_recipient ON register.request (recipient);
CREATE INDEX request_by_gateway ON register.request (gateway);
CREATE INDEX request_by_dataset ON register.request USING gin (datasets);
CREATE INDEX request_by_submission ON register.request (submitted_at DESC, request_id DESC);
CREATE INDEX run_by_start ON register.run (started_at);
CREATE INDEX delivery_by_period ON register.delivery (period);
CREATE INDEX delivery_by_publication ON register.delivery (published_at DESC, delivery_id DESC);

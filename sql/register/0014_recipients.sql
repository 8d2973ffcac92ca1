-- One decision, many recipients: whom a request is for, and deliveries, notices and rehearsals of each of them.
--
-- `request.recipient` says it in one line, as it did for one; several are computed from the document that names them.

CREATE FUNCTION register.several_recipients(document text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(
    ARRAY(
        SELECT r #>> '{}' FROM jsonb_path_query(register.readable(document), '$.recipients[*].recipient') AS r
        ORDER BY 1),
    '{}');

ALTER TABLE register.request
    ADD COLUMN recipients text[] NOT NULL
        GENERATED ALWAYS AS (coalesce(register.several_recipients(document), ARRAY[recipient])) STORED;
COMMENT ON COLUMN register.request.recipients IS 'Everybody whom it is for, by id';
COMMENT ON COLUMN register.request.recipient IS 'Whom it is for in one line: one id, or several with commas between them';
DROP INDEX register.request_by_recipient;
CREATE INDEX request_by_recipient ON register.request USING gin (recipients);

-- A delivery is one recipient's: each has its own of a period, with revisions of its own.
ALTER TABLE register.delivery DROP CONSTRAINT delivery_request_id_period_revision_key;
ALTER TABLE register.delivery
    ADD COLUMN part text NOT NULL DEFAULT '',
    ADD UNIQUE (request_id, period, revision, recipient),
    ADD CONSTRAINT delivery_part_is_the_recipients CHECK (part IN ('', recipient));
COMMENT ON TABLE register.delivery IS 'What left, or is about to: one row per request, period, revision and recipient';
COMMENT ON COLUMN register.delivery.part IS 'The recipient where an agreement has several, and then part of the id; else empty';

-- So is a notice that one did not come, and a notice about a delivery.
ALTER TABLE register.no_delivery_step DROP CONSTRAINT no_delivery_step_request_id_period_fkey;
ALTER TABLE register.no_delivery_step ADD COLUMN recipient text;
UPDATE register.no_delivery_step s SET recipient = n.recipient
    FROM register.no_delivery n WHERE n.request_id = s.request_id AND n.period = s.period;
ALTER TABLE register.no_delivery DROP CONSTRAINT no_delivery_pkey, ADD PRIMARY KEY (request_id, period, recipient);
ALTER TABLE register.no_delivery_step
    DROP CONSTRAINT no_delivery_step_pkey,
    ADD PRIMARY KEY (request_id, period, recipient, step),
    ADD FOREIGN KEY (request_id, period, recipient) REFERENCES register.no_delivery;
COMMENT ON TABLE register.no_delivery IS 'What recipients were told of deliveries that were due and did not come: once per agreement, period and recipient';

ALTER TABLE register.notice ADD COLUMN recipient text NOT NULL DEFAULT '';
COMMENT ON COLUMN register.notice.recipient IS 'Whom of several recipients it is for; empty: whomever the request is for';

-- Agreements that run elsewhere: by e-mail, in another system, on paper. Registered so that the register is whole.
--
-- A correction and the end are further revisions: the application may add rows, and change none. What lists look for is
-- computed from the document in the same row, as in 0004_pages.sql, so that nobody can write anything else.

CREATE FUNCTION register.classes_of(document text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT c #>> '{}' FROM jsonb_path_query(register.readable(document), '$.classes[*]') AS c);

CREATE TABLE register.elsewhere (
    elsewhere_id text        NOT NULL,
    revision     integer     NOT NULL,
    document     text        NOT NULL,
    digest       text        NOT NULL,
    recorded_by  text        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    title        text   GENERATED ALWAYS AS (coalesce(register.part_of(document, 'title'), '')) STORED,
    carrier      text   GENERATED ALWAYS AS (coalesce(register.part_of(document, 'carrier'), '')) STORED,
    recipient    text   GENERATED ALWAYS AS (coalesce(register.part_of(document, 'recipient'), '')) STORED,
    classes      text[] GENERATED ALWAYS AS (register.classes_of(document)) STORED,
    gateway      text   GENERATED ALWAYS AS (coalesce(register.part_of(document, 'gateway'), '')) STORED,
    owner        text   GENERATED ALWAYS AS (coalesce(register.part_of(document, 'owner'), '')) STORED,
    valid_from   date   GENERATED ALWAYS AS (register.day_of(document, 'valid_from')) STORED,
    valid_until  date   GENERATED ALWAYS AS (register.day_of(document, 'valid_until')) STORED,
    review_on    date   GENERATED ALWAYS AS (register.day_of(document, 'review_on')) STORED,
    ended_on     date   GENERATED ALWAYS AS (register.day_of(document, 'ended_on')) STORED,
    sought       text   GENERATED ALWAYS AS (
        lower(elsewhere_id || ' ' || coalesce(register.part_of(document, 'title'), ''))) STORED,
    PRIMARY KEY (elsewhere_id, revision),
    CONSTRAINT elsewhere_id_is_an_id CHECK (elsewhere_id ~ '^elsewhere-(19|20)[0-9]{2}-[0-9]{3,4}$'),
    CONSTRAINT elsewhere_revision_counts_from_one CHECK (revision > 0),
    CONSTRAINT elsewhere_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT elsewhere_ends_after_it_begins CHECK (valid_until >= valid_from)
);
COMMENT ON TABLE register.elsewhere IS 'Agreements that run elsewhere; every correction, and the end, is a further revision';
COMMENT ON COLUMN register.elsewhere.recipient IS 'The id of a declared recipient, or the name of another body';
COMMENT ON COLUMN register.elsewhere.sought IS 'Id and title in small letters: what a search looks in';
CREATE INDEX elsewhere_by_recipient ON register.elsewhere (recipient);
CREATE INDEX elsewhere_by_end ON register.elsewhere (valid_until);

GRANT SELECT, INSERT ON register.elsewhere TO :"application";

-- A notice is about a version of a request, or about a revision of an agreement that runs elsewhere.
ALTER TABLE register.notice
    ALTER COLUMN request_id DROP NOT NULL,
    ADD COLUMN elsewhere_id text,
    ADD FOREIGN KEY (elsewhere_id, version) REFERENCES register.elsewhere,
    ADD CONSTRAINT notice_is_about_one_thing CHECK (num_nonnulls(request_id, elsewhere_id) = 1);
COMMENT ON COLUMN register.notice.version IS 'The version of the request, or the revision of the agreement elsewhere';
CREATE INDEX notice_by_elsewhere ON register.notice (elsewhere_id, raised_at) WHERE elsewhere_id IS NOT NULL;

ALTER TABLE register.notice DROP CONSTRAINT notice_kind_is_known;
ALTER TABLE register.notice ADD CONSTRAINT notice_kind_is_known CHECK (kind IN (
    'awaited', 'overdue', 'returned', 'refused', 'approved', 'delivered', 'renewal due', 'stopped',
    'receipt refused', 'not acknowledged', 'taken back', 'to be destroyed', 'not destroyed', 'ends elsewhere'));
ALTER TABLE register.notice DROP CONSTRAINT notice_audience_is_known;
ALTER TABLE register.notice ADD CONSTRAINT notice_audience_is_known CHECK (
    audience IN ('board', 'controller', 'engineer', 'requester', 'recipient', 'owner'));

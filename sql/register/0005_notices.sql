-- The outbox: what people are told, written in the transaction that gives the reason, and how far each was sent.
--
-- A notice is told once per cause and audience, whoever raises it again. It holds ids, declared words, dates and counts:
-- nothing that a person typed, and nothing about a claimant.

CREATE TABLE register.notice (
    notice_id  text        NOT NULL PRIMARY KEY,
    cause      text        NOT NULL,
    audience   text        NOT NULL,
    kind       text        NOT NULL,
    request_id text        NOT NULL,
    version    integer     NOT NULL,
    subject    text        NOT NULL,
    body       text        NOT NULL,
    raised_at  timestamptz NOT NULL,
    UNIQUE (cause, audience),
    FOREIGN KEY (request_id, version) REFERENCES register.request,
    CONSTRAINT notice_id_is_an_id CHECK (notice_id ~ '^[0-9a-f]{32}$'),
    CONSTRAINT notice_audience_is_known CHECK (audience IN ('board', 'controller', 'engineer', 'requester', 'recipient')),
    CONSTRAINT notice_kind_is_known CHECK (kind IN (
        'awaited', 'overdue', 'returned', 'refused', 'approved', 'delivered', 'renewal due', 'stopped')),
    CONSTRAINT notice_subject_is_one_line CHECK (subject !~ '[\u0001-\u001f\u007f-\u009f]')
);
COMMENT ON TABLE register.notice IS 'What people are told: once per cause and audience';
CREATE INDEX notice_by_request ON register.notice (request_id, raised_at);

CREATE TABLE register.notice_sending (
    notice_id   text        NOT NULL REFERENCES register.notice,
    channel     text        NOT NULL,
    address     text        NOT NULL,
    attempts    integer     NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,
    sent_at     timestamptz,
    failure     text        NOT NULL DEFAULT '',
    PRIMARY KEY (notice_id, channel, address),
    CONSTRAINT notice_sending_channel_is_known CHECK (channel IN ('folder', 'smtp'))
);
COMMENT ON TABLE register.notice_sending IS 'One notice to one address by one channel: how often it was tried, and when it went';
COMMENT ON COLUMN register.notice_sending.address IS 'Empty for the folder, and for mail while nobody has the role';
CREATE INDEX notice_sending_waiting ON register.notice_sending (next_try_at) WHERE sent_at IS NULL;

-- What went stays gone: it is never tried again.
CREATE FUNCTION register.keep_sent() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'register: a notice that was sent does not change' USING ERRCODE = 'EX004';
END
$$;
CREATE TRIGGER keep_sent BEFORE UPDATE ON register.notice_sending FOR EACH ROW
    WHEN (OLD.sent_at IS NOT NULL) EXECUTE FUNCTION register.keep_sent();
ALTER TABLE register.notice_sending ENABLE ALWAYS TRIGGER keep_sent;

GRANT SELECT, INSERT ON register.notice, register.notice_sending TO :"application";
GRANT UPDATE (attempts, next_try_at, sent_at, failure) ON register.notice_sending TO :"application";

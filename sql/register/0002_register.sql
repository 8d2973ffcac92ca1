-- The register: requests, decisions, orders, signatures, runs and deliveries.
--
-- Parameter: :"application" is the login role of the software. It can delete nothing, and change only the columns that
-- have a life (a status, the end of a run, the state of a delivery); documents and signatures stay as they were saved.
-- Documents are canonical JSON as text, beside the digest that people sign or quote.

CREATE TABLE register.request (
    request_id             text        NOT NULL,
    version                integer     NOT NULL,
    title                  text        NOT NULL,
    requester_organisation text        NOT NULL,
    requester_name         text        NOT NULL,
    recipient              text        NOT NULL,
    status                 text        NOT NULL,
    document               text        NOT NULL,
    digest                 text        NOT NULL,
    submitted_at           timestamptz NOT NULL,
    PRIMARY KEY (request_id, version),
    CONSTRAINT request_version_counts_from_one CHECK (version > 0),
    CONSTRAINT request_id_is_an_id CHECK (request_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$'),
    CONSTRAINT request_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.request IS 'What was asked: one row per version; only its status changes';
CREATE INDEX request_by_status ON register.request (status);

CREATE TABLE register.status_change (
    request_id  text        NOT NULL,
    version     integer     NOT NULL,
    number      integer     NOT NULL,
    from_status text        NOT NULL,
    to_status   text        NOT NULL,
    at          timestamptz NOT NULL,
    actor       text        NOT NULL,
    comment     text        NOT NULL,
    PRIMARY KEY (request_id, version, number),
    FOREIGN KEY (request_id, version) REFERENCES register.request
);
COMMENT ON TABLE register.status_change IS 'How a request came to its status; number counts from 1, from_status of the first is empty';

CREATE TABLE register.assessment (
    request_id     text        NOT NULL,
    version        integer     NOT NULL,
    digest         text        NOT NULL,
    policy_version text        NOT NULL,
    passed         boolean     NOT NULL,
    document       text        NOT NULL,
    assessed_at    timestamptz NOT NULL,
    PRIMARY KEY (request_id, version, digest),
    FOREIGN KEY (request_id, version) REFERENCES register.request,
    CONSTRAINT assessment_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.assessment IS 'What the policy statement found in a request';

CREATE TABLE register.decision (
    digest      text        NOT NULL PRIMARY KEY,
    request_id  text        NOT NULL,
    version     integer     NOT NULL,
    outcome     text        NOT NULL,
    plan_digest text        NOT NULL,
    document    text        NOT NULL,
    plan        text        NOT NULL,
    valid_from  date,
    valid_until date,
    recorded_at timestamptz NOT NULL,
    FOREIGN KEY (request_id, version) REFERENCES register.request,
    CONSTRAINT decision_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.decision IS 'What was decided and which plan it binds; in force only with both signatures';
CREATE INDEX decision_by_request ON register.decision (request_id, recorded_at);

CREATE TABLE register.signature (
    document_digest text        NOT NULL,
    namespace       text        NOT NULL,
    principal       text        NOT NULL,
    key_fingerprint text        NOT NULL,
    signature       text        NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (document_digest, namespace),
    CONSTRAINT signature_is_armoured CHECK (signature LIKE '-----BEGIN SSH SIGNATURE-----%'),
    CONSTRAINT signature_digest_is_a_digest CHECK (document_digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.signature IS 'Every verified signature and when it was first seen: it is judged at that time';

CREATE TABLE register.signed_order (
    request_id      text        NOT NULL,
    number          integer     NOT NULL,
    kind            text        NOT NULL,
    decision_digest text        NOT NULL REFERENCES register.decision,
    document        text        NOT NULL,
    digest          text        NOT NULL UNIQUE,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (request_id, number),
    CONSTRAINT signed_order_number_counts_from_one CHECK (number > 0),
    CONSTRAINT signed_order_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.signed_order IS 'Suspend, resume, revoke: signed orders on a decision';

CREATE TABLE register.run (
    run_id      text        NOT NULL PRIMARY KEY,
    request_id  text        NOT NULL,
    version     integer     NOT NULL,
    period      text        NOT NULL,
    attempt     integer     NOT NULL DEFAULT 1,
    started_by  text        NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    outcome     text        NOT NULL DEFAULT '',
    gate        text        NOT NULL DEFAULT '',
    reason      text        NOT NULL DEFAULT '',
    counts      text        NOT NULL DEFAULT '{}',
    snapshot    text        NOT NULL DEFAULT '{}',
    delivery_id text        NOT NULL DEFAULT '',
    FOREIGN KEY (request_id, version) REFERENCES register.request,
    CONSTRAINT run_ends_with_an_outcome CHECK ((ended_at IS NULL) = (outcome = ''))
);
COMMENT ON TABLE register.run IS 'Each attempt to deliver: how it ended and which gate stopped it';
CREATE INDEX run_by_request ON register.run (request_id, started_at DESC);

CREATE TABLE register.delivery (
    delivery_id              text        NOT NULL PRIMARY KEY,
    request_id               text        NOT NULL,
    version                  integer     NOT NULL,
    period                   text        NOT NULL,
    period_first             date        NOT NULL,
    period_last              date        NOT NULL,
    revision                 integer     NOT NULL,
    recipient                text        NOT NULL,
    decision_digest          text        NOT NULL REFERENCES register.decision,
    run_id                   text        NOT NULL REFERENCES register.run,
    supersedes               text        REFERENCES register.delivery,
    reason                   text        NOT NULL,
    state                    text        NOT NULL,
    path                     text        NOT NULL DEFAULT '',
    manifest_digest          text        NOT NULL DEFAULT '',
    previous_manifest_digest text        NOT NULL DEFAULT '',
    rows                     bigint      NOT NULL DEFAULT 0,
    bytes                    bigint      NOT NULL DEFAULT 0,
    files                    text        NOT NULL DEFAULT '[]',
    created_at               timestamptz NOT NULL,
    published_at             timestamptz,
    UNIQUE (request_id, period, revision),
    FOREIGN KEY (request_id, version) REFERENCES register.request,
    CONSTRAINT delivery_revision_counts_from_one CHECK (revision > 0),
    CONSTRAINT delivery_period_has_an_order CHECK (period_first <= period_last),
    CONSTRAINT delivery_correction_names_what_it_supersedes CHECK (revision = 1 OR supersedes IS NOT NULL),
    CONSTRAINT delivery_state_is_known CHECK (state IN ('building', 'stopped', 'publishing', 'published', 'superseded', 'withdrawn')),
    CONSTRAINT delivery_published_has_a_manifest CHECK (
        state IN ('building', 'stopped') OR manifest_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT delivery_published_has_a_time CHECK (
        (published_at IS NOT NULL) = (state IN ('published', 'superseded', 'withdrawn')))
);
COMMENT ON TABLE register.delivery IS 'What left, or is about to: one row per request, period and revision';
CREATE INDEX delivery_by_state ON register.delivery (state);

-- What was published stays as it was; only whether it still counts may change.
CREATE FUNCTION register.keep_published() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_jsonb(OLD) - 'state' <> to_jsonb(NEW) - 'state' OR NEW.state NOT IN ('published', 'superseded', 'withdrawn') THEN
        RAISE EXCEPTION 'register: a published delivery changes in its state only' USING ERRCODE = 'EX003';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_published BEFORE UPDATE ON register.delivery FOR EACH ROW
    WHEN (OLD.published_at IS NOT NULL) EXECUTE FUNCTION register.keep_published();
ALTER TABLE register.delivery ENABLE ALWAYS TRIGGER keep_published;

GRANT USAGE ON SCHEMA register TO :"application";
GRANT SELECT ON ALL TABLES IN SCHEMA register TO :"application";
GRANT INSERT ON register.request, register.status_change, register.assessment, register.decision, register.signature,
    register.signed_order, register.run, register.delivery TO :"application";
GRANT UPDATE (status) ON register.request TO :"application";
GRANT UPDATE (attempt, started_by, started_at, ended_at, outcome, gate, reason, counts, snapshot, delivery_id)
    ON register.run TO :"application";
GRANT UPDATE (state, path, manifest_digest, previous_manifest_digest, rows, bytes, files, published_at, run_id, version,
    decision_digest) ON register.delivery TO :"application";

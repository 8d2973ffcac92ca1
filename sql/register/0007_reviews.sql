-- What reviews were asked for, and what was answered. Evidence, never a decision: no signature covers it.
-- The application may add rows, and change none: an answer stays as it was given.

CREATE TABLE register.review_asked (
    request_id     text        NOT NULL,
    version        integer     NOT NULL,
    review         text        NOT NULL,
    policy_version text        NOT NULL,
    clause         text        NOT NULL,
    asked_at       timestamptz NOT NULL,
    target_on      date        NOT NULL,
    PRIMARY KEY (request_id, version, review),
    FOREIGN KEY (request_id, version) REFERENCES register.request,
    CONSTRAINT review_asked_is_known CHECK (
        review IN ('legal', 'data protection', 'security', 'information asset owner', 'board'))
);
COMMENT ON TABLE register.review_asked IS 'Which reviews of a version the policy asked for, since when, and by when they are due';
CREATE INDEX review_asked_by_target ON register.review_asked (target_on);

CREATE TABLE register.review_answer (
    request_id       text        NOT NULL,
    version          integer     NOT NULL,
    review           text        NOT NULL,
    answered_by      text        NOT NULL,
    stands_for       text        NOT NULL,
    document         text        NOT NULL,
    digest           text        NOT NULL,
    reviewers_digest text        NOT NULL,
    answered_at      timestamptz NOT NULL,
    PRIMARY KEY (request_id, version, review),
    FOREIGN KEY (request_id, version, review) REFERENCES register.review_asked,
    UNIQUE (request_id, version, answered_by),
    CONSTRAINT review_answer_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT review_answer_reviewers_digest_is_a_digest CHECK (reviewers_digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.review_answer IS 'One answer per review; stands_for is whose deputy answered, empty if nobody''s';

GRANT SELECT, INSERT ON register.review_asked, register.review_answer TO :"application";

-- Answers to reviews that still hold for the next version. A row points at the answer; the answer itself stays where it
-- was given, about the version that it was given on. The application may add rows, and change none.

CREATE TABLE register.review_carried (
    request_id    text        NOT NULL,
    version       integer     NOT NULL,
    review        text        NOT NULL,
    from_version  integer     NOT NULL,
    answer_digest text        NOT NULL,
    why           text        NOT NULL,
    carried_at    timestamptz NOT NULL,
    PRIMARY KEY (request_id, version, review),
    FOREIGN KEY (request_id, version, review) REFERENCES register.review_asked,
    FOREIGN KEY (request_id, from_version, review) REFERENCES register.review_answer,
    CONSTRAINT review_carried_goes_forward CHECK (from_version < version),
    CONSTRAINT review_carried_is_no_recommendation CHECK (review <> 'board'),
    CONSTRAINT review_carried_answer_digest_is_a_digest CHECK (answer_digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.review_carried IS 'Answers that were found to hold for a later version, which version they are about, and why they hold';

GRANT SELECT, INSERT ON register.review_carried TO :"application";

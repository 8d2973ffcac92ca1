-- A reviewer whose answer was carried from an earlier version can be asked again. From then on the carried answer counts
-- no more, and the review waits for a new one. The application may add rows, and change none.

CREATE TABLE register.review_asked_again (
    request_id text        NOT NULL,
    version    integer     NOT NULL,
    review     text        NOT NULL,
    asked_by   text        NOT NULL,
    reasons    text        NOT NULL,
    asked_at   timestamptz NOT NULL,
    PRIMARY KEY (request_id, version, review),
    FOREIGN KEY (request_id, version, review) REFERENCES register.review_carried
);
COMMENT ON TABLE register.review_asked_again IS 'Carried answers that the Board set aside, by whom and why: these reviews are answered anew';

GRANT SELECT, INSERT ON register.review_asked_again TO :"application";

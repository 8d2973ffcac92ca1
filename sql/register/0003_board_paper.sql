-- What is written for those who decide: briefings and counter-offers. Advice, never a decision: no signature covers it.

CREATE TABLE register.board_paper (
    digest     text        NOT NULL PRIMARY KEY,
    request_id text        NOT NULL,
    version    integer     NOT NULL,
    kind       text        NOT NULL,
    document   text        NOT NULL,
    written_at timestamptz NOT NULL,
    FOREIGN KEY (request_id, version) REFERENCES register.request,
    CONSTRAINT board_paper_kind_is_known CHECK (kind IN ('briefing', 'counter-offer')),
    CONSTRAINT board_paper_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.board_paper IS 'Briefings and counter-offers: what was before the deciders, counts and names only';
CREATE INDEX board_paper_by_request ON register.board_paper (request_id, version, written_at);

GRANT SELECT, INSERT ON register.board_paper TO :"application";

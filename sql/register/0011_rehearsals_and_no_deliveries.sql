-- What is not a delivery: rehearsals before the first one, and notices that one did not come. Both stand in tables of their
-- own. The application may add rows, and change none.

CREATE TABLE register.rehearsal (
    rehearsal_id    text        NOT NULL PRIMARY KEY,
    request_id      text        NOT NULL,
    version         integer     NOT NULL,
    number          integer     NOT NULL,
    recipient       text        NOT NULL,
    decision_digest text        NOT NULL REFERENCES register.decision,
    manifest_digest text        NOT NULL,
    files           text        NOT NULL,
    made_at         timestamptz NOT NULL,
    made_by         text        NOT NULL,
    UNIQUE (request_id, number),
    FOREIGN KEY (request_id, version) REFERENCES register.request,
    CONSTRAINT rehearsal_is_marked CHECK (rehearsal_id LIKE 'TEST-%'),
    CONSTRAINT rehearsal_number_counts_from_one CHECK (number > 0),
    CONSTRAINT rehearsal_manifest_is_named_by_digest CHECK (manifest_digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.rehearsal IS 'Rehearsals of agreements: what was made up and signed, before it was published';

CREATE TABLE register.rehearsal_step (
    rehearsal_id    text        NOT NULL REFERENCES register.rehearsal,
    number          integer     NOT NULL,
    step            text        NOT NULL,
    at              timestamptz NOT NULL,
    actor           text        NOT NULL,
    document_digest text        NOT NULL DEFAULT '',
    document        text        NOT NULL DEFAULT '',
    signature       text        NOT NULL DEFAULT '',
    PRIMARY KEY (rehearsal_id, number),
    CONSTRAINT rehearsal_step_number_counts_from_one CHECK (number > 0),
    CONSTRAINT rehearsal_step_is_known CHECK (
        step IN ('published', 'collected', 'acknowledged', 'ended', 'removed')),
    CONSTRAINT rehearsal_step_receipt_is_whole CHECK (
        (document_digest = '') = (document = '') AND (document = '') = (signature = ''))
);
COMMENT ON TABLE register.rehearsal_step IS 'What became of a rehearsal; a receipt that moved it is kept as it was signed';
CREATE INDEX rehearsal_step_by_receipt ON register.rehearsal_step (document_digest);

CREATE TABLE register.rehearsal_waiver (
    request_id text        NOT NULL,
    version    integer     NOT NULL,
    reasons    text        NOT NULL,
    waived_by  text        NOT NULL,
    waived_at  timestamptz NOT NULL,
    PRIMARY KEY (request_id, version),
    FOREIGN KEY (request_id, version) REFERENCES register.request
);
COMMENT ON TABLE register.rehearsal_waiver IS 'Emergencies in which a first delivery went without a rehearsal, as the policy statement lets it';

CREATE TABLE register.no_delivery (
    request_id text        NOT NULL,
    period     text        NOT NULL,
    version    integer     NOT NULL,
    recipient  text        NOT NULL,
    reason     text        NOT NULL,
    due_at     timestamptz NOT NULL,
    document   text        NOT NULL,
    digest     text        NOT NULL,
    signature  text        NOT NULL,
    noted_at   timestamptz NOT NULL,
    PRIMARY KEY (request_id, period),
    FOREIGN KEY (request_id, version) REFERENCES register.request,
    CONSTRAINT no_delivery_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT no_delivery_signature_is_armoured CHECK (signature LIKE '-----BEGIN SSH SIGNATURE-----%')
);
COMMENT ON TABLE register.no_delivery IS 'What recipients were told of deliveries that were due and did not come: once per agreement and period';

CREATE TABLE register.no_delivery_step (
    request_id text        NOT NULL,
    period     text        NOT NULL,
    step       text        NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (request_id, period, step),
    FOREIGN KEY (request_id, period) REFERENCES register.no_delivery,
    CONSTRAINT no_delivery_step_is_known CHECK (step IN ('placed', 'lifted', 'removed'))
);
COMMENT ON TABLE register.no_delivery_step IS 'When a notice lay in the transfer area, ceased to count, and was out of the area';

ALTER TABLE register.notice DROP CONSTRAINT notice_kind_is_known;
ALTER TABLE register.notice ADD CONSTRAINT notice_kind_is_known CHECK (kind IN (
    'awaited', 'overdue', 'returned', 'refused', 'approved', 'delivered', 'renewal due', 'stopped',
    'receipt refused', 'not acknowledged', 'taken back', 'to be destroyed', 'not destroyed', 'ends elsewhere',
    'rehearsal', 'no delivery'));

GRANT SELECT, INSERT ON register.rehearsal, register.rehearsal_step, register.rehearsal_waiver, register.no_delivery,
    register.no_delivery_step TO :"application";

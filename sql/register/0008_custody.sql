-- What became of a delivery after it left: who acknowledged it, what was refused, and when every copy was destroyed.
-- The application may add rows, and change none: what a recipient signed stays as they signed it.

ALTER TABLE register.delivery ADD COLUMN destroy_by date;
COMMENT ON COLUMN register.delivery.destroy_by IS 'The day by which every copy must be destroyed, as its manifest says';
-- Of what left before, it is as near as the register knows.
ALTER TABLE register.delivery DISABLE TRIGGER keep_published;
UPDATE register.delivery d
    SET destroy_by = (d.published_at AT TIME ZONE 'UTC')::date + register.part_of(c.plan, 'retention_days')::integer
    FROM register.decision c WHERE c.digest = d.decision_digest AND d.published_at IS NOT NULL;
ALTER TABLE register.delivery ENABLE ALWAYS TRIGGER keep_published;
CREATE INDEX delivery_by_destruction ON register.delivery (destroy_by);
GRANT UPDATE (destroy_by) ON register.delivery TO :"application";

ALTER TABLE register.decision
    ADD COLUMN criticality text GENERATED ALWAYS AS (coalesce(register.part_of(plan, 'criticality'), '')) STORED;
COMMENT ON COLUMN register.decision.criticality IS 'What a late delivery harms, as the plan says';

ALTER TABLE register.request
    ADD COLUMN evidence_days integer GENERATED ALWAYS AS (
        register.part_of(document, 'retention', 'evidence_due_days')::integer) STORED;
COMMENT ON COLUMN register.request.evidence_days IS 'Within how many days of its end the certificate of destruction is due';

CREATE TABLE register.custody (
    delivery_id     text        NOT NULL REFERENCES register.delivery,
    number          integer     NOT NULL,
    step            text        NOT NULL,
    at              timestamptz NOT NULL,
    actor           text        NOT NULL,
    document_digest text        NOT NULL DEFAULT '',
    PRIMARY KEY (delivery_id, number),
    CONSTRAINT custody_number_counts_from_one CHECK (number > 0),
    CONSTRAINT custody_step_is_known CHECK (
        step IN ('published', 'collected', 'acknowledged', 'expired', 'withdrawn', 'destroyed')),
    CONSTRAINT custody_document_is_named_by_digest CHECK (
        document_digest = '' OR document_digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.custody IS 'Each step of a delivery after its publication; its last one is where it is now, none means published';

-- The register changes first, the transfer area after it. What is still to be taken out of the area is what has no row here.
CREATE TABLE register.removal (
    delivery_id text        NOT NULL,
    number      integer     NOT NULL,
    removed_at  timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, number),
    FOREIGN KEY (delivery_id, number) REFERENCES register.custody
);
COMMENT ON TABLE register.removal IS 'When the files of an expired or withdrawn delivery were out of the transfer area, by its step of custody';

CREATE TABLE register.receipt (
    digest          text        NOT NULL PRIMARY KEY,
    delivery_id     text        NOT NULL REFERENCES register.delivery,
    result          text        NOT NULL,
    signed_at       timestamptz NOT NULL,
    key_fingerprint text        NOT NULL,
    document        text        NOT NULL,
    signature       text        NOT NULL,
    taken_at        timestamptz NOT NULL,
    CONSTRAINT receipt_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT receipt_result_is_known CHECK (result IN ('verified', 'verified and decrypted')),
    CONSTRAINT receipt_signature_is_armoured CHECK (signature LIKE '-----BEGIN SSH SIGNATURE-----%')
);
COMMENT ON TABLE register.receipt IS 'Receipts that were taken: the very bytes that the recipient signed, and the signature';
CREATE INDEX receipt_by_delivery ON register.receipt (delivery_id, taken_at);

CREATE TABLE register.certificate (
    digest          text        NOT NULL PRIMARY KEY,
    recipient       text        NOT NULL,
    signed_at       timestamptz NOT NULL,
    key_fingerprint text        NOT NULL,
    document        text        NOT NULL,
    signature       text        NOT NULL,
    taken_at        timestamptz NOT NULL,
    CONSTRAINT certificate_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT certificate_signature_is_armoured CHECK (signature LIKE '-----BEGIN SSH SIGNATURE-----%')
);
COMMENT ON TABLE register.certificate IS 'Certificates of destruction that were taken; register.custody names the deliveries by this digest';

CREATE TABLE register.refused_document (
    digest      text        NOT NULL,
    recipient   text        NOT NULL,
    objection   text        NOT NULL,
    delivery_id text        REFERENCES register.delivery,
    refused_at  timestamptz NOT NULL,
    PRIMARY KEY (digest, recipient, objection),
    CONSTRAINT refused_document_digest_is_a_digest CHECK (digest ~ '^sha256:[0-9a-f]{64}$')
);
COMMENT ON TABLE register.refused_document IS 'Receipts and certificates that were refused, by the digest of their bytes: once each, however often they are put there';

ALTER TABLE register.notice DROP CONSTRAINT notice_kind_is_known;
ALTER TABLE register.notice ADD CONSTRAINT notice_kind_is_known CHECK (kind IN (
    'awaited', 'overdue', 'returned', 'refused', 'approved', 'delivered', 'renewal due', 'stopped',
    'receipt refused', 'not acknowledged', 'taken back', 'to be destroyed', 'not destroyed'));

GRANT SELECT, INSERT ON register.custody, register.removal, register.receipt, register.certificate, register.refused_document
    TO :"application";

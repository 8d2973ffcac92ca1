-- That a recipient's key was confirmed out of band, under the name that its organisation had then. The application may add
-- rows, and change none: a key that was confirmed under another name is not confirmed under this one.

CREATE TABLE register.recipient_confirmation (
    recipient    text        NOT NULL,
    organisation text        NOT NULL,
    fingerprint  text        NOT NULL,
    channel      text        NOT NULL,
    spoken_with  text        NOT NULL,
    confirmed_by text        NOT NULL,
    confirmed_at timestamptz NOT NULL,
    PRIMARY KEY (recipient, organisation, fingerprint),
    CONSTRAINT recipient_confirmation_channel_is_known CHECK (
        channel IN ('telephone', 'video call', 'in person', 'post')),
    CONSTRAINT recipient_confirmation_fingerprint_is_one CHECK (fingerprint ~ '^(SHA256:[A-Za-z0-9+/]{43}|age1[0-9a-z]{58})$')
);
COMMENT ON TABLE register.recipient_confirmation IS 'Keys of recipients that somebody compared with them by another way than the one by which they came';

GRANT SELECT, INSERT ON register.recipient_confirmation TO :"application";

-- Which lane a request asks for, beside the document that says it: lists tell clocks without reading documents.
--
-- Computed as in 0004_pages.sql, so that nobody can write anything else.

ALTER TABLE register.request
    ADD COLUMN expedited boolean GENERATED ALWAYS AS (coalesce(register.part_of(document, 'expedited'), '') <> '') STORED;
COMMENT ON COLUMN register.request.expedited IS 'Whether it asks for the expedited lane';

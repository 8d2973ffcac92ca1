-- Takes an agreement's role and views away again, when it ended. The curated views stay as they are.
BEGIN;
{{drop_views}}
DO $ended$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{{role}}') THEN
    REVOKE USAGE ON SCHEMA {{schema}} FROM {{role}};
    EXECUTE pg_catalog.format('REVOKE CONNECT ON DATABASE %I FROM {{role}}', pg_catalog.current_database());
    DROP ROLE {{role}};
  END IF;
END
$ended$;
COMMIT;

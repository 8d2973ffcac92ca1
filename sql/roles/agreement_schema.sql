-- The schema of all agreements' views. They read the curated views with the rights of their owner.
CREATE SCHEMA IF NOT EXISTS {{schema}} AUTHORIZATION {{owner}};
REVOKE ALL ON SCHEMA {{schema}} FROM PUBLIC;
GRANT USAGE ON SCHEMA {{schema}} TO {{role}};
GRANT USAGE ON SCHEMA {{schema}} TO {{membership_role}};

-- Views of an earlier plan of this agreement: what is no longer approved must not stay readable.
DO $earlier$
DECLARE
  earlier name;
BEGIN
  FOR earlier IN
    SELECT c.relname FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = '{{schema}}'::pg_catalog.regnamespace AND c.relkind = 'v'
      AND pg_catalog.starts_with(c.relname::text, '{{slug}}__')
  LOOP
    EXECUTE pg_catalog.format('DROP VIEW {{schema}}.%I', earlier);
  END LOOP;
END
$earlier$;

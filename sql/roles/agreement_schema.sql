-- The schema of all agreements' views. They read the curated views with the rights of their owner.
CREATE SCHEMA IF NOT EXISTS {{schema}} AUTHORIZATION {{owner}};
REVOKE ALL ON SCHEMA {{schema}} FROM PUBLIC;
GRANT USAGE ON SCHEMA {{schema}} TO {{role}};
GRANT USAGE ON SCHEMA {{schema}} TO {{membership_role}};

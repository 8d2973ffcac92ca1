-- The login role of one agreement. It may read the views below and nothing else; it has no password yet.
DO $role$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{{role}}') THEN
    CREATE ROLE {{role}};
  END IF;
END
$role$;
ALTER ROLE {{role}} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 16;

-- What a run can never need is off, and what it needs has an end: a stuck run must not hold the source.
ALTER ROLE {{role}} SET default_transaction_read_only = on;
ALTER ROLE {{role}} SET default_transaction_isolation = 'repeatable read';
ALTER ROLE {{role}} SET search_path = '';
ALTER ROLE {{role}} SET statement_timeout = '{{statement_timeout}}';
ALTER ROLE {{role}} SET idle_in_transaction_session_timeout = '{{idle_timeout}}';
ALTER ROLE {{role}} SET lock_timeout = '{{lock_timeout}}';

-- PUBLIC may make temporary tables by default, and (before PostgreSQL 15) tables in the schema `public`.
DO $grants$
BEGIN
  EXECUTE pg_catalog.format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', pg_catalog.current_database());
  EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO {{role}}', pg_catalog.current_database());
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public') THEN
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  END IF;
END
$grants$;

-- Roles and databases of the production shape; the PostgreSQL image runs it once, in an empty server.
-- Each role may enter its own database only. Passwords come from files: they are in no command line and no log.
\set ON_ERROR_STOP on
\set airflow `cut -d : -f 5 /run/secrets/airflow.pgpass`
\set migrator `cut -d : -f 5 /run/secrets/register-migrator.pgpass`
\set software `cut -d : -f 5 /run/secrets/register.pgpass`

CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE ROLE extracts_owner NOLOGIN;
CREATE ROLE extracts_migrator LOGIN PASSWORD :'migrator';
CREATE ROLE extracts_app LOGIN PASSWORD :'software';
GRANT extracts_owner TO extracts_migrator;

CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE register TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE airflow, register, postgres, template1 FROM PUBLIC;
GRANT CONNECT, CREATE ON DATABASE register TO extracts_migrator;
GRANT CONNECT ON DATABASE register TO extracts_app;

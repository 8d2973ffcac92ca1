-- For MariaDB. The database of agreements' views, and the user who may read one agreement's. The user is locked until a
-- password is set. `source_owner` can see the curated views; nobody signs in as it.
SET NAMES utf8mb4;
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES';
CREATE DATABASE IF NOT EXISTS {{schema}} CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '{{owner}}'@'localhost' ACCOUNT LOCK;
GRANT SELECT, SHOW VIEW ON curated.* TO '{{owner}}'@'localhost';
CREATE USER IF NOT EXISTS '{{role}}'@'%' WITH MAX_STATEMENT_TIME {{seconds}} ACCOUNT LOCK;
REVOKE ALL PRIVILEGES, GRANT OPTION FROM '{{role}}'@'%';

-- For MariaDB. Takes an agreement's user and views away again, when it ended. The curated views stay as they are.
DROP USER IF EXISTS '{{role}}'@'%';
{{drop_views}}

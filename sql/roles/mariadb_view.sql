CREATE OR REPLACE DEFINER = '{{owner}}'@'localhost' SQL SECURITY DEFINER VIEW {{view}} AS
{{definition}};
GRANT SELECT, SHOW VIEW ON {{view}} TO '{{role}}'@'%';

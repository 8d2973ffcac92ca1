DROP VIEW IF EXISTS {{view}};
CREATE VIEW {{view}} WITH (security_barrier = true) AS
{{definition}};
ALTER VIEW {{view}} OWNER TO {{owner}};
REVOKE ALL ON {{view}} FROM PUBLIC;
GRANT SELECT ON {{view}} TO {{reader}};

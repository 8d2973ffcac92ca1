-- A register of any size, cloned from one agreement and one refusal that were made the whole way.
--
-- Parameters: %(requests)s requests in all, %(agreements)s of them in force, %(months)s deliveries of each. Documents
-- carry their own ids and digests, so that they are read as real ones; signatures and ledger events only look real.

CREATE TEMP TABLE clone AS
SELECT n, 'B-' || lpad(n::text, 6, '0') AS id, n <= %(agreements)s AS agreed, 1 + n %% 15 AS working_day
  FROM generate_series(1, %(requests)s) AS n;

CREATE FUNCTION pg_temp.digest_of(text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN 'sha256:' || encode(sha256(convert_to($1, 'UTF8')), 'hex');

CREATE TEMP TABLE made AS
SELECT c.*, r.request_id AS old, r.version, replace(r.document, r.request_id, c.id) AS document,
       replace(replace(d.plan, r.request_id, c.id), 'working day: 4 of', format('working day: %%s of', c.working_day)) AS plan,
       d.digest AS old_decision, d.document AS old_document, d.plan_digest AS old_plan, a.digest AS old_assessment,
       replace(replace(a.document, r.request_id, c.id), r.digest, pg_temp.digest_of(replace(r.document, r.request_id, c.id)))
           AS assessment
  FROM clone c
  JOIN register.request r ON r.request_id = CASE WHEN c.agreed THEN %(agreement)s ELSE %(refusal)s END
  JOIN register.decision d USING (request_id, version)
  JOIN register.assessment a ON a.digest = d.document::json ->> 'assessment_digest';
UPDATE made SET plan = replace(plan, '"start_on":"' || (plan::json ->> 'start_on'), '"start_on":"2016-01-01') WHERE agreed;

INSERT INTO register.request
SELECT m.id, m.version, r.title || ' ' || m.n, r.requester_organisation, r.requester_name,
       (ARRAY['fife-council', 'social-security-scotland', 'scottish-government-analysts'])[1 + m.n %% 3],
       CASE WHEN m.agreed THEN 'approved' ELSE (ARRAY['submitted', 'in review', 'refused', 'returned'])[1 + m.n %% 4] END,
       m.document, pg_temp.digest_of(m.document), timestamptz '2016-01-01 10:00Z' + m.n * interval '17 hours'
  FROM made m JOIN register.request r ON r.request_id = m.old;

INSERT INTO register.status_change
SELECT m.id, m.version, s.number, s.from_status, s.to_status, timestamptz '2016-02-01 10:00Z' + s.number * interval '1 day',
       s.actor, s.comment
  FROM made m JOIN register.status_change s ON s.request_id = m.old WHERE m.agreed OR m.n %% 4 = 2;

INSERT INTO register.status_change
SELECT m.id, m.version, s.number, s.before, s.after, r.submitted_at + (s.number - 1) * interval '5 days', 'clone', ''
  FROM made m JOIN register.request r ON r.request_id = m.id,
       LATERAL (VALUES (1, '', 'submitted'), (2, 'submitted', 'in review'), (3, 'in review', 'returned')) s (number, before, after)
 WHERE NOT m.agreed AND s.number <= CASE m.n %% 4 WHEN 0 THEN 1 WHEN 1 THEN 2 WHEN 3 THEN 3 ELSE 0 END;

INSERT INTO register.assessment
SELECT m.id, m.version, pg_temp.digest_of(m.assessment), '1', m.agreed, m.assessment, '2016-02-01 10:00Z' FROM made m;

CREATE TEMP TABLE decided AS
SELECT m.*, new.document AS decision, pg_temp.digest_of(new.document) AS digest
  FROM made m, LATERAL (SELECT replace(replace(replace(m.old_document, m.old, m.id), m.old_plan, pg_temp.digest_of(m.plan)),
                               m.old_assessment, pg_temp.digest_of(m.assessment)) AS document) new
 WHERE m.agreed;
INSERT INTO register.decision (digest, request_id, version, outcome, plan_digest, document, plan, valid_from, valid_until, recorded_at)
SELECT d.digest, d.id, d.version, 'approve', pg_temp.digest_of(d.plan), d.decision, d.plan, '2016-02-01', '2030-12-31',
       '2016-02-05 10:00Z' FROM decided d;
INSERT INTO register.signature
SELECT d.digest, s.namespace, s.principal, s.key_fingerprint, s.signature, timestamptz '2016-02-05 10:00Z'
  FROM decided d JOIN register.signature s ON s.document_digest = d.old_decision;

CREATE TEMP TABLE month AS
SELECT date_trunc('month', now())::date - make_interval(months => k) AS first, k FROM generate_series(1, %(months)s) AS k;
CREATE TEMP TABLE due AS
SELECT d.id, d.n, d.version, d.digest, to_char(m.first, 'YYYY-MM') AS period, m.first::date AS first,
       (m.first + interval '1 month - 1 day')::date AS last, m.k,
       m.first + interval '1 month 5 days 6 hours' + d.n * interval '1 second' AS at
  FROM decided d, month m
 WHERE m.k > 1 OR d.n %% 20 > 0;
INSERT INTO register.run
SELECT id || '/' || period, id, version, period, 1, 'scheduler', at, at + interval '9 minutes', 'delivered', '', '',
       '{"benefit_cap":{"delivered":144,"filtered":28169,"held":0,"source":28313,"withheld":0}}',
       '{"source_age_minutes":{"benefit_cap":' || 60 + (n + k) %% 1200 || '}}', id || '.' || period || '.r1'
  FROM due;
INSERT INTO register.delivery
SELECT id || '.' || period || '.r1', id, version, period, first, last, 1,
       (ARRAY['fife-council', 'social-security-scotland', 'scottish-government-analysts'])[1 + n %% 3],
       digest, id || '/' || period, NULL, '', 'published', 'x/' || id || period, digest, '', 130 + n %% 30, 9404,
       '[{"bytes":9404,"dataset":"benefit_cap","name":"benefit_cap.parquet.age","rows":' || 130 + n %% 30
       || ',"sha256":"' || digest || '"}]', at, at
  FROM due;
INSERT INTO register.run
SELECT id || '/stopped', id, version, to_char(now() - interval '1 month', 'YYYY-MM'), 1, 'scheduler',
       date_trunc('month', now()) + interval '4 days', date_trunc('month', now()) + interval '4 days 1 minute',
       'stopped by a control', 'validate_extract', 'A check of the finished file did not pass.', '{}', '{}', ''
  FROM decided WHERE n %% 40 = 0;

ALTER TABLE ledger.event DISABLE TRIGGER USER;
INSERT INTO ledger.event
SELECT (SELECT max(sequence) FROM ledger.event) + row_number() OVER (ORDER BY at, id), at, 'run.ended', id, 'scheduler',
       '{"outcome":"delivered"}', digest, digest FROM due;
ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER check_link, ENABLE ALWAYS TRIGGER refuse_change;

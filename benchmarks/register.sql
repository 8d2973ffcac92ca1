-- A register as it is after years: made in the database itself, in seconds. Everything in it is invented.
--
-- Parameters: {requests}, of which a fifth are agreements; {each} deliveries of each agreement; {now} as a time.
-- Run as the owner of the ledger's tables, whose triggers are off meanwhile: this chain holds together nowhere.

CREATE TEMP TABLE asked ON COMMIT DROP AS
SELECT i, i % 10 AS lot, format('SDDSB-20%s-%s', 24 + i % 3, lpad(i::text, 5, '0')) AS id,
       (ARRAY['fife-council', 'social-security-scotland', 'scottish-government-analysts', 'glasgow-city-council'])[1 + i % 4] AS recipient,
       {now}::timestamptz - make_interval(days => 10 + (CASE WHEN i % 10 IN (6, 7, 9) THEN i * 37 % 110 ELSE i * 37 % 1100 END), hours => i % 9) AS came
  FROM generate_series(1, {requests}) AS i;

CREATE TEMP TABLE stage ON COMMIT DROP AS
SELECT id, version, number, before, after, came + make_interval(days => day, mins => i % 50) AS at, actor, comment
  FROM asked, LATERAL (
    SELECT 1 AS version, 1 AS number, '' AS before, 'submitted' AS after, 0 AS day, 'requester@scot.example' AS actor, '' AS comment
    UNION ALL SELECT 1, 2, 'submitted', 'in review', 1 + i % 5, 'board.chair@dwp.example', '' WHERE lot <> 7
    UNION ALL SELECT 1, 3, 'in review', 'approved', 3 + i % 31, 'controller@dwp.example', 'Necessary and proportionate.' WHERE lot IN (0, 5)
    UNION ALL SELECT 1, 3, 'in review', 'refused', 3 + i % 47, 'controller@dwp.example', 'More than the purpose needs.' WHERE lot IN (1, 2, 3)
    UNION ALL SELECT 1, 3, 'in review', 'returned', 3 + i % 9, 'board.chair@dwp.example', 'Say why addresses are needed.' WHERE lot IN (4, 9)
    UNION ALL SELECT 1, 3, 'in review', 'withdrawn', 3 + i % 9, 'requester@scot.example', 'No longer needed.' WHERE lot = 8
    UNION ALL SELECT 2, 1, '', 'submitted', 20 + i % 9, 'requester@scot.example', '' WHERE lot = 4
    UNION ALL SELECT 2, 2, 'submitted', 'in review', 31, 'board.chair@dwp.example', '' WHERE lot = 4
    UNION ALL SELECT 2, 3, 'in review', 'refused', 33 + i % 20, 'controller@dwp.example', 'Not held.' WHERE lot = 4
    UNION ALL SELECT 1, 4, 'approved', 'suspended', 60, 'board.chair@dwp.example', 'A certificate has expired.' WHERE i % 100 = 5
  ) AS s
 WHERE came + make_interval(days => day, mins => i % 50) < {now}::timestamptz;

ANALYZE asked, stage;
INSERT INTO register.request
SELECT s.id, s.version, 'Request number ' || a.i || ' about entitlement', a.recipient, 'requester@scot.example', a.recipient,
       (array_agg(s.after ORDER BY s.number DESC))[1], '{{}}', 'sha256:' || repeat('1', 64), min(s.at)
  FROM stage s JOIN asked a USING (id) GROUP BY s.id, s.version, a.i, a.recipient;
INSERT INTO register.status_change SELECT id, version, number, before, after, at, actor, comment FROM stage;

CREATE TEMP TABLE answer ON COMMIT DROP AS
SELECT s.*, a.i, a.recipient, d.document, 'sha256:' || encode(sha256(convert_to(d.document, 'UTF8')), 'hex') AS digest,
       s.at::date + 700 + a.i % 500 AS valid_until
  FROM stage s JOIN asked a USING (id), LATERAL (
    SELECT json_build_object('request_id', s.id, 'request_version', s.version, 'plan_digest', '',
        'outcome', CASE s.after WHEN 'approved' THEN CASE WHEN a.i % 20 = 0 THEN 'approve in part' ELSE 'approve' END WHEN 'refused' THEN 'refuse' ELSE 'return' END,
        'reason_code', CASE WHEN s.after = 'approved' THEN '' ELSE (ARRAY['not-proportionate', 'not-held', 'no-power', 'incomplete'])[1 + a.i % 4] END,
        'review_on', (s.at::date + 350 + a.i % 700)::text, 'reasons', repeat('Reasons in words. ', 40),
        'columns', (SELECT json_agg(json_build_object('dataset', 'benefit_cap', 'column', 'column_' || c,
            'granted', s.after = 'approved' AND NOT (a.i % 20 = 0 AND c > 10), 'reason', CASE WHEN c > 10 THEN 'More than the purpose needs.' ELSE '' END))
            FROM generate_series(1, 13) AS c))::text AS document) AS d
 WHERE s.after IN ('approved', 'refused', 'returned');
ANALYZE answer;
INSERT INTO register.decision
SELECT digest, id, version, after, '', document,
       json_build_object('frequency', (ARRAY['daily', 'weekly', 'monthly', 'quarterly'])[1 + i % 4], 'text', repeat('What leaves. ', 600))::text,
       at::date, valid_until, at FROM answer;

CREATE TEMP TABLE gone ON COMMIT DROP AS
SELECT w.id, w.version, w.digest, w.recipient, n, w.i, w.id || '/scheduled-' || n AS run,
       w.id || '.' || (date '2020-01-01' + n)::text || '.r1' AS delivery,
       w.at + ({now}::timestamptz - w.at) * ((n - 0.5) / {each}) AS at, 100 + (w.i * 7919 + n * 104729) % 400000 AS rows
  FROM answer w, generate_series(1, {each}) AS n WHERE w.after = 'approved';
ANALYZE gone;
INSERT INTO register.run
SELECT run, id, version, (date '2020-01-01' + n)::text, 1, 'scheduler', at - interval '6 min', at, 'delivered', '', '',
       '{{"benefit_cap":{{"delivered":' || rows || ',"filtered":1000,"held":4,"source":90000,"withheld":2}}}}',
       '{{"at":"' || at || '","source_age_minutes":{{"benefit_cap":' || 180 + (i + n) * 60 % 1800 || '}}}}', delivery FROM gone;
INSERT INTO register.delivery
SELECT delivery, id, version, (date '2020-01-01' + n)::text, date '2020-01-01' + n, date '2020-01-01' + n, 1, recipient, digest, run,
       NULL, '', 'published', recipient || '/' || delivery, 'sha256:' || repeat('2', 64), '', rows, rows * 40, '[]', at - interval '5 min', at
  FROM gone;

CREATE TEMP TABLE happened ON COMMIT DROP AS
SELECT s.at, CASE WHEN after IN ('suspended') THEN 'agreement.' ELSE 'request.' END || after AS kind, id AS subject, s.actor,
       CASE WHEN w.digest IS NULL THEN json_build_object('version', version) ELSE json_build_object('decision_digest', w.digest) END::text AS payload
  FROM stage s LEFT JOIN answer w USING (id, version, after) WHERE after <> 'in review'
UNION ALL
SELECT at + make_interval(secs => step * 20 - 300), kind, CASE WHEN kind LIKE 'run.%' THEN id ELSE delivery END, 'scheduler',
       json_build_object('run', run, 'outcome', CASE WHEN kind = 'run.ended' THEN 'delivered' END, 'gate', '', 'delivery', delivery, 'extract', 'sha256:' || repeat('3', 64))::text
  FROM gone, LATERAL (VALUES (1, 'run.started'), (2, 'delivery.reserved'), (3, 'source.checked'), (4, 'extract.built'), (5, 'extract.validated'),
       (6, 'manifest.prepared'), (7, 'manifest.signed'), (8, 'delivery.publishing'), (9, 'delivery.published'), (10, 'run.ended')) AS e (step, kind)
UNION ALL
SELECT at - interval '1 day', 'run.ended', id, 'scheduler',
       json_build_object('run', run || '-first', 'delivery', '',
           'outcome', (ARRAY['stopped by a control', 'source late', 'technical failure', 'nothing due'])[1 + n % 4],
           'gate', (ARRAY['validate_extract', 'check_source', 'release', 'check_approval'])[1 + n % 4],
           'control', (ARRAY['CheckFailed', 'SourceLate', 'TechnicalFailure', 'AlreadyDelivered'])[1 + n % 4])::text
  FROM gone WHERE (i + n) % 12 = 0;
INSERT INTO ledger.event
SELECT row_number() OVER (ORDER BY at, kind), at, kind, subject, actor, payload, 'sha256:' || repeat('0', 64), 'sha256:' || repeat('0', 64) FROM happened;
ANALYZE register.request, register.status_change, register.decision, register.run, register.delivery, ledger.event;

-- How the generator draws: from a hash of a row's number and the seed, never from random(), so that the same seed gives
-- the same rows, one person's facts do not depend on how many others there are, and rows need not be made in order.
--
-- `salt` tells the draws of one row apart. Every function is one expression, which PostgreSQL puts in place of the call.

SET ROLE source_owner;

CREATE OR REPLACE FUNCTION sample.draw(id bigint, seed bigint, salt integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashint8extended(id, seed * 1000 + salt) & 9223372036854775807;
COMMENT ON FUNCTION sample.draw IS 'A number from 0 to 2^63-1.';

CREATE OR REPLACE FUNCTION sample.share(id bigint, seed bigint, salt integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(id, seed * 1000 + salt) & 4503599627370495)::double precision / 4503599627370496;
COMMENT ON FUNCTION sample.share IS 'A number from 0 to just under 1.';

CREATE OR REPLACE FUNCTION sample.pick(list text[], drawn bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN list[1 + drawn % cardinality(list)];
COMMENT ON FUNCTION sample.pick IS 'Any of the list, all alike.';

CREATE OR REPLACE FUNCTION sample.pick_early(list text[], share double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN list[cardinality(list) - floor(sqrt(share) * cardinality(list))::integer];
COMMENT ON FUNCTION sample.pick_early IS
    'One of the list, the first ones most often. Square roots are the same on every machine; powers need not be.';

-- Time goes on without people changing: a cycle of `days` that began at some point, and how far it has come. A later
-- `at` finds the same cycle further on, until it ends and the next begins.
CREATE OR REPLACE FUNCTION sample.days_into(at date, drawn bigint, days bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((drawn % days + (at - date '2000-01-01')) % days)::integer;

CREATE OR REPLACE FUNCTION sample.cycle(at date, drawn bigint, days bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (drawn % days + (at - date '2000-01-01')) / days;

CREATE OR REPLACE FUNCTION sample.last_change(at timestamptz, drawn bigint, days bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN at - make_interval(secs => (drawn + extract(epoch FROM at)::bigint) % (days * 86400));
COMMENT ON FUNCTION sample.last_change IS 'When a row was last changed, at most `days` before `at`.';

CREATE OR REPLACE FUNCTION sample.whole_months(first date, last date) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (extract(year FROM last) * 12 + extract(month FROM last) - extract(year FROM first) * 12 - extract(month FROM first))::integer
    - CASE WHEN (first + make_interval(months => (extract(year FROM last) * 12 + extract(month FROM last)
        - extract(year FROM first) * 12 - extract(month FROM first))::integer))::date > last THEN 1 ELSE 0 END;
COMMENT ON FUNCTION sample.whole_months IS 'How many months, counted from the day `first`, have ended on `last`.';

CREATE OR REPLACE FUNCTION sample.pounds(pence bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pence * 0.01;

RESET ROLE;

-- Plants two people who must never leave, one on hold from everything and one restricted, under names that nobody else
-- has. Every finished file is searched for them: they show if the rules that leave people out have stopped working.

SET ROLE source_owner;

CREATE OR REPLACE FUNCTION sample.plant_canaries() RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    -- Both would be delivered otherwise: they claim Universal Credit with children.
    WITH claimant AS (
        SELECT
            p.person_id,
            p.restricted,
            h.nino IS NOT NULL AS on_hold
        FROM dwp.person AS p
        INNER JOIN dwp.universal_credit_claim AS c ON c.claimant_person_id = p.person_id
        INNER JOIN dwp.claim_child AS k ON k.claim_id = c.claim_id
        LEFT JOIN dwp.hold AS h
            ON h.nino = p.nino AND h.scope = 'all' AND h.effect = 'leave out' AND h.ended_at IS NULL
        WHERE c.closed_on IS NULL AND k.left_on IS NULL AND NOT p.safe_address
    )
    UPDATE dwp.person AS p SET forenames = planted.name, surname = planted.name
    FROM (
        SELECT min(person_id) AS person_id, 'Zzcanaryheld' AS name FROM claimant WHERE on_hold AND NOT restricted
        UNION ALL
        SELECT min(person_id), 'Zzcanaryrestricted' FROM claimant WHERE restricted AND NOT on_hold
    ) AS planted
    WHERE p.person_id = planted.person_id;
END;

RESET ROLE;

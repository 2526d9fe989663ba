-- Scalar definitions; run before shared.sql.

CREATE OR REPLACE TEMP MACRO folded(t) AS regexp_replace(lower(t), '[^0-9a-z]', '', 'g');

-- A value of a unit, at most the cap of its currency; NULL stays NULL, which least() would skip.
CREATE OR REPLACE TEMP MACRO capped(minor, currency) AS
    CASE WHEN minor IS NOT NULL THEN CAST(least(minor, unit_cap(currency)) AS BIGINT) END;

-- Value of a unit after an order, rounded down: what was given back for `units`, less the
-- fulfilment fee of one of `ordered` units, at most the cap of the currency.
CREATE OR REPLACE TEMP MACRO post_order_unit(given, units, fulfilment_fee, ordered, currency) AS
    capped(CASE WHEN given IS NOT NULL AND units * ordered > 0 THEN
        greatest(0, (given * ordered
                     - CASE WHEN getvariable('less_fulfilment_fee') THEN fulfilment_fee ELSE 0 END
                       * units) // (units * ordered)) END, currency);

-- The amount of a line if it is of one kind of price, else 0.
CREATE OR REPLACE TEMP MACRO price(wanted, type, description, amount) AS
    CASE WHEN type = 'itemprice' AND description = wanted THEN amount ELSE 0 END;

-- Lengths in 1e-8 centimetres and weights in 1e-8 / 16 grams, exactly: an inch is 2.54 centimetres,
-- a pound 453.59237 grams, an ounce a sixteenth of it. Given are millionths of the unit.
CREATE OR REPLACE TEMP MACRO length(millionths, unit) AS
    millionths * CASE WHEN folded(unit) LIKE 'in%' THEN 254 WHEN folded(unit) = 'm' THEN 10000
                      WHEN folded(unit) IN ('mm', 'millimeters', 'millimetres') THEN 10
                      ELSE 100 END;
CREATE OR REPLACE TEMP MACRO weight(millionths, unit) AS
    millionths::HUGEINT * CASE
        WHEN folded(unit) IN ('lb', 'lbs', 'pound', 'pounds') THEN 725747792
        WHEN folded(unit) IN ('oz', 'ounce', 'ounces') THEN 45359237
        WHEN folded(unit) IN ('kg', 'kilogram', 'kilograms') THEN 1600000000 ELSE 1600000 END;
CREATE OR REPLACE TEMP MACRO sides(a, b, c, unit) AS
    list_sort([length(a, unit), length(b, unit), length(c, unit)], 'DESC');

-- Billable weight: of sides in inches and a weight in pounds the larger of weight and volume / 139,
-- each side rounded up to a ten-thousandth of an inch.
CREATE OR REPLACE TEMP MACRO tenth_mils(side) AS -((-side::HUGEINT) // 25400);
CREATE OR REPLACE TEMP MACRO billable(s, w, dimensional) AS CASE WHEN dimensional
    THEN greatest(w, tenth_mils(s[1]) * tenth_mils(s[2]) * tenth_mils(s[3]) * 725747792000000
                     // 139000000000000)
    ELSE w END;

-- Whether an item is within a size tier; a missing limit is NULL.
CREATE OR REPLACE TEMP MACRO fits(s, w, tier) AS
    s[1] <= coalesce(tier.longest, s[1]) AND s[2] <= coalesce(tier.median, s[2])
    AND s[3] <= coalesce(tier.shortest, s[3]) AND w <= coalesce(tier.weight, w)
    AND s[1] + 2 * (s[2] + s[3]) <= coalesce(tier.girth, s[1] + 2 * (s[2] + s[3]));

-- Referral fee of one of `units`, rounded up so that no claim is too high.
CREATE OR REPLACE TEMP MACRO referral_fee(total, units, rate) AS greatest(rate.least_minor,
    -((-CASE
        WHEN rate.above_minor IS NULL OR total <= rate.above_minor * units
            THEN total * rate.basis_points
        WHEN rate.whole THEN total * rate.above_basis_points
        ELSE rate.above_minor * units * rate.basis_points
             + (total - rate.above_minor * units) * rate.above_basis_points END)
      // (10000 * units)));

-- Scalar definitions that need policy; run before shared.sql.

-- Value of a unit after an order, rounded down: what was given back for `units`, less the
-- fulfilment fee of one of `ordered` units, at most the cap of the currency.
CREATE OR REPLACE TEMP MACRO post_order_unit(given, units, fulfilment_fee, ordered, currency) AS
    CAST(least(
        greatest(0, (given * ordered
                     - CASE WHEN getvariable('less_fulfilment_fee') THEN fulfilment_fee ELSE 0 END
                       * units) // (units * ordered)),
        unit_cap(currency)) AS BIGINT);

-- The amount of a line if it is of one kind of price, else 0.
CREATE OR REPLACE TEMP MACRO price(wanted, type, description, amount) AS
    CASE WHEN type = 'itemprice' AND description = wanted THEN amount ELSE 0 END;

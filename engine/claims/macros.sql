-- Scalar definitions that need policy; run before shared.sql.

-- Value of a unit after an order, rounded down: what was given back for `units`, less the
-- fulfilment fee of one of `ordered` units, at most the cap of the currency.
CREATE OR REPLACE TEMP MACRO post_order_unit(given, units, fulfilment_fee, ordered, currency) AS
    CAST(least(
        greatest(0, (given * ordered
                     - CASE WHEN getvariable('less_fulfilment_fee') THEN fulfilment_fee ELSE 0 END
                       * units) // (units * ordered)),
        unit_cap(currency)) AS BIGINT);

-- Sum of the lines of one kind of price; inside a query that groups `lines`.
CREATE OR REPLACE TEMP MACRO price_sum(name) AS
    coalesce(sum(CASE WHEN type = 'itemprice' AND description = name THEN amount END), 0);

-- finds: referral fees charged at the rate of another category
-- one row is: an item of an order
-- rank: 23
-- subject: order_id, order_item_id, sku
-- policy: referral fees by category and day of the transaction
-- window: fee
-- needs: settlement event..event; settlement event..today; categories now
-- value: amount
-- certainty: usual
-- evidence: order_id, order_item_id, category, charged_like, base_minor, quantity, charged_minor,
--   expected_minor
-- One line may be a rounding or a promotion; the same other category on three lines is an error.
WITH base AS (
    SELECT o.*, k.category,
           (o.principal + o.shipping + o.gift_wrap + o.promotion
            + CASE WHEN m.tax_kept THEN o.tax ELSE 0 END) AS total
    FROM order_items AS o
    JOIN marketplaces AS m ON m.country = o.country
    JOIN categories AS k ON k.sku = o.sku
    WHERE o.commission > 0 AND is_amazon_order(o.order_id) AND o.fulfillment = 'AFN'
), priced AS (
    SELECT b.*, f.category AS rate_category, folded(f.category) = folded(b.category) AS is_own_rate,
           quantity * referral_fee(total, quantity, f) AS fee
    FROM base AS b
    JOIN referral_rates AS f ON f.country = b.country AND f.currency = b.currency
     AND f.valid_from <= b.posted AND b.posted <= f.valid_to
), judged AS (
    SELECT p.order_id, p.order_item_id, p.sku, p.country, p.currency, p.posted, p.category,
           p.quantity, p.total, p.commission, p.fee AS expected, o.rate_category AS charged_like
    FROM priced AS p
    JOIN priced AS o ON o.order_id = p.order_id AND o.order_item_id = p.order_item_id
     AND o.sku = p.sku AND NOT o.is_own_rate AND abs(o.fee - p.commission) <= p.quantity
    WHERE p.is_own_rate AND p.commission - p.fee > p.quantity
      AND 200 * (p.commission - p.fee) > p.fee
), repeated AS (
    SELECT *, count(DISTINCT order_id || order_item_id) OVER (PARTITION BY sku, charged_like)
                  AS lines
    FROM judged
)
SELECT r.order_id, r.order_item_id, r.sku, i.fnsku, i.asin, country, posted AS event_date,
       1 AS units, 1 AS gross_units, commission - expected AS amount_minor, currency,
       'exact' AS grade, category, charged_like, total AS base_minor, quantity,
       commission AS charged_minor, expected AS expected_minor
FROM repeated AS r
LEFT JOIN items AS i ON i.sku = r.sku
WHERE lines >= 3
QUALIFY row_number() OVER (PARTITION BY r.order_id, order_item_id, r.sku
                           ORDER BY lines DESC, charged_like) = 1

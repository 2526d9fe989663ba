-- finds: referral fees that Amazon kept on refunds beyond what it may keep
-- one row is: an item of a refunded order
-- rank: 21
-- subject: order_id, order_item_id, sku
-- policy: refund administration fee: the lesser of 20 % of the referral fee and a cap per refund;
--   none for books, music, video and DVD
-- window: fee
-- needs: settlement event..event+14; settlement event..today
-- value: amount
-- evidence: order_id, order_item_id, refunded_on, commission_minor, expected_credit_minor,
--   credited_minor, media
-- A product is media only if the seller's list of categories says so: else less is claimed.
WITH refunds AS (
    SELECT order_id, order_item_id, sku, adjustment_id, posted,
           -sum(amount) AS base
    FROM lines
    WHERE transaction = 'refund' AND type = 'itemprice'
      AND description IN ('principal', 'shipping', 'giftwrap')
    GROUP BY ALL
), media AS (
    SELECT DISTINCT k.sku, m.country
    FROM categories AS k JOIN media_categories AS m ON folded(m.category) = folded(k.category)
), kept AS (
    -- All in fifths of a minor unit times the charged base, so that nothing is rounded on the way.
    SELECT r.order_id, r.order_item_id, r.sku, count(*) AS refunds, sum(r.base) AS base,
           any_value(o.commission) AS commission,
           any_value(o.principal + o.shipping + o.gift_wrap) AS charged_base,
           any_value(m.sku) IS NOT NULL AS media,
           sum(CASE WHEN m.sku IS NULL THEN least(
               o.commission * r.base,
               5 * coalesce(f.cap, o.commission) * (o.principal + o.shipping + o.gift_wrap))
               ELSE 0 END) AS kept_fifths
    FROM refunds AS r
    JOIN order_items AS o USING (order_id, order_item_id, sku)
    LEFT JOIN refund_fee_caps AS f ON f.currency = o.currency
    LEFT JOIN media AS m ON m.sku = o.sku AND m.country = o.country
    WHERE r.base > 0 AND o.commission > 0
    GROUP BY r.order_id, r.order_item_id, r.sku
), judged AS (
    SELECT k.*, g.country, g.currency, g.last_posted, o.fulfillment,
           (5 * k.commission * least(k.base, k.charged_base) - kept_fifths)
               // (5 * charged_base) AS expected,
           g.commission_credit + g.refund_commission AS credited
    FROM kept AS k
    JOIN refund_items AS g USING (order_id, order_item_id, sku)
    JOIN order_items AS o USING (order_id, order_item_id, sku)
    ANTI JOIN disputed_orders AS d ON d.order_id = k.order_id
)
SELECT j.order_id, j.order_item_id, j.sku, i.fnsku, i.asin, j.country,
       j.last_posted AS event_date, 1 AS units, 1 AS gross_units,
       expected - credited AS amount_minor, j.currency, 'exact' AS grade,
       CASE WHEN getvariable('refund_fee_certainty') <> 'sure'
            THEN ['confirm: what Amazon may keep of this refund'] END AS flags,
       j.last_posted AS refunded_on, commission AS commission_minor,
       expected AS expected_credit_minor, credited AS credited_minor,
       CASE WHEN j.media THEN true END AS media
FROM judged AS j
LEFT JOIN items AS i ON i.sku = j.sku
WHERE is_amazon_order(j.order_id) AND is_own(j.sku) AND fulfillment = 'AFN'
  AND expected - credited > 2
  AND 100 * (expected - credited) * charged_base > commission * base

-- finds: refunds that gave the buyer more than was ever charged
-- one row is: an item of a refunded order
-- rank: 20
-- subject: order_id, order_item_id, sku
-- policy: no page states a window; 60 days from the last refund
-- window: refund
-- needs: settlement event..today
-- value: amount
-- evidence: order_id, order_item_id, refunded_on, charged_minor, refunded_minor
-- Promotions given back and tax withheld by the marketplace are taken out of both sides.
WITH sums AS (
    SELECT r.order_id, r.order_item_id, r.sku, r.country, r.currency, r.last_posted, o.quantity,
           o.charged + o.promotion + o.withheld AS charged,
           r.given - r.promotion - r.withheld AS given
    FROM refund_items AS r
    JOIN order_items AS o USING (order_id, order_item_id, sku)
    ANTI JOIN disputed_orders AS d ON d.order_id = r.order_id
    WHERE is_amazon_order(r.order_id) AND is_own(r.sku) AND o.fulfillment = 'AFN'
)
SELECT s.order_id, s.order_item_id, s.sku, i.fnsku, i.asin, s.country,
       s.last_posted AS event_date, 1 AS units, 1 AS gross_units,
       given - charged AS amount_minor, s.currency, 'exact' AS grade,
       s.last_posted AS refunded_on, charged AS charged_minor, given AS refunded_minor
FROM sums AS s
LEFT JOIN items AS i ON i.sku = s.sku
WHERE given - charged > s.quantity

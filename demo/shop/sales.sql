-- sales.sql: three years of orders that end today, a little more every month, with lines, payments, shipments, returns, reviews.
INSERT INTO shop.orders (id, customer_id, shipping_address_id, billing_address_id, status, channel, ordered_at)
SELECT o.id, o.customer_id,
       CASE WHEN o.customer_id % 4 = 0 AND pg_temp.dice(202, o.id) < 0.5 THEN 12000 + o.customer_id / 4 ELSE o.customer_id END,
       o.customer_id,
       CASE WHEN pg_temp.dice(203, o.id) < 0.06 THEN 'cancelled'
            WHEN o.age < 2 THEN 'pending' WHEN o.age < 5 THEN 'paid' WHEN o.age < 12 THEN 'shipped'
            ELSE 'delivered' END::shop.order_status,
       CASE WHEN pg_temp.dice(204, o.id) < 0.55 THEN 'web' WHEN pg_temp.dice(204, o.id) < 0.85 THEN 'app'
            WHEN pg_temp.dice(204, o.id) < 0.93 THEN 'store' ELSE 'phone' END,
       :'today'::timestamptz - make_interval(secs => o.age * 86400)
FROM (
    -- a power keeps a few customers busy and most of them rare
    SELECT i AS id, 1 + floor(12000 * pg_temp.dice(201, i) ^ 1.5)::integer AS customer_id,
           floor(1095 * 86400 * (1 - (i / 32000.0) ^ 0.75)) / 86400 AS age
    FROM generate_series(1, 32000) AS i
) AS o;

INSERT INTO shop.order_lines (order_id, line_no, product_id, quantity, unit_price, discount)
SELECT o.id, n, p.id,
       CASE WHEN pg_temp.dice(211, key) < 0.7 THEN 1 WHEN pg_temp.dice(211, key) < 0.9 THEN 2 ELSE 4 END,
       p.price,
       CASE WHEN pg_temp.dice(212, key) < 0.75 THEN 0 WHEN pg_temp.dice(212, key) < 0.92 THEN 0.10 ELSE 0.25 END
FROM shop.orders o
CROSS JOIN LATERAL generate_series(1, 1 + floor(3.2 * pg_temp.dice(210, o.id) ^ 1.4)::integer) AS n
CROSS JOIN LATERAL (SELECT o.id * 8::bigint + n AS key) AS k
JOIN shop.products p ON p.id = 1 + floor(1200 * pg_temp.dice(213, key) ^ 1.2)::integer;

INSERT INTO shop.payments (id, order_id, method, amount, paid_at)
SELECT row_number() OVER (ORDER BY o.id), o.id,
       (ARRAY['credit card', 'paypal', 'bank transfer', 'invoice', 'gift card']::shop.payment_method[])
           [1 + floor(5 * pg_temp.dice(220, o.id) ^ 1.8)::integer],
       l.amount, o.ordered_at + make_interval(secs => floor(150000 * pg_temp.dice(221, o.id)))
FROM shop.orders o
JOIN (SELECT order_id, sum(amount) AS amount FROM shop.order_lines GROUP BY order_id) AS l ON l.order_id = o.id
WHERE o.status IN ('paid', 'shipped', 'delivered');

INSERT INTO shop.shipments (id, order_id, warehouse_id, carrier, freight_cost, shipped_on, delivered_on)
SELECT row_number() OVER (ORDER BY o.id), o.id, 1 + floor(5 * pg_temp.dice(230, o.id))::integer,
       pg_temp.pick('{Swift Parcel,Swift Parcel,Euro Freight,Blue Van,Nordic Cargo}', 231, o.id),
       round((15 + 90 * pg_temp.dice(232, o.id) ^ 2)::numeric, 2),
       o.ordered_at::date + 3,
       CASE WHEN o.status = 'delivered' THEN o.ordered_at::date + 4 + floor(7 * pg_temp.dice(233, o.id))::integer END
FROM shop.orders o
WHERE o.status IN ('shipped', 'delivered');

INSERT INTO shop.returns (id, order_id, line_no, reason, quantity, refund, returned_on)
SELECT row_number() OVER (ORDER BY l.order_id, l.line_no), l.order_id, l.line_no,
       (enum_range(NULL::shop.return_reason))[1 + floor(5 * pg_temp.dice(241, key) ^ 1.3)::integer],
       l.quantity, l.amount, s.delivered_on + 1 + floor(20 * pg_temp.dice(242, key))::integer
FROM shop.order_lines l
CROSS JOIN LATERAL (SELECT l.order_id * 8::bigint + l.line_no AS key) AS k
JOIN shop.shipments s ON s.order_id = l.order_id
WHERE pg_temp.dice(240, key) < 0.055 AND s.delivered_on < :'today'::date - 21;

INSERT INTO shop.reviews (id, product_id, customer_id, rating, title, written_on)
SELECT row_number() OVER (ORDER BY l.order_id, l.line_no), l.product_id, o.customer_id, r.rating,
       (ARRAY['Fell apart', 'Not what I expected', 'Decent for the price', 'Very happy', 'Perfect, would buy again'])[r.rating],
       s.delivered_on + floor(30 * pg_temp.dice(252, key))::integer
FROM shop.order_lines l
CROSS JOIN LATERAL (SELECT l.order_id * 8::bigint + l.line_no AS key) AS k
CROSS JOIN LATERAL (SELECT 5 - floor(5 * pg_temp.dice(251, key) ^ 2.2)::integer AS rating) AS r
JOIN shop.orders o ON o.id = l.order_id
JOIN shop.shipments s ON s.order_id = l.order_id
WHERE pg_temp.dice(250, key) < 0.2 AND s.delivered_on < :'today'::date - 31;

-- finish.sql: keys and indexes of the big tables (quicker once they are full), the view, the role that asks.
ALTER TABLE shop.customers ADD UNIQUE (email);
ALTER TABLE shop.addresses ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
ALTER TABLE shop.orders
    ADD FOREIGN KEY (customer_id) REFERENCES shop.customers,
    ADD FOREIGN KEY (shipping_address_id) REFERENCES shop.addresses,
    ADD FOREIGN KEY (billing_address_id) REFERENCES shop.addresses;
ALTER TABLE shop.order_lines
    ADD PRIMARY KEY (order_id, line_no),
    ADD FOREIGN KEY (order_id) REFERENCES shop.orders,
    ADD FOREIGN KEY (product_id) REFERENCES shop.products;
ALTER TABLE shop.payments ADD FOREIGN KEY (order_id) REFERENCES shop.orders;
ALTER TABLE shop.shipments
    ADD FOREIGN KEY (order_id) REFERENCES shop.orders,
    ADD FOREIGN KEY (warehouse_id) REFERENCES shop.warehouses;
ALTER TABLE shop.returns ADD FOREIGN KEY (order_id, line_no) REFERENCES shop.order_lines;
ALTER TABLE shop.reviews
    ADD FOREIGN KEY (product_id) REFERENCES shop.products,
    ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;

CREATE INDEX ON shop.addresses (customer_id);
CREATE INDEX ON shop.orders (customer_id);
CREATE INDEX ON shop.orders (ordered_at);
CREATE INDEX ON shop.order_lines (product_id);
CREATE INDEX ON shop.payments (order_id);
CREATE INDEX ON shop.shipments (order_id);
CREATE INDEX ON shop.reviews (product_id);

CREATE VIEW shop.order_totals AS
SELECT o.id AS order_id, o.customer_id, o.status, o.ordered_at, sum(l.amount) AS total, count(*) AS lines
FROM shop.orders o JOIN shop.order_lines l ON l.order_id = o.id
GROUP BY o.id;
COMMENT ON VIEW shop.order_totals IS 'Orders with the sum of their lines in euros.';

-- Questions are asked by a role that may read the shop and nothing else.
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop_analyst') AS no_analyst \gset
\if :no_analyst
CREATE ROLE shop_analyst LOGIN;
\endif
GRANT USAGE ON SCHEMA shop TO shop_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO shop_analyst;

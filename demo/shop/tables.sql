-- tables.sql: what the shop consists of. Keys to filled tables and indexes come in finish.sql.
DROP SCHEMA IF EXISTS shop CASCADE;
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'A furniture web shop: catalogue, customers, orders, delivery, staff.';

CREATE TYPE shop.order_status AS ENUM ('pending', 'paid', 'shipped', 'delivered', 'cancelled');
CREATE TYPE shop.customer_segment AS ENUM ('private', 'business', 'designer');
CREATE TYPE shop.payment_method AS ENUM ('credit card', 'paypal', 'bank transfer', 'invoice', 'gift card');
CREATE TYPE shop.return_reason AS ENUM ('damaged', 'wrong colour', 'wrong size', 'late delivery', 'changed mind');

CREATE TABLE shop.categories (
    id          integer PRIMARY KEY,
    parent_id   integer REFERENCES shop.categories,
    name        text NOT NULL UNIQUE,
    description text
);
COMMENT ON TABLE shop.categories IS 'Catalogue tree: rooms at the top, kinds of furniture below them.';
COMMENT ON COLUMN shop.categories.parent_id IS 'The room that this kind of furniture belongs to; empty for a room itself.';

CREATE TABLE shop.suppliers (
    id      integer PRIMARY KEY,
    name    text NOT NULL,
    city    text NOT NULL,
    country text NOT NULL,
    email   text NOT NULL,
    rating  numeric(2,1) NOT NULL CHECK (rating BETWEEN 1 AND 5)
);
COMMENT ON TABLE shop.suppliers IS 'Makers whose furniture the shop sells.';
COMMENT ON COLUMN shop.suppliers.rating IS 'How content the purchasing department is: 1 (poor) to 5 (excellent).';

CREATE TABLE shop.products (
    id           integer PRIMARY KEY,
    category_id  integer NOT NULL REFERENCES shop.categories,
    supplier_id  integer NOT NULL REFERENCES shop.suppliers,
    sku          text NOT NULL UNIQUE,
    name         text NOT NULL,
    price        numeric(10,2) NOT NULL CHECK (price > 0),
    cost         numeric(10,2) NOT NULL CHECK (cost > 0),
    weight_kg    numeric(6,1) NOT NULL,
    launched_on  date NOT NULL,
    discontinued boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE shop.products IS 'Furniture on sale, one row per article.';
COMMENT ON COLUMN shop.products.sku IS 'Article number as printed on the label.';
COMMENT ON COLUMN shop.products.price IS 'List price in euros, without discounts.';
COMMENT ON COLUMN shop.products.cost IS 'What the supplier charges the shop, in euros.';

CREATE TABLE shop.attributes (
    id   integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    unit text
);
COMMENT ON TABLE shop.attributes IS 'Properties that articles can have: material, colour, style, sizes.';
COMMENT ON COLUMN shop.attributes.unit IS 'Unit of measured properties; empty for properties with a list of allowable values.';

CREATE TABLE shop.attribute_values (
    id           integer PRIMARY KEY,
    attribute_id integer NOT NULL REFERENCES shop.attributes,
    value        text NOT NULL,
    UNIQUE (attribute_id, value),
    UNIQUE (id, attribute_id)
);
COMMENT ON TABLE shop.attribute_values IS 'Allowable values of a property, e.g. Oak for Material.';

CREATE TABLE shop.product_attributes (
    product_id         integer NOT NULL REFERENCES shop.products,
    attribute_id       integer NOT NULL REFERENCES shop.attributes,
    attribute_value_id integer,
    measure            numeric(6,1),
    PRIMARY KEY (product_id, attribute_id),
    FOREIGN KEY (attribute_value_id, attribute_id) REFERENCES shop.attribute_values (id, attribute_id),
    CHECK ((attribute_value_id IS NULL) <> (measure IS NULL))
);
COMMENT ON TABLE shop.product_attributes IS 'Which article has which property: an allowable value or a measure.';

CREATE TABLE shop.warehouses (
    id       integer PRIMARY KEY,
    name     text NOT NULL UNIQUE,
    city     text NOT NULL,
    country  text NOT NULL,
    capacity integer NOT NULL
);

CREATE TABLE shop.stock (
    warehouse_id  integer NOT NULL REFERENCES shop.warehouses,
    product_id    integer NOT NULL REFERENCES shop.products,
    on_hand       integer NOT NULL CHECK (on_hand >= 0),
    reorder_level integer NOT NULL,
    PRIMARY KEY (warehouse_id, product_id)
);
COMMENT ON COLUMN shop.stock.on_hand IS 'Pieces lying in the warehouse now.';
COMMENT ON COLUMN shop.stock.reorder_level IS 'Order again when fewer pieces than this are left.';

CREATE TABLE shop.employees (
    id           integer PRIMARY KEY,
    manager_id   integer REFERENCES shop.employees,
    warehouse_id integer REFERENCES shop.warehouses,
    first_name   text NOT NULL,
    last_name    text NOT NULL,
    job_title    text NOT NULL,
    department   text NOT NULL,
    hired_on     date NOT NULL,
    login        name NOT NULL UNIQUE
);
COMMENT ON TABLE shop.employees IS 'Staff of the shop and its warehouses.';
COMMENT ON COLUMN shop.employees.manager_id IS 'Whom this person reports to; empty for the managing director.';
COMMENT ON COLUMN shop.employees.login IS 'Database role of this person.';

CREATE TABLE shop.salaries (
    employee_id integer NOT NULL REFERENCES shop.employees,
    valid_from  date NOT NULL,
    salary      numeric(10,2) NOT NULL,
    PRIMARY KEY (employee_id, valid_from)
);
COMMENT ON TABLE shop.salaries IS 'Yearly pay in euros. Row security: everybody sees only their own.';

CREATE TABLE shop.customers (
    id           integer PRIMARY KEY,
    first_name   text NOT NULL,
    last_name    text NOT NULL,
    email        text NOT NULL,
    segment      shop.customer_segment NOT NULL,
    signed_up_on date NOT NULL,
    newsletter   boolean NOT NULL
);

CREATE TABLE shop.addresses (
    id          integer PRIMARY KEY,
    customer_id integer NOT NULL,
    street      text NOT NULL,
    postcode    text NOT NULL,
    city        text NOT NULL,
    country     text NOT NULL
);

CREATE TABLE shop.orders (
    id                  integer PRIMARY KEY,
    customer_id         integer NOT NULL,
    shipping_address_id integer NOT NULL,
    billing_address_id  integer NOT NULL,
    status              shop.order_status NOT NULL,
    channel             text NOT NULL,
    ordered_at          timestamptz NOT NULL
);
COMMENT ON TABLE shop.orders IS 'One row per order that a customer placed.';
COMMENT ON COLUMN shop.orders.shipping_address_id IS 'Where the furniture goes.';
COMMENT ON COLUMN shop.orders.billing_address_id IS 'Where the invoice goes.';
COMMENT ON COLUMN shop.orders.channel IS 'How the order came in: web, app, phone or store.';

CREATE TABLE shop.order_lines (
    order_id   integer NOT NULL,
    line_no    integer NOT NULL,
    product_id integer NOT NULL,
    quantity   integer NOT NULL CHECK (quantity > 0),
    unit_price numeric(10,2) NOT NULL,
    discount   numeric(3,2) NOT NULL DEFAULT 0,
    amount     numeric(12,2) GENERATED ALWAYS AS (round(quantity * unit_price * (1 - discount), 2)) STORED
);
COMMENT ON TABLE shop.order_lines IS 'Articles of an order, one row each.';
COMMENT ON COLUMN shop.order_lines.discount IS 'Share of the price that was let off: 0.10 is ten percent.';
COMMENT ON COLUMN shop.order_lines.amount IS 'Revenue of this line in euros, after discount.';

CREATE TABLE shop.payments (
    id       integer PRIMARY KEY,
    order_id integer NOT NULL,
    method   shop.payment_method NOT NULL,
    amount   numeric(12,2) NOT NULL,
    paid_at  timestamptz NOT NULL
);

CREATE TABLE shop.shipments (
    id           integer PRIMARY KEY,
    order_id     integer NOT NULL,
    warehouse_id integer NOT NULL,
    carrier      text NOT NULL,
    freight_cost numeric(8,2) NOT NULL,
    shipped_on   date NOT NULL,
    delivered_on date
);
COMMENT ON TABLE shop.shipments IS 'Parcels and pallets that left a warehouse.';
COMMENT ON COLUMN shop.shipments.delivered_on IS 'Empty while the goods are on the road.';

CREATE TABLE shop.returns (
    id          integer PRIMARY KEY,
    order_id    integer NOT NULL,
    line_no     integer NOT NULL,
    reason      shop.return_reason NOT NULL,
    quantity    integer NOT NULL,
    refund      numeric(12,2) NOT NULL,
    returned_on date NOT NULL
);
COMMENT ON TABLE shop.returns IS 'Goods that customers sent back.';

CREATE TABLE shop.reviews (
    id          integer PRIMARY KEY,
    product_id  integer NOT NULL,
    customer_id integer NOT NULL,
    rating      integer NOT NULL CHECK (rating BETWEEN 1 AND 5),
    title       text NOT NULL,
    written_on  date NOT NULL
);
COMMENT ON COLUMN shop.reviews.rating IS 'Stars from 1 to 5.';

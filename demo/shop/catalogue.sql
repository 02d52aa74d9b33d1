-- catalogue.sql: categories, suppliers, products and their attributes, warehouses, stock.

-- A number in [0, 1) that depends on its arguments alone. random() would depend on the plan too.
CREATE FUNCTION pg_temp.dice(salt integer, i bigint) RETURNS float8 IMMUTABLE LANGUAGE sql AS
$$ SELECT (hashint8extended(i, salt) & 1073741823) / 1073741824.0::float8 $$;

-- One element of a list, by the same dice.
CREATE FUNCTION pg_temp.pick(list text[], salt integer, i bigint) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT list[1 + floor(pg_temp.dice(salt, i) * cardinality(list))::integer] $$;

INSERT INTO shop.categories (id, parent_id, name, description) VALUES
    (1, NULL, 'Living Room', 'To sit and to talk'), (2, NULL, 'Bedroom', 'To sleep'),
    (3, NULL, 'Dining Room', 'To eat together'),    (4, NULL, 'Office', 'To work'),
    (5, NULL, 'Garden', 'For terrace and balcony'), (6, NULL, 'Lighting', NULL),
    (7, NULL, 'Children', NULL);

-- A kind of furniture: the category it stands in, its usual price in euros, its usual weight in kilograms, what it is made of.
CREATE TEMP TABLE kinds ON COMMIT DROP AS
SELECT 10 + (row_number() OVER ())::integer AS id, parent_id, category, noun, base_price, base_weight, materials
FROM (VALUES
    (1, 'Sofas',         'Sofa',          950, 70, '{Leather,Velvet,Linen,Cotton}'::text[]),
    (1, 'Armchairs',     'Armchair',      420, 24, '{Leather,Velvet,Linen,Rattan}'),
    (1, 'Coffee Tables', 'Coffee Table',  210, 18, '{Oak,Walnut,Glass,Marble,Pine}'),
    (1, 'TV Stands',     'TV Stand',      260, 30, '{Oak,Walnut,Pine,Steel}'),
    (1, 'Bookcases',     'Bookcase',      240, 38, '{Oak,Walnut,Pine,Birch,Steel}'),
    (2, 'Beds',          'Bed',           640, 65, '{Oak,Walnut,Pine,Beech,Velvet}'),
    (2, 'Wardrobes',     'Wardrobe',      780, 95, '{Oak,Walnut,Pine,Birch}'),
    (2, 'Nightstands',   'Nightstand',     95,  9, '{Oak,Walnut,Pine,Beech}'),
    (2, 'Dressers',      'Dresser',       330, 42, '{Oak,Walnut,Pine,Birch}'),
    (3, 'Dining Tables', 'Dining Table',  560, 48, '{Oak,Walnut,Glass,Beech,Marble}'),
    (3, 'Dining Chairs', 'Dining Chair',  130,  7, '{Oak,Walnut,Beech,Leather,Rattan}'),
    (3, 'Sideboards',    'Sideboard',     480, 52, '{Oak,Walnut,Birch,Pine}'),
    (3, 'Bar Stools',    'Bar Stool',     115,  8, '{Oak,Steel,Leather,Beech}'),
    (4, 'Desks',         'Desk',          340, 35, '{Oak,Walnut,Pine,Steel,Glass}'),
    (4, 'Office Chairs', 'Office Chair',  290, 16, '{Leather,Cotton,Steel}'),
    (4, 'Filing Cabinets', 'Filing Cabinet', 180, 28, '{Steel,Oak,Birch}'),
    (5, 'Garden Tables', 'Garden Table',  310, 26, '{Teak,Steel,Acacia}'),
    (5, 'Garden Chairs', 'Garden Chair',   90,  6, '{Teak,Steel,Rattan,Acacia}'),
    (5, 'Sun Loungers',  'Sun Lounger',   270, 17, '{Teak,Rattan,Acacia}'),
    (6, 'Floor Lamps',   'Floor Lamp',    140,  6, '{Steel,Brass,Linen,Bamboo}'),
    (6, 'Table Lamps',   'Table Lamp',     70,  2, '{Brass,Glass,Linen,Marble}'),
    (6, 'Pendant Lamps', 'Pendant Lamp',  120,  3, '{Brass,Glass,Bamboo,Steel}'),
    (7, 'Bunk Beds',     'Bunk Bed',      520, 72, '{Pine,Beech,Birch}'),
    (7, 'Toy Chests',    'Toy Chest',     110, 12, '{Pine,Birch,Bamboo}')
) AS k (parent_id, category, noun, base_price, base_weight, materials);

INSERT INTO shop.categories (id, parent_id, name) SELECT id, parent_id, category FROM kinds;

INSERT INTO shop.suppliers (id, name, city, country, email, rating)
SELECT i, name, city, country, 'sales@' || lower(replace(name, ' ', '-')) || '.example',
       round((2.5 + 2.5 * pg_temp.dice(1, i))::numeric, 1)
FROM (SELECT row_number() OVER () AS i, * FROM (VALUES
    ('Nordlys Furniture', 'Aarhus', 'Denmark'),       ('Bjork and Sons', 'Malmo', 'Sweden'),
    ('Schwarzwald Holz', 'Freiburg', 'Germany'),      ('Atelier Lumen', 'Lyon', 'France'),
    ('Casa Verona', 'Verona', 'Italy'),               ('Poznan Upholstery', 'Poznan', 'Poland'),
    ('Highland Timber', 'Inverness', 'United Kingdom'), ('Delft Design', 'Delft', 'Netherlands'),
    ('Muebles Levante', 'Valencia', 'Spain'),         ('Tirol Tischler', 'Innsbruck', 'Austria'),
    ('Elbe Stahlmoebel', 'Dresden', 'Germany'),       ('Gdansk Woodworks', 'Gdansk', 'Poland'),
    ('Porto Rattan', 'Porto', 'Portugal'),            ('Jutland Lighting', 'Esbjerg', 'Denmark'),
    ('Leather Line', 'Florence', 'Italy'),            ('Green Garden', 'Utrecht', 'Netherlands'),
    ('Loire Literie', 'Tours', 'France'),             ('Smaland Pine', 'Vaxjo', 'Sweden'),
    ('Carrara Stone', 'Carrara', 'Italy'),            ('Kids Cabin', 'Leeds', 'United Kingdom'),
    ('Brabant Beds', 'Eindhoven', 'Netherlands'),     ('Andalus Teak', 'Cadiz', 'Spain'),
    ('Bohemia Glass', 'Liberec', 'Czechia'),          ('Danube Oak', 'Linz', 'Austria')
) AS s (name, city, country)) AS s;

-- 24 kinds × 50 lines. Names read like "Fjord Oak Dining Table"; the material is an attribute as well.
CREATE TEMP TABLE articles ON COMMIT DROP AS
SELECT ((k.id - 11) * 50 + l)::integer AS id, k.id AS category_id, k.noun, k.base_price, k.base_weight, k.category,
       (ARRAY['Fjord','Alba','Juno','Harbor','Linden','Mira','Solis','Tundra','Vega','Willow','Aspen','Brisa','Cedar',
              'Dune','Ember','Flora','Grove','Hazel','Iris','Jasper','Kite','Lago','Maple','Nova','Orla','Petra','Quill',
              'Rowan','Sable','Terra','Umbra','Viola','Wren','Xenia','Yarrow','Zephyr','Arden','Bay','Clover','Delta',
              'Elm','Fern','Glen','Heath','Isle','Jade','Kelp','Lark','Moss','North'])[l] AS line,
       pg_temp.pick(k.materials, 2, k.id * 100 + l) AS material
FROM kinds k CROSS JOIN generate_series(1, 50) AS l;

INSERT INTO shop.products (id, category_id, supplier_id, sku, name, price, cost, weight_kg, launched_on, discontinued)
SELECT a.id, a.category_id, 1 + floor(24 * pg_temp.dice(3, a.id))::integer,
       upper(left(replace(a.category, ' ', ''), 3)) || '-' || lpad(a.id::text, 4, '0'),
       a.line || ' ' || a.material || ' ' || a.noun,
       p.price, round(p.price * (0.42 + 0.2 * pg_temp.dice(5, a.id))::numeric, 2),
       round((a.base_weight * (0.7 + 0.6 * pg_temp.dice(6, a.id)))::numeric, 1),
       :'today'::date - 1150 - floor(1500 * pg_temp.dice(7, a.id))::integer
           + CASE WHEN pg_temp.dice(8, a.id) < 0.2 THEN 900 ELSE 0 END,
       pg_temp.dice(9, a.id) < 0.06
FROM articles a
CROSS JOIN LATERAL (
    SELECT round((a.base_price * (0.6 + pg_temp.dice(4, a.id))
        * CASE a.material WHEN 'Walnut' THEN 1.35 WHEN 'Marble' THEN 1.6 WHEN 'Leather' THEN 1.4 WHEN 'Pine' THEN 0.7 ELSE 1 END
        )::numeric) - 0.05 AS price
) AS p;

INSERT INTO shop.attributes (id, name, unit) VALUES
    (1, 'Material', NULL), (2, 'Colour', NULL), (3, 'Style', NULL), (4, 'Assembly', NULL),
    (5, 'Width', 'cm'), (6, 'Height', 'cm'), (7, 'Depth', 'cm');

INSERT INTO shop.attribute_values (id, attribute_id, value)
SELECT attribute_id * 100 + n, attribute_id, value
FROM (VALUES
    (1, '{Oak,Walnut,Pine,Beech,Birch,Teak,Acacia,Bamboo,Rattan,Steel,Brass,Glass,Marble,Leather,Velvet,Linen,Cotton}'::text[]),
    (2, '{White,Black,Grey,Natural,Dark Brown,Navy Blue,Forest Green,Burgundy,Mustard,Cream}'),
    (3, '{Scandinavian,Industrial,Mid-Century,Classic,Rustic,Minimalist}'),
    (4, '{Assembled,Self-Assembly}')
) AS v (attribute_id, list)
CROSS JOIN unnest(list) WITH ORDINALITY AS u (value, n);

-- Every article has a material (the one in its name); colour, style, assembly and sizes are known for most.
INSERT INTO shop.product_attributes (product_id, attribute_id, attribute_value_id)
SELECT a.id, 1, v.id
FROM articles a JOIN shop.attribute_values v ON v.attribute_id = 1 AND v.value = a.material
UNION ALL
SELECT a.id, t.attribute_id, t.attribute_id * 100 + 1 + floor(t.choices * pg_temp.dice(10 + t.attribute_id, a.id))::integer
FROM articles a CROSS JOIN (VALUES (2, 10), (3, 6), (4, 2)) AS t (attribute_id, choices)
WHERE pg_temp.dice(20 + t.attribute_id, a.id) < 0.9;

INSERT INTO shop.product_attributes (product_id, attribute_id, measure)
SELECT a.id, t.attribute_id, round((t.lowest + t.spread * pg_temp.dice(30 + t.attribute_id, a.id))::numeric, 1)
FROM articles a CROSS JOIN (VALUES (5, 40, 180), (6, 35, 165), (7, 30, 70)) AS t (attribute_id, lowest, spread)
WHERE pg_temp.dice(40 + t.attribute_id, a.id) < 0.8;

INSERT INTO shop.warehouses (id, name, city, country, capacity) VALUES
    (1, 'Hamburg North', 'Hamburg', 'Germany', 9000), (2, 'Rotterdam Port', 'Rotterdam', 'Netherlands', 12000),
    (3, 'Lyon South', 'Lyon', 'France', 7000),        (4, 'Leeds Central', 'Leeds', 'United Kingdom', 6000),
    (5, 'Poznan East', 'Poznan', 'Poland', 8000);

INSERT INTO shop.stock (warehouse_id, product_id, on_hand, reorder_level)
SELECT w.id, p.id,
       CASE WHEN p.discontinued THEN 0 ELSE floor(60 * pg_temp.dice(50 + w.id, p.id) ^ 2)::integer END,
       5 + floor(10 * pg_temp.dice(60 + w.id, p.id))::integer
FROM shop.warehouses w CROSS JOIN shop.products p;

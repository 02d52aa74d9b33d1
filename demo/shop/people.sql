-- people.sql: employees with their pay, customers with their addresses.
CREATE TEMP TABLE names ON COMMIT DROP AS SELECT
    '{Anna,Ben,Clara,David,Elena,Felix,Greta,Hugo,Ines,Jonas,Katja,Lars,Maria,Nils,Olga,Paul,Rosa,Simon,Tilda,Victor,
      Alice,Bruno,Chloe,Daniel,Emma,Finn,Giulia,Henry,Isabel,Jan,Karin,Leo,Marta,Noah,Oscar,Pia,Robert,Sofia,Thomas,Wanda}'::text[] AS first,
    '{Andersen,Becker,Costa,Dubois,Evans,Fischer,Garcia,Hansen,Iversen,Jansen,Keller,Larsson,Moreau,Nowak,Olsen,Peters,
      Rossi,Schmidt,Taylor,Visser,Wagner,Young,Zielinski,Bauer,Clarke,de Vries,Ferrari,Gruber,Hoffmann,Jensen,Kowalski,
      Lopez,Martin,Novak,Petit,Richter,Svensson,Turner,Weber,Wright}'::text[] AS last;

-- Employee 1 runs the shop, 2 to 8 run departments, 9 to 13 run the warehouses, everybody else reports to one of those.
INSERT INTO shop.employees (id, manager_id, warehouse_id, first_name, last_name, job_title, department, hired_on, login)
SELECT i,
       CASE WHEN i = 1 THEN NULL WHEN i <= 8 THEN 1 WHEN i <= 13 THEN 8 WHEN i <= 60 THEN 2 + i % 6 ELSE 9 + i % 5 END,
       CASE WHEN i BETWEEN 9 AND 13 THEN i - 8 WHEN i > 60 THEN 1 + i % 5 END,
       person.first, person.last,
       CASE WHEN i = 1 THEN 'Managing Director' WHEN i <= 8 THEN 'Head of ' || unit.name
            WHEN i <= 13 THEN 'Warehouse Manager' WHEN i <= 60 THEN unit.job
            ELSE pg_temp.pick('{Forklift Driver,Packer,Packer,Dispatcher}', 102, i) END,
       unit.name,
       :'today'::date - 200 - floor(4000 * pg_temp.dice(103, i))::integer,
       lower(left(person.first, 1) || replace(person.last, ' ', '')) || i
FROM generate_series(1, 130) AS i
CROSS JOIN LATERAL (
    SELECT pg_temp.pick(n.first, 100, i) AS first, pg_temp.pick(n.last, 101, i) AS last FROM names n
) AS person
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES
        (1, 'Management', 'Assistant'), (2, 'Sales', 'Sales Advisor'), (3, 'Purchasing', 'Buyer'), (4, 'Marketing', 'Editor'),
        (5, 'Finance', 'Accountant'), (6, 'Customer Service', 'Service Agent'), (7, 'IT', 'Developer'), (8, 'Logistics', 'Planner')
    ) AS u (id, name, job)
    WHERE u.id = CASE WHEN i <= 8 THEN i WHEN i <= 13 OR i > 60 THEN 8 ELSE 2 + i % 6 END
) AS unit;

INSERT INTO shop.salaries (employee_id, valid_from, salary)
SELECT e.id, greatest(e.hired_on, (date_trunc('year', :'today'::date) - make_interval(years => back))::date),
       round((CASE WHEN e.id = 1 THEN 145000 WHEN e.id <= 13 THEN 78000 WHEN e.id <= 60 THEN 46000 ELSE 33000 END
           * (0.9 + 0.25 * pg_temp.dice(104, e.id)) * (1 - 0.03 * back))::numeric, -2)
FROM shop.employees e CROSS JOIN generate_series(0, 3) AS back
WHERE e.hired_on <= (date_trunc('year', :'today'::date) - make_interval(years => back - 1))::date
ON CONFLICT DO NOTHING;

ALTER TABLE shop.salaries ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_salary ON shop.salaries FOR SELECT USING (
    EXISTS (SELECT FROM shop.employees e WHERE e.id = employee_id AND e.login = current_user)
);

INSERT INTO shop.customers (id, first_name, last_name, email, segment, signed_up_on, newsletter)
SELECT i, person.first, person.last,
       lower(person.first || '.' || replace(person.last, ' ', '')) || i || '@mail.example',
       CASE WHEN pg_temp.dice(112, i) < 0.78 THEN 'private' WHEN pg_temp.dice(112, i) < 0.93 THEN 'business'
            ELSE 'designer' END::shop.customer_segment,
       :'today'::date - 1500 + floor(1500 * (i / 12000.0) ^ 0.8)::integer,
       pg_temp.dice(113, i) < 0.41
FROM generate_series(1, 12000) AS i
CROSS JOIN LATERAL (
    SELECT pg_temp.pick(n.first, 110, i) AS first, pg_temp.pick(n.last, 111, i) AS last FROM names n
) AS person;

CREATE TEMP TABLE places ON COMMIT DROP AS
SELECT (row_number() OVER ())::integer AS id, city, country
FROM (VALUES
    ('Berlin', 'Germany'), ('Hamburg', 'Germany'), ('Munich', 'Germany'), ('Cologne', 'Germany'), ('Leipzig', 'Germany'),
    ('Paris', 'France'), ('Lyon', 'France'), ('Nantes', 'France'), ('Amsterdam', 'Netherlands'), ('Rotterdam', 'Netherlands'),
    ('Utrecht', 'Netherlands'), ('London', 'United Kingdom'), ('Leeds', 'United Kingdom'), ('Bristol', 'United Kingdom'),
    ('Madrid', 'Spain'), ('Valencia', 'Spain'), ('Milan', 'Italy'), ('Verona', 'Italy'), ('Warsaw', 'Poland'),
    ('Poznan', 'Poland'), ('Vienna', 'Austria'), ('Graz', 'Austria'), ('Copenhagen', 'Denmark'), ('Stockholm', 'Sweden')
) AS p (city, country);

-- Everybody has one address; every fourth customer (ids above 12000) a second one.
INSERT INTO shop.addresses (id, customer_id, street, postcode, city, country)
SELECT a.id, a.customer_id,
       (1 + floor(120 * pg_temp.dice(121, a.id)))::text || ' '
           || pg_temp.pick('{Mill Lane,Station Road,Garden Street,Harbour Street,Church Square,Park Avenue,Bridge Street,
                             Market Square,School Lane,Forest Road,Lake View,Hill Street}', 122, a.id),
       lpad((10000 + floor(89999 * pg_temp.dice(123, a.id)))::text, 5, '0'), p.city, p.country
FROM (SELECT i AS id, CASE WHEN i <= 12000 THEN i ELSE (i - 12000) * 4 END AS customer_id
      FROM generate_series(1, 15000) AS i) AS a
JOIN places p ON p.id = 1 + floor(24 * pg_temp.dice(120, a.id) ^ 1.6)::integer;

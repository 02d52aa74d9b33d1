-- clinic.sql: a small schema that suites may index; made anew for each test, gone with its transaction.
CREATE SCHEMA clinic;
CREATE TYPE clinic.urgency AS ENUM ('low', 'medium', 'high');
CREATE TABLE clinic.patients (
    id        integer PRIMARY KEY,
    name      text NOT NULL,
    city      text NOT NULL,
    birthdate date NOT NULL
);
COMMENT ON TABLE clinic.patients IS 'People who were treated at least once';
COMMENT ON COLUMN clinic.patients.city IS 'Where the patient lives';
CREATE TABLE clinic.doctors (id integer PRIMARY KEY, name text NOT NULL, specialty text NOT NULL);
CREATE TABLE clinic.visits (
    id         integer PRIMARY KEY,
    patient_id integer NOT NULL REFERENCES clinic.patients,
    doctor_id  integer NOT NULL REFERENCES clinic.doctors,
    visited_on date NOT NULL,
    urgency    clinic.urgency NOT NULL,
    fee        numeric(8, 2) NOT NULL
);
-- a composite key whose order is not that of the columns
CREATE TABLE clinic.rooms (floor integer, wing text, beds integer NOT NULL, PRIMARY KEY (wing, floor));
CREATE TABLE clinic.stays (
    patient_id integer NOT NULL REFERENCES clinic.patients,
    room_floor integer NOT NULL,
    room_wing  text NOT NULL,
    since      date NOT NULL,
    FOREIGN KEY (room_wing, room_floor) REFERENCES clinic.rooms (wing, floor)
);
-- what must never be stored of
CREATE TABLE clinic.diagnoses (patient_id integer, code text, doctor text);
ALTER TABLE clinic.diagnoses ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clinic.diagnoses USING (doctor OPERATOR(pg_catalog.=) CURRENT_USER);
INSERT INTO clinic.patients SELECT i, 'Patient ' || i, (ARRAY['Oban', 'Truro', 'Harwich'])[1 + i % 3], date '1960-01-01' + i * 100
    FROM generate_series(1, 40) AS i;
INSERT INTO clinic.doctors SELECT i, 'Doctor ' || i, (ARRAY['Surgery', 'Cardiology'])[1 + i % 2] FROM generate_series(1, 6) AS i;
INSERT INTO clinic.visits SELECT i, 1 + i % 40, 1 + i % 6, date '2026-01-01' + i, (ARRAY['low', 'medium', 'high'])[1 + i % 3]::clinic.urgency, 20 + i
    FROM generate_series(1, 120) AS i;
INSERT INTO clinic.rooms SELECT f, w, 2 FROM generate_series(1, 3) AS f, unnest(ARRAY['north', 'south']) AS w;
INSERT INTO clinic.stays SELECT i, 1 + i % 3, 'north', date '2026-02-01' FROM generate_series(1, 10) AS i;
INSERT INTO clinic.diagnoses VALUES (1, 'sealed-canary', 'nurse'), (2, 'sealed-canary-two', 'surgeon');
CREATE VIEW clinic.busy AS SELECT name AS view_canary, specialty FROM clinic.doctors;
CREATE MATERIALIZED VIEW clinic.yearly AS SELECT extract(year FROM visited_on)::integer AS year, count(*) AS visits FROM clinic.visits GROUP BY 1;
CREATE TABLE clinic.readings (taken_on date NOT NULL, device text) PARTITION BY RANGE (taken_on);
CREATE TABLE clinic.readings_2026 PARTITION OF clinic.readings FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO clinic.readings SELECT date '2026-03-01' + i, 'scanner' FROM generate_series(1, 5) AS i;
GRANT USAGE ON SCHEMA clinic TO t2sql_reader;
ANALYZE clinic.patients, clinic.doctors, clinic.visits, clinic.rooms, clinic.stays, clinic.diagnoses, clinic.readings, clinic.yearly;

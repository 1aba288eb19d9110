-- Sample orders, and a role that can read them and nothing else. Runs in database sales.
CREATE TABLE orders (
    id integer PRIMARY KEY,
    customer_id integer NOT NULL,
    amount numeric(10, 2) NOT NULL,
    status text NOT NULL,
    ordered_at timestamp NOT NULL
);
INSERT INTO orders
SELECT i, 1 + i * 7919 % 1000, (500 + i * 7907 % 40000) / 100.0, (ARRAY['new', 'paid', 'sent'])[1 + i % 3],
       timestamp '2025-01-01' + i * interval '10 minutes'
FROM generate_series(1, 50000) AS i;
ANALYZE orders;

CREATE ROLE reader LOGIN PASSWORD 'reader';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;

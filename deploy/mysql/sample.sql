-- Sample customers, and a user who can read them and nothing else. Runs in database crm.
CREATE TABLE customers (
    id int PRIMARY KEY,
    name varchar(60) NOT NULL,
    country varchar(2) NOT NULL,
    segment varchar(20)
);
CREATE TABLE digits (d int PRIMARY KEY);
INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO customers
SELECT 1 + i, CONCAT('Customer ', 1 + i), ELT(1 + i % 5, 'DE', 'FR', 'JP', 'BR', 'US'),
       ELT(1 + i % 3, 'consumer', 'business', NULL)
FROM (SELECT a.d + 10 * b.d + 100 * c.d AS i FROM digits AS a, digits AS b, digits AS c) AS numbers;
DROP TABLE digits;

CREATE USER reader IDENTIFIED BY 'reader';
GRANT SELECT, SHOW VIEW ON crm.* TO reader;

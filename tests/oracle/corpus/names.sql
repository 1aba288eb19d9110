-- Names: reserved words, mixed case, duplicates, stars, aliases.

-- case: mixed case and reserved words at PostgreSQL
SELECT "Id", "select", "Order", "a b", "quo""te", "group" FROM pg.public."Mixed Case"

-- case: mixed case and reserved words at MySQL
SELECT "Id", "select", "Order", "a b", "quo""te", "group" FROM my.shop."Mixed Case"

-- case: names match in any case
SELECT ID, "ORDER", "A B" FROM pg.public."mixed case" WHERE "SELECT" > 5

-- case: tables match in any case
SELECT ID, Name FROM PG.Public.PEOPLE WHERE Id < 3

-- case: MySQL tables match in any case
SELECT Id, NAME FROM MY.SHOP.CUSTOMERS WHERE ID < 3

-- case: grouping by a reserved word
SELECT "group", count(*), max("Order") FROM pg.public."Mixed Case" GROUP BY "group" ORDER BY "group"

-- case: two columns that differ only in case
SELECT "A", "a" FROM pg.public."Twins" WHERE "a" > 10
-- reference
SELECT x AS "A", y AS "a" FROM (VALUES (1, 10), (2, 20), (NULL, 30)) t(x, y) WHERE y > 10

-- case: a star is all columns
SELECT * FROM pg.public.items

-- case: a star over a join repeats names
SELECT * FROM pg.public.items a JOIN my.shop.items b ON a.id = b.id

-- case: a qualified star
SELECT b.*, a.id FROM pg.public.items a JOIN my.shop.items b ON a.id = b.id

-- case: duplicate output names
SELECT id, id, name AS id FROM pg.public.people WHERE id < 3

-- case: duplicate output names across sources
SELECT p.id, c.id, p.name, c.name FROM pg.public.people p JOIN my.shop.customers c ON p.id = c.id

-- case: star exclude
SELECT * EXCLUDE (label) FROM pg.public.items

-- case: star exclude two of a join
SELECT * EXCLUDE (a.id, label) FROM pg.public.items a JOIN my.shop.items b ON a.id = b.id

-- case: star replace
SELECT * REPLACE (upper(label) AS label) FROM my.shop.items

-- case: star rename
SELECT * RENAME (label AS text) FROM pg.public.items

-- case: columns by a pattern
SELECT COLUMNS('i[0-9]') FROM pg.public.numbers WHERE id < 3

-- case: columns by a lambda
SELECT COLUMNS(lambda c: c LIKE '%a%') FROM my.shop.items

-- case: an aggregate of columns
SELECT min(COLUMNS(*)), max(COLUMNS('id')) FROM pg.public.items

-- case: a filter over columns
SELECT * FROM pg.public.pairs WHERE COLUMNS(*) IS NOT NULL

-- case: from first
FROM pg.public.items

-- case: from first with select
FROM my.shop.items SELECT label WHERE id = 2

-- case: TABLE
TABLE pg.public.items

-- case: names that DuckDB makes for expressions
SELECT id + 1, count(*), max(name), upper(min(name)), -id, id = 1, 'text', 1.50, CASE WHEN id = 1 THEN 2 END, id::VARCHAR, NULL FROM pg.public.people WHERE id < 3 GROUP BY id

-- case: names that DuckDB makes for functions and operators
SELECT name || 'x', name LIKE 'a%', id IN (1, 2), id BETWEEN 1 AND 2, id IS NULL, NOT vip, coalesce(id, 0), substring(name FROM 1 FOR 2), extract(year FROM born), CAST(id AS DOUBLE), (SELECT 1), id // 2 FROM pg.public.people WHERE id = 1

-- case: an alias with quotes and blanks
SELECT id AS "a ""b"" c", name AS "select", id AS "ÄÖ" FROM pg.public.people WHERE id = 1

-- case: an alias used in WHERE
SELECT id * 2 AS twice FROM pg.public.people WHERE twice > 20

-- case: an alias used in the same list
SELECT id + 1 AS next, next * 2 AS more FROM pg.public.people WHERE id < 3

-- case: a column wins over an alias in WHERE
SELECT id + 100 AS id FROM pg.public.people WHERE id < 3

-- case: prefix aliases
SELECT a: id, b: label FROM pg.public.items

-- case: a table alias in capitals
SELECT P.id, p.NAME FROM pg.public.people P WHERE p.ID = 1

-- case: a table found without its catalog
SELECT count(*) FROM people

-- case: a table found without its catalog at MySQL
SELECT count(*) FROM targets

-- case: tables found without catalogs join
SELECT s.region, t.q1, r.city FROM sales s JOIN targets t ON lower(s.region) = lower(t.region) LEFT JOIN regions r ON r.region = s.region

-- case: a name that several sources have is ambiguous
-- raises
SELECT count(*) FROM (SELECT * FROM items)
-- reference
SELECT ambiguous

-- case: an unknown column
-- raises
SELECT nocolumn FROM pg.public.people

-- case: an unknown table
-- raises
SELECT 1 FROM pg.public.notable

-- case: an ambiguous column
-- raises
SELECT id FROM pg.public.items a JOIN my.shop.items b ON a.id = b.id

-- case: a column from a table not in FROM
-- raises
SELECT q.id FROM pg.public.items

-- case: a column that is not grouped
-- raises
SELECT id, count(*) FROM pg.public.people GROUP BY name

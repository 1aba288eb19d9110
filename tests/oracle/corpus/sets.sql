-- UNION, INTERSECT, EXCEPT.

-- case: union removes duplicates and keeps one NULL
SELECT a, b FROM pg.public.pairs UNION SELECT a, b FROM my.crm.pairs

-- case: union all
SELECT a, b FROM pg.public.pairs UNION ALL SELECT a, b FROM lake.main.pairs

-- case: union of one source
SELECT a FROM pg.public.pairs UNION SELECT b FROM pg.public.pairs

-- case: union of one MySQL
SELECT a FROM my.crm.pairs UNION SELECT b FROM my.crm.pairs

-- case: intersect
SELECT a, b FROM pg.public.pairs INTERSECT SELECT a, b FROM my.crm.pairs

-- case: intersect of one source with NULLs
SELECT a FROM pg.public.pairs INTERSECT SELECT b FROM pg.public.pairs

-- case: except
SELECT a, b FROM pg.public.pairs EXCEPT SELECT a, b FROM lake.main.pairs

-- case: a table except itself is empty
SELECT a, b FROM pg.public.pairs EXCEPT SELECT a, b FROM pg.public.pairs

-- case: a table except itself by a CTE
WITH t AS (SELECT a, b FROM my.crm.pairs) SELECT * FROM t EXCEPT SELECT * FROM t

-- case: except all keeps counts
SELECT a, b FROM pg.public.pairs EXCEPT ALL SELECT a, b FROM my.crm.pairs

-- case: intersect all keeps counts
SELECT a, b FROM pg.public.pairs INTERSECT ALL SELECT a, b FROM my.crm.pairs

-- case: intersect all in one source
SELECT a FROM pg.public.pairs INTERSECT ALL SELECT b FROM pg.public.pairs

-- case: except all in one MySQL
SELECT a FROM my.crm.pairs EXCEPT ALL SELECT b FROM my.crm.pairs

-- case: three branches associate to the left
SELECT a FROM pg.public.pairs EXCEPT SELECT b FROM pg.public.pairs UNION ALL SELECT a FROM pg.public.pairs

-- case: parentheses change it
SELECT a FROM pg.public.pairs EXCEPT (SELECT b FROM pg.public.pairs UNION ALL SELECT 4)

-- case: union all of three sources
SELECT label FROM pg.public.items UNION ALL SELECT label FROM my.shop.items UNION ALL SELECT label FROM lake.main.items

-- case: union of different integer widths
SELECT i2 FROM pg.public.numbers UNION SELECT i8 FROM pg.public.numbers

-- case: union of integer and decimal
SELECT id FROM pg.public.numbers UNION ALL SELECT m FROM pg.public.numbers

-- case: union of integer and text
SELECT id FROM pg.public.items UNION ALL SELECT label FROM pg.public.items

-- case: union of date and timestamp
SELECT placed FROM pg.public.orders UNION SELECT ts FROM pg.public.orders

-- case: union with NULL
SELECT id, NULL AS x FROM pg.public.items UNION ALL SELECT id, label FROM my.shop.items

-- case: the names are the first branch's
SELECT id AS one FROM pg.public.items UNION ALL SELECT id AS two FROM my.shop.items

-- case: order by over a union
SELECT id, label FROM pg.public.items UNION ALL SELECT id, label FROM my.crm.items ORDER BY id, label

-- case: order and limit over a union
SELECT id FROM pg.public.people UNION ALL SELECT id + 100 FROM my.shop.customers ORDER BY id DESC LIMIT 3 OFFSET 1

-- case: limit inside a branch
(SELECT id FROM pg.public.people ORDER BY id LIMIT 2) UNION ALL (SELECT id FROM my.shop.customers ORDER BY id DESC LIMIT 2)

-- case: union by name
SELECT id, name FROM pg.public.people UNION ALL BY NAME SELECT name, city, id FROM my.shop.customers

-- case: union distinct by name
SELECT a, b FROM pg.public.pairs UNION BY NAME SELECT b, a FROM pg.public.pairs

-- case: a filter above a union
SELECT * FROM (SELECT id, label FROM pg.public.items UNION ALL SELECT id, label FROM my.shop.items) WHERE id = 2

-- case: a filter above an except
SELECT * FROM (SELECT a, b FROM pg.public.pairs EXCEPT SELECT a, b FROM my.crm.pairs) WHERE a > 2

-- case: an aggregate above a union
SELECT label IS NULL, count(*) FROM (SELECT label FROM pg.public.items UNION ALL SELECT label FROM my.shop.items) GROUP BY ALL

-- case: a join above a union
SELECT u.id, p.name FROM (SELECT id FROM pg.public.items UNION SELECT id FROM my.shop.items) u JOIN pg.public.people p ON p.id = u.id

-- case: union of doubles with zeros and NaN
SELECT count(*) FROM (SELECT f8 FROM pg.public.numbers UNION SELECT f8 FROM pg.public.numbers)

-- case: intersect of decimals of different scales
SELECT m FROM pg.public.numbers INTERSECT SELECT n FROM my.shop.numbers

-- case: union with an empty branch
SELECT b FROM pg.public.nothing UNION ALL SELECT label FROM pg.public.items

-- case: union of VALUES and a source
VALUES (1, 'x') UNION ALL SELECT id, label FROM pg.public.items

-- case: distinct over union all
SELECT DISTINCT a FROM (SELECT a FROM pg.public.pairs UNION ALL SELECT a FROM my.crm.pairs)

-- case: a union in a subquery
SELECT id FROM pg.public.people WHERE id IN (SELECT a FROM pg.public.pairs UNION SELECT a FROM my.crm.pairs)

-- ORDER BY, LIMIT, OFFSET, DISTINCT ON.

-- case: NULLs are last in ascending order
SELECT id, boss FROM pg.public.people ORDER BY boss, id

-- case: NULLs are last in descending order, too
SELECT id, boss FROM pg.public.people ORDER BY boss DESC, id

-- case: NULLS FIRST
SELECT id, boss FROM pg.public.people ORDER BY boss NULLS FIRST, id

-- case: NULLs at MySQL
SELECT id, qty FROM my.shop.orders ORDER BY qty, id

-- case: NULLs descending at MySQL
SELECT id, qty FROM my.shop.orders ORDER BY qty DESC, id

-- case: NULLS FIRST descending at MySQL
SELECT id, qty FROM my.shop.orders ORDER BY qty DESC NULLS FIRST, id

-- case: ties are free
SELECT boss, id FROM pg.public.people ORDER BY boss

-- case: the order of the outer query holds over a join of sources
SELECT c.id, o.id FROM my.shop.customers c JOIN pg.public.orders o ON o.person = c.id ORDER BY o.id DESC

-- case: an order of a derived table does not bind, its limit does
SELECT count(*), min(id) FROM (SELECT id FROM pg.public.people ORDER BY id DESC LIMIT 4)

-- case: order by an ordinal
SELECT name, id FROM pg.public.people ORDER BY 2 DESC

-- case: order by an alias
SELECT id, -id AS neg FROM pg.public.people ORDER BY neg

-- case: order by an alias that hides a column
SELECT -id AS id, name FROM pg.public.people ORDER BY id

-- case: order by an expression
SELECT id FROM pg.public.people ORDER BY id % 3, id

-- case: order by a column that is not in the output
SELECT name FROM pg.public.people ORDER BY id

-- case: order by all
SELECT a, b FROM pg.public.pairs ORDER BY ALL

-- case: order by all descending
SELECT a, b FROM my.crm.pairs ORDER BY ALL DESC

-- case: limit with a total order
SELECT id FROM pg.public.people ORDER BY id LIMIT 3

-- case: limit and offset
SELECT id FROM pg.public.people ORDER BY id LIMIT 3 OFFSET 2

-- case: offset without a limit
SELECT id FROM pg.public.people ORDER BY id OFFSET 9

-- case: offset without a limit at MySQL
SELECT id FROM my.shop.customers ORDER BY id OFFSET 9

-- case: limit and offset at MySQL
SELECT id FROM my.shop.customers ORDER BY id DESC LIMIT 2 OFFSET 1

-- case: offset beyond the end
SELECT id FROM pg.public.people ORDER BY id LIMIT 3 OFFSET 100

-- case: limit zero
SELECT id, name FROM pg.public.people LIMIT 0

-- case: limit zero at MySQL
SELECT id, name FROM my.shop.customers LIMIT 0

-- case: limit without an order
-- count only
SELECT id FROM pg.public.people LIMIT 5

-- case: limit without an order over a union
-- count only
SELECT id FROM pg.public.people UNION ALL SELECT id FROM my.shop.customers LIMIT 15

-- case: limit in percent
-- count only
SELECT id FROM pg.public.people LIMIT 50%

-- case: limit by an expression
SELECT id FROM pg.public.people ORDER BY id LIMIT 1 + 2

-- case: limit by a subquery
SELECT id FROM pg.public.people ORDER BY id LIMIT (SELECT count(*) FROM my.crm.items)

-- case: fetch first
SELECT id FROM pg.public.people ORDER BY id FETCH FIRST 2 ROWS ONLY

-- case: a limit in a limit
SELECT id FROM (SELECT id FROM pg.public.people ORDER BY id LIMIT 5) ORDER BY id DESC LIMIT 2

-- case: a larger limit around a smaller one
SELECT id FROM (SELECT id FROM my.shop.customers ORDER BY id LIMIT 2 OFFSET 3) ORDER BY id LIMIT 5

-- case: a limit over an aggregate
SELECT person, count(*) AS n FROM pg.public.orders GROUP BY person ORDER BY n DESC, person LIMIT 2

-- case: a limit over distinct
SELECT DISTINCT boss FROM pg.public.people ORDER BY boss LIMIT 2

-- case: a limit over a LEFT JOIN
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id ORDER BY p.id, o.id LIMIT 4

-- case: a limit with a filter that stays local
SELECT id FROM pg.public.people WHERE regexp_matches(name, 'o') ORDER BY id LIMIT 2

-- case: an order that stays local with a limit
SELECT id FROM pg.public.people ORDER BY md5(name), id LIMIT 3

-- case: DISTINCT ON
SELECT DISTINCT ON (person) person, id FROM pg.public.orders ORDER BY person, id DESC

-- case: DISTINCT ON with an expression
SELECT DISTINCT ON (id % 2) id FROM pg.public.people ORDER BY id % 2, id

-- case: DISTINCT ON and LIMIT
SELECT DISTINCT ON (person) person, amount FROM pg.public.orders ORDER BY person NULLS FIRST, amount, id LIMIT 2

-- case: DISTINCT with an order by an output column
SELECT DISTINCT status, qty FROM pg.public.orders ORDER BY qty DESC, status

-- case: the order of booleans
SELECT id, vip FROM pg.public.people ORDER BY vip, id

-- case: the order of an enum is by text
SELECT id, mood FROM pg.public.people ORDER BY mood, id

-- case: the order of an enum of a DuckDB source is by text
SELECT id, lvl FROM lake.main.events ORDER BY lvl, id

-- case: min and max of an enum are by text
SELECT min(mood), max(mood) FROM pg.public.people

-- case: min and max of an enum of a DuckDB source
SELECT min(lvl), max(lvl) FROM lake.main.events

-- case: the order of decimals and unsigned
SELECT id, big FROM my.shop.customers ORDER BY big DESC, id

-- case: the order of lists
SELECT id, tags FROM pg.public.people ORDER BY tags, id

-- case: the order of a timestamptz
SELECT id, tz FROM pg.public.stamps ORDER BY tz

-- case: order by two keys of two sources
SELECT p.id, c.name FROM pg.public.people p JOIN my.shop.customers c ON c.id = p.id ORDER BY c.name DESC, p.id LIMIT 5

-- case: a constant column orders nothing
SELECT id, x FROM (SELECT id, 1 AS x, 2 AS y FROM pg.public.people) ORDER BY y, x, id DESC LIMIT 2

-- case: a constant column orders nothing at MySQL
SELECT id, x FROM (SELECT id, 1 AS x, 2 AS y FROM my.shop.customers) ORDER BY y, x, id DESC LIMIT 2

-- case: a constant column that is no ordinal
SELECT id, x FROM (SELECT id, 20 AS x, 'a' AS y, 1.5 AS z FROM pg.public.people) ORDER BY x, y, z, id LIMIT 3

-- case: order by all over constants
SELECT * FROM (SELECT 0.01 AS a, TRUE AS b, DATE '2024-01-15' AS c, 'NaN'::DOUBLE AS d, id FROM lake.main.events) ORDER BY ALL LIMIT 3

-- case: order by an expression that becomes a constant
SELECT id FROM (SELECT id, 2 AS y FROM pg.public.people) ORDER BY y + 1, id DESC LIMIT 2

-- case: distinct on a constant column
SELECT DISTINCT ON (y) id FROM (SELECT id, 2 AS y FROM pg.public.people) ORDER BY y, id DESC

-- case: a window ordered and partitioned by a constant column
SELECT id, rank() OVER (PARTITION BY y ORDER BY x, id) FROM (SELECT id, 1 AS x, 2 AS y FROM pg.public.people)

-- Joins inside one source, across sources, and what filters may do around them.

-- case: an inner join of two tables of one source
SELECT p.name, o.amount FROM pg.public.people p JOIN pg.public.orders o ON o.person = p.id

-- case: an inner join across two sources
SELECT p.name, c.name FROM pg.public.people p JOIN my.shop.customers c ON c.id = p.id

-- case: a join across three sources
SELECT p.id, c.id, r.region FROM pg.public.people p JOIN my.shop.customers c ON c.born = p.born JOIN lake.main.regions r ON r.city = c.city

-- case: a filter on the nullable side of a LEFT JOIN in WHERE
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN pg.public.orders o ON o.person = p.id WHERE o.status = 'open'

-- case: a filter on the nullable side of a LEFT JOIN in ON
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN pg.public.orders o ON o.person = p.id AND o.status = 'open'

-- case: a filter on the preserved side of a LEFT JOIN in ON
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN pg.public.orders o ON o.person = p.id AND p.vip

-- case: IS NULL on the nullable side finds the unmatched
SELECT p.id FROM pg.public.people p LEFT JOIN pg.public.orders o ON o.person = p.id WHERE o.id IS NULL

-- case: IS NULL on the nullable side across sources
SELECT c.id FROM my.shop.customers c LEFT JOIN pg.public.orders o ON o.person = c.id WHERE o.id IS NULL

-- case: a constant column of the nullable side is NULL where unmatched
SELECT p.id, w.one FROM pg.public.people p LEFT JOIN (SELECT person, 1 AS one FROM pg.public.orders) w ON w.person = p.id

-- case: coalesce over the nullable side across sources
SELECT c.id, coalesce(o.amount, -1) AS amount FROM my.shop.customers c LEFT JOIN pg.public.orders o ON o.person = c.id

-- case: a filter on coalesce of the nullable side
SELECT p.id FROM pg.public.people p LEFT JOIN pg.public.orders o ON o.person = p.id WHERE coalesce(o.qty, 0) = 0

-- case: a RIGHT JOIN across sources
SELECT p.id, c.id FROM pg.public.people p RIGHT JOIN my.shop.customers c ON c.id = p.boss

-- case: a FULL JOIN inside one PostgreSQL
SELECT p.id, o.id FROM pg.public.people p FULL JOIN pg.public.orders o ON o.person = p.id

-- case: a FULL JOIN inside one MySQL
SELECT c.id, o.id FROM my.shop.customers c FULL JOIN my.shop.orders o ON o.customer = c.id

-- case: a FULL JOIN on an inequality
SELECT a.a, b.b FROM pg.public.pairs a FULL JOIN pg.public.pairs b ON a.a < b.b

-- case: a FULL JOIN across sources with a filter above
SELECT p.id, c.id FROM pg.public.people p FULL JOIN my.shop.customers c ON c.born = p.born WHERE p.id IS NULL OR c.id > 3

-- case: NULL keys never join
SELECT count(*) FROM pg.public.pairs x JOIN my.crm.pairs y ON x.b = y.b

-- case: IS NOT DISTINCT FROM joins NULL keys
SELECT x.a, x.b, y.a FROM pg.public.pairs x JOIN my.crm.pairs y ON x.b IS NOT DISTINCT FROM y.b

-- case: duplicate keys multiply on both sides
SELECT x.a, y.b FROM pg.public.pairs x JOIN lake.main.pairs y ON x.a = y.a

-- case: a self join with an inequality
SELECT a.id, b.id FROM pg.public.people a JOIN pg.public.people b ON a.boss = b.id AND a.id > b.id

-- case: a cross join of small tables
SELECT a.id, b.id FROM pg.public.items a CROSS JOIN my.shop.items b

-- case: a comma join with the condition in WHERE
SELECT p.name, o.item FROM pg.public.people p, my.shop.orders o WHERE o.customer = p.id AND o.qty > 2

-- case: a join condition that is a constant
SELECT a.id, b.id FROM pg.public.items a JOIN my.shop.items b ON TRUE

-- case: a LEFT JOIN on FALSE keeps the left
SELECT a.id, b.id FROM pg.public.items a LEFT JOIN my.shop.items b ON FALSE

-- case: a LEFT JOIN with an empty table
SELECT p.id, n.a, n.b FROM pg.public.people p LEFT JOIN pg.public.nothing n ON n.a = p.id

-- case: an inner join with an empty table of another source
SELECT p.id, n.b FROM pg.public.people p JOIN my.shop.nothing n ON n.a = p.id

-- case: USING has one column of the name
SELECT * FROM pg.public.items JOIN pg.other.items AS o USING (id)

-- case: USING across sources
SELECT id, a.label, b.label FROM pg.public.items a JOIN my.shop.items b USING (id)

-- case: USING in a FULL JOIN coalesces
SELECT id, a.label, b.label FROM pg.public.items a FULL JOIN lake.main.items b USING (id)

-- case: USING in a LEFT JOIN takes the left
SELECT id, a.id, b.id FROM pg.public.items a LEFT JOIN my.crm.items b USING (id)

-- case: NATURAL JOIN
SELECT * FROM pg.public.pairs NATURAL JOIN lake.main.pairs

-- case: NATURAL LEFT JOIN across sources
SELECT * FROM pg.public.items NATURAL LEFT JOIN my.shop.items

-- case: a SEMI JOIN
SELECT p.id FROM pg.public.people p SEMI JOIN pg.public.orders o ON o.person = p.id

-- case: a SEMI JOIN across sources
SELECT c.id, c.name FROM my.shop.customers c SEMI JOIN pg.public.orders o ON o.person = c.id

-- case: an ANTI JOIN
SELECT p.id FROM pg.public.people p ANTI JOIN pg.public.orders o ON o.person = p.id

-- case: an ANTI JOIN with NULL keys across sources
SELECT x.a, x.b FROM pg.public.pairs x ANTI JOIN my.crm.pairs y ON x.b = y.b

-- case: a POSITIONAL JOIN
SELECT v.n, w.m FROM (VALUES (1), (2), (3)) v(n) POSITIONAL JOIN (SELECT id AS m FROM pg.public.items ORDER BY id) w

-- case: an ASOF join across sources
SELECT t.symbol, t.ts, t.qty, p.price FROM pg.public.trades t ASOF JOIN lake.main.prices p ON t.symbol = p.symbol AND t.ts >= p.ts

-- case: an ASOF LEFT join keeps the unmatched
SELECT t.symbol, t.qty, p.price FROM pg.public.trades t ASOF LEFT JOIN lake.main.prices p ON t.symbol = p.symbol AND t.ts >= p.ts

-- case: an ASOF join with filters on both sides
SELECT t.qty, p.price FROM (SELECT * FROM pg.public.trades WHERE qty < 3) t ASOF JOIN (SELECT * FROM lake.main.prices WHERE price < 3) p USING (symbol, ts)

-- case: a join key of two integer widths
SELECT o.id, p.id FROM pg.public.orders o JOIN pg.public.people p ON o.person = p.id JOIN my.shop.numbers n ON n.i8 = p.id

-- case: a join of bigint with bigint unsigned across sources
SELECT a.id, b.id FROM pg.public.numbers a JOIN my.shop.numbers b ON a.i8 = b.u8

-- case: a join of decimals of different scales
SELECT a.id, b.id FROM pg.public.numbers a JOIN my.shop.numbers b ON a.m = b.n

-- case: a join on doubles with zeros and NaN
SELECT a.id, b.id FROM pg.public.numbers a JOIN pg.public.numbers b ON a.f8 = b.f8

-- case: a join on doubles across sources
SELECT a.id, b.id FROM pg.public.numbers a JOIN my.shop.numbers b ON a.f8 = b.f8

-- case: a join of float with double
SELECT a.id, b.id FROM pg.public.numbers a JOIN my.shop.numbers b ON a.f4 = b.f8

-- case: a join on text across sources compares bytes
SELECT p.id, c.id FROM pg.public.people p JOIN my.shop.customers c ON p.name = c.name

-- case: a join on text inside MySQL compares bytes
SELECT a.id, b.id FROM my.shop.customers a JOIN my.shop.customers b ON a.name = b.name

-- case: a join of two MySQL collations compares bytes
SELECT a.id, b.id FROM my.shop.customers a JOIN my.shop.customers b ON a.name = b.email

-- case: a join on lower compares the lowered
SELECT p.id, c.id FROM pg.public.people p JOIN my.shop.customers c ON lower(p.name) = lower(c.name)

-- case: a join on an expression of both sides
SELECT p.id, c.id FROM pg.public.people p JOIN my.shop.customers c ON p.id + c.id = 13

-- case: LIMIT under a join
-- count only
SELECT p.id, o.id FROM (SELECT * FROM pg.public.people LIMIT 3) p CROSS JOIN (SELECT * FROM my.shop.orders LIMIT 2) o

-- case: an ordered LIMIT under a join is not moved above it
SELECT p.id, o.id FROM (SELECT * FROM pg.public.people ORDER BY id LIMIT 3) p JOIN pg.public.orders o ON o.person = p.id

-- case: a filter above a LIMIT stays above
SELECT id FROM (SELECT id, vip FROM pg.public.people ORDER BY id LIMIT 5) WHERE vip

-- case: DISTINCT under a join
SELECT p.id, k.person FROM pg.public.people p JOIN (SELECT DISTINCT person FROM pg.public.orders) k ON k.person = p.id

-- case: an aggregate joined with another source
SELECT c.name, s.total FROM my.shop.customers c JOIN (SELECT person, sum(amount) AS total FROM pg.public.orders GROUP BY person) s ON s.person = c.id

-- case: a join order by the client crosses sources and comes back
SELECT p.id, c.id, o.id FROM pg.public.people p JOIN my.shop.customers c ON c.id = p.id JOIN pg.public.orders o ON o.person = p.id

-- case: a transitive equality across sources
SELECT p.id, c.id, o.id FROM pg.public.people p, my.shop.customers c, pg.public.orders o WHERE p.id = c.id AND c.id = o.person AND p.id < 3

-- case: a LEFT JOIN between inner joins is not reordered wrongly
SELECT p.id, o.id, c.id FROM pg.public.people p LEFT JOIN my.shop.customers c ON c.id = p.boss JOIN pg.public.orders o ON o.person = p.id AND o.qty IS DISTINCT FROM c.id

-- case: a chain of LEFT JOINs over three sources
SELECT p.id, o.id, c.id, e.id FROM pg.public.people p LEFT JOIN pg.public.orders o ON o.person = p.id LEFT JOIN my.shop.customers c ON c.id = o.qty LEFT JOIN lake.main.events e ON e.person = c.id

-- case: nested parentheses of outer joins
SELECT p.id, o.id, c.id FROM pg.public.people p LEFT JOIN (pg.public.orders o JOIN my.shop.customers c ON c.id = o.qty) ON o.person = p.id

-- case: a derived column list in FROM
SELECT t.x, t.y FROM (SELECT id, name FROM pg.public.people WHERE id < 4) AS t(x, y)

-- case: a derived column list over MySQL
SELECT t.x, u.n FROM (SELECT customer, count(*) FROM my.shop.orders GROUP BY customer) AS t(x, n) JOIN (SELECT id, qty FROM my.shop.orders) AS u(i, n) ON u.i = t.x

-- case: a partial derived column list
SELECT x, label FROM pg.public.items AS t(x)

-- case: VALUES joined with a source
SELECT v.k, v.word, p.name FROM (VALUES (1, 'one'), (2, 'two'), (NULL, 'none')) AS v(k, word) LEFT JOIN pg.public.people p ON p.id = v.k

-- case: VALUES joined with MySQL text
SELECT v.word, c.id FROM (VALUES ('ana'), ('Ana'), ('ANA')) AS v(word) JOIN my.shop.customers c ON c.name = v.word

-- case: a correlated LATERAL with a LIMIT
SELECT p.id, l.id FROM pg.public.people p, LATERAL (SELECT o.id FROM pg.public.orders o WHERE o.person = p.id ORDER BY o.id DESC LIMIT 1) l

-- case: a correlated LATERAL across sources
SELECT c.id, l.n FROM my.shop.customers c, LATERAL (SELECT count(*) AS n FROM pg.public.orders o WHERE o.person = c.id) l

-- case: a LEFT JOIN LATERAL
SELECT p.id, l.top FROM pg.public.people p LEFT JOIN LATERAL (SELECT max(o.amount) AS top FROM pg.public.orders o WHERE o.person = p.id HAVING count(*) > 1) l ON TRUE

-- case: the same name in two sources
SELECT a.label, b.label, c.label FROM pg.public.items a JOIN my.shop.items b ON a.id = b.id JOIN lake.main.items c ON c.id = a.id

-- case: the same name in two schemas of one source
SELECT a.label, b.label FROM pg.public.items a JOIN pg.other.items b ON a.id = b.id

-- case: the same name in two MySQL databases
SELECT a.label, b.label FROM my.shop.items a LEFT JOIN my.crm.items b ON a.id = b.id

-- case: tables without aliases that have one name
SELECT pg.public.items.label, my.shop.items.label FROM pg.public.items JOIN my.shop.items ON pg.public.items.id = my.shop.items.id

-- case: a table twice under aliases that swap names
SELECT people.id, orders.id FROM pg.public.people AS orders JOIN pg.public.orders AS people ON people.person = orders.id

-- case: a join with COUNT DISTINCT beside it
SELECT p.city, count(DISTINCT o.status), count(*), count(o.id) FROM pg.public.people p LEFT JOIN pg.public.orders o ON o.person = p.id GROUP BY p.city

-- case: a join whose condition uses OR across sources
SELECT p.id, c.id FROM pg.public.people p JOIN my.shop.customers c ON c.id = p.id OR c.small = p.boss

-- case: a join on BETWEEN
SELECT a.id, b.id FROM pg.public.orders a JOIN my.shop.orders b ON a.placed BETWEEN b.placed AND b.placed + INTERVAL 1 DAY

-- case: a semi join in both directions
SELECT id FROM pg.public.people WHERE id IN (SELECT customer FROM my.shop.orders) AND id IN (SELECT person FROM pg.public.orders)

-- case: outer join turned around with a filter that rejects NULL
SELECT o.id, p.name FROM pg.public.people p RIGHT JOIN pg.public.orders o ON o.person = p.id WHERE p.vip IS NOT TRUE

-- case: an inner join's condition below a FULL JOIN
SELECT t0.a, t1.b, t2.b FROM pg.public.pairs t0 JOIN my.crm.pairs t1 ON t0.a = t1.a FULL JOIN lake.main.pairs t2 ON t0.b = t2.b

-- case: an inner join's condition below a FULL JOIN of one source
SELECT t0.a, t1.b, t2.id FROM pg.public.pairs t0 JOIN pg.public.pairs t1 ON t0.a < t1.a FULL JOIN pg.public.items t2 ON t0.b = t2.id

-- case: an inner join's condition on the right of a FULL JOIN
SELECT t2.b, t0.a, t1.b FROM lake.main.pairs t2 FULL JOIN (pg.public.pairs t0 JOIN my.crm.pairs t1 ON t0.a = t1.a) ON t0.b = t2.b

-- case: a filter in a derived table below a FULL JOIN
SELECT x.id, y.id FROM (SELECT id, boss FROM pg.public.people WHERE vip) x FULL JOIN (SELECT id FROM my.shop.customers WHERE active = 1) y ON x.id = y.id

-- case: an inner join's condition below a RIGHT JOIN
SELECT t0.a, t1.b, t2.b FROM pg.public.pairs t0 JOIN my.crm.pairs t1 ON t0.a = t1.a RIGHT JOIN lake.main.pairs t2 ON t0.b = t2.b

-- case: an inner join's condition below a LEFT JOIN
SELECT t0.a, t1.b, t2.b FROM pg.public.pairs t0 JOIN my.crm.pairs t1 ON t0.a = t1.a LEFT JOIN lake.main.pairs t2 ON t0.b = t2.b

-- case: an inner join's condition below an ANTI JOIN
SELECT t0.a, t1.b FROM pg.public.pairs t0 JOIN my.crm.pairs t1 ON t0.a = t1.a ANTI JOIN lake.main.pairs t2 ON t0.b = t2.b

-- case: an outer join below a FULL JOIN
SELECT p.id, o.id, c.id FROM pg.public.people p LEFT JOIN pg.public.orders o ON o.person = p.id AND o.qty > 0 FULL JOIN my.shop.customers c ON c.id = o.qty

-- case: the first rows of a LEFT JOIN of two sources
SELECT p.id, o.id AS o FROM pg.public.people p LEFT JOIN my.shop.orders o ON p.id = o.customer ORDER BY p.id, o.id LIMIT 3

-- case: the first rows of a LEFT JOIN of two sources, after some
SELECT w.id, e.val FROM my.shop.wide w LEFT JOIN lake.main.events e ON w.id = e.id ORDER BY w.id DESC LIMIT 4 OFFSET 3

-- case: the first rows of a LEFT JOIN of two sources, NULLs first
SELECT w.g, w.id, d.q FROM pg.public.wide w LEFT JOIN my.shop.deep d ON w.id = d.id ORDER BY w.g NULLS FIRST, w.id LIMIT 5

-- case: an equality that every arm of OR has, over two sources
SELECT p.id, c.id FROM pg.public.people p, my.shop.customers c WHERE (p.id = c.id AND p.vip) OR (p.id = c.id AND c.credit > 0)

-- case: an equality that every arm of OR has, below a join
SELECT p.id FROM pg.public.people p JOIN lake.main.pairs x ON (p.id = x.a AND x.b = 1) OR (p.id = x.a AND p.boss IS NULL)

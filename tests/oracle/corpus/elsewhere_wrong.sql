-- Wrong answers that other federations are known for (the list of the third part's plan), each at least once here;
-- further forms of the same stand in the files of their topics.

-- case: LEFT JOIN with a filter on the nullable side
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id WHERE o.qty > 1 OR o.qty IS NULL

-- case: LEFT JOIN with a filter on the nullable side in ON
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id AND o.qty > 1

-- case: OFFSET is kept above a join of sources
SELECT p.id, c.id FROM pg.public.people p JOIN my.shop.customers c ON p.id = c.id ORDER BY p.id LIMIT 3 OFFSET 4

-- case: OFFSET without LIMIT above a union of sources
SELECT id FROM pg.public.people UNION ALL SELECT id FROM my.shop.customers ORDER BY id OFFSET 5

-- case: the outer ORDER BY is kept over an inner one with LIMIT
SELECT id FROM (SELECT id FROM pg.public.people ORDER BY id LIMIT 4) q ORDER BY id DESC

-- case: the outer ORDER BY is kept over a join of sources
SELECT p.id FROM pg.public.people p JOIN my.shop.customers c ON p.id = c.id ORDER BY c.id DESC

-- case: a derived column list over a join of sources
SELECT t.a, u.b FROM (SELECT id, name FROM pg.public.people) t(a, n) JOIN (SELECT id, name FROM my.shop.customers) u(a, b) ON t.a = u.a WHERE t.n = 'Ana'

-- case: self-EXCEPT
SELECT a, b FROM pg.public.pairs EXCEPT SELECT a, b FROM pg.public.pairs

-- case: self-EXCEPT of text at MySQL
SELECT name FROM my.shop.customers EXCEPT SELECT name FROM my.shop.customers

-- case: NOT IN with NULLs across sources
SELECT a FROM pg.public.pairs WHERE a NOT IN (SELECT a FROM my.crm.pairs)

-- case: correlated EXISTS under OR across sources
SELECT c.id FROM my.shop.customers c WHERE c.active = 0 OR EXISTS (SELECT 1 FROM pg.public.orders o WHERE o.person = c.id AND o.qty > 1)

-- case: a CTE of a table's name
WITH people AS (SELECT id + 100 AS id FROM pg.public.people) SELECT p.id FROM people p JOIN my.shop.customers c ON p.id = c.id + 100

-- case: the same table name in two sources
SELECT a.id, a.label, b.label FROM pg.public.items a FULL JOIN lake.main.items b ON a.id = b.id

-- case: the same table name in two schemas of two sources
SELECT a.id, b.id, c.id, d.id FROM pg.public.items a LEFT JOIN pg.other.items b ON a.id = b.id LEFT JOIN my.shop.items c ON a.id = c.id LEFT JOIN my.crm.items d ON a.id = d.id

-- case: duplicate output names of a join of sources
SELECT * FROM pg.public.items a JOIN my.shop.items b ON a.id = b.id

-- case: COUNT(DISTINCT) beside a join that repeats rows
SELECT p.vip, count(DISTINCT o.customer) AS d, count(*) AS n, sum(o.qty) AS s FROM pg.public.people p JOIN my.shop.orders o ON o.customer = p.id GROUP BY p.vip

-- case: 2.0 / 3.0
SELECT id, 2.0 / 3.0 AS q, m / 3.0 AS r FROM pg.public.numbers

-- case: 2.0 / 3.0 in a filter at MySQL
SELECT id FROM my.shop.numbers WHERE m * (2.0 / 3.0) < 1.0

-- case: integer division across sources
SELECT a.id, a.i4 // b.i4 AS q, a.i4 / b.i4 AS f, a.i4 % b.i4 AS r FROM pg.public.numbers a JOIN my.shop.numbers b ON a.id = b.id WHERE b.i4 <> 0

-- case: the average of decimals of several sources
SELECT avg(balance) AS a FROM (SELECT balance FROM pg.public.people WHERE id > 8 UNION ALL SELECT credit FROM my.shop.customers WHERE id > 8) q

-- case: trailing blanks join bytewise
SELECT a.id, b.id FROM pg.public.people a JOIN my.shop.customers b ON a.nick = b.name

-- case: a case-insensitive column in GROUP BY
SELECT item, count(*) AS n FROM my.shop.orders GROUP BY item

-- case: a case-insensitive column in DISTINCT
SELECT DISTINCT item FROM my.shop.orders

-- case: a case-insensitive column in MIN and MAX
SELECT min(name) AS lo, max(name) AS hi FROM my.shop.customers

-- case: a case-insensitive column in a join
SELECT a.id, b.id FROM my.shop.customers a JOIN my.shop.customers b ON a.name = b.name

-- case: a case-insensitive column in ORDER BY
SELECT name, id FROM my.shop.customers ORDER BY name, id

-- case: a case-insensitive column in ORDER BY with LIMIT
SELECT name, id FROM my.shop.customers ORDER BY name DESC, id LIMIT 4

-- case: the order of enums of two sources
SELECT mood AS m FROM pg.public.people UNION ALL SELECT tier FROM my.shop.customers ORDER BY m

-- case: -0.0, 0.0 and NaN as join keys
SELECT a.id, b.id FROM pg.public.numbers a JOIN pg.public.numbers b ON a.f8 = b.f8

-- case: -0.0, 0.0 and NaN across sources
SELECT a.id, e.id FROM pg.public.numbers a JOIN lake.main.events e ON a.f8 = e.val

-- case: an ASOF join of two sources
SELECT t.symbol, t.ts, p.price FROM pg.public.trades t ASOF JOIN lake.main.prices p ON t.symbol = p.symbol AND t.ts >= p.ts

-- case: a join USING of three sources
SELECT a, x.b, y.b, z.b FROM pg.public.pairs x LEFT JOIN my.crm.pairs y USING (a) LEFT JOIN lake.main.pairs z USING (a)

-- case: a full join USING, of which the key is filtered
SELECT a FROM pg.public.pairs x FULL JOIN my.crm.pairs y USING (a) WHERE a IS NULL OR a > 2

-- case: a NATURAL join of two sources
SELECT * FROM pg.public.pairs NATURAL JOIN my.crm.pairs

-- case: LIMIT under a join of sources
SELECT q.id, c.id FROM (SELECT id FROM pg.public.people ORDER BY id LIMIT 3) q LEFT JOIN my.shop.orders c ON c.customer = q.id

-- case: a window over a filtered set
SELECT id, row_number() OVER (ORDER BY id) AS r FROM pg.public.orders WHERE qty > 1

-- case: a filter above a window
SELECT * FROM (SELECT id, qty, row_number() OVER (ORDER BY id) AS r FROM pg.public.orders) q WHERE qty > 1

-- case: a scalar aggregate of an empty input
SELECT count(*) AS n, sum(a) AS s, max(b) AS m FROM pg.public.nothing

-- case: a scalar aggregate of an empty join of sources
SELECT count(*) AS n, sum(x.a) AS s, avg(y.c) AS a FROM pg.public.nothing x JOIN my.shop.nothing y ON x.a = y.a

-- case: PIVOT of a join of sources
FROM (PIVOT (SELECT p.vip, o.item, o.qty FROM pg.public.people p JOIN my.shop.orders o ON o.customer = p.id) ON item IN ('Pen', 'Ink') USING sum(qty))

-- case: a correlated LATERAL of another source
SELECT p.id, l.id FROM pg.public.people p, LATERAL (SELECT o.id FROM my.shop.orders o WHERE o.customer = p.id ORDER BY o.id LIMIT 1) l

-- case: GROUP BY ordinals over several sources
SELECT o.item, p.vip, sum(o.qty) AS s FROM pg.public.people p JOIN my.shop.orders o ON o.customer = p.id GROUP BY 2, 1

-- case: GROUP BY an alias over several sources
SELECT upper(o.item) AS k, count(*) AS n FROM pg.public.people p JOIN my.shop.orders o ON o.customer = p.id GROUP BY k

-- case: timestamptz around the change of the clock
-- set: timezone = Europe/Berlin
SELECT id, tz, date_trunc('day', tz) AS d, tz::DATE AS e FROM pg.public.stamps WHERE tz >= TIMESTAMPTZ '2024-03-31 00:00:00+00' AND tz < TIMESTAMPTZ '2024-10-28 00:00:00+00'

-- case: groups by the hour around the change of the clock
-- set: timezone = Europe/Berlin
SELECT date_trunc('hour', tz) AS h, count(*) AS n FROM pg.public.stamps WHERE tz >= TIMESTAMPTZ '2024-03-01 00:00:00+00' AND tz < TIMESTAMPTZ '2024-11-01 00:00:00+00' GROUP BY h

-- case: sums of numeric(38,10)
SELECT sum(n) AS s FROM pg.public.numbers WHERE id NOT IN (6, 7)

-- case: sums of numeric(38,10) of two sources
SELECT sum(a.n) AS s, sum(b.n) AS t FROM pg.public.numbers a JOIN my.shop.numbers b ON a.id = b.id WHERE a.id IN (1, 2, 3, 9)

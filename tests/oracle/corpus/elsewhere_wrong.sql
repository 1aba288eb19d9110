-- Wrong answers that other federations are known for (the list of the third part's plan): each subject, before the colon,
-- at every source and across sources, as docs/correctness.md lists them. Further forms stand in the files of their topics.

-- case: LEFT JOIN filter on the nullable side: in WHERE
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id WHERE o.qty > 1 OR o.qty IS NULL

-- case: LEFT JOIN filter on the nullable side: in ON
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id AND o.qty > 1

-- case: LEFT JOIN filter on the nullable side: true of a missing row
SELECT w.id, d.id FROM @wide w LEFT JOIN @deep d ON d.wide = w.id AND d.q > 1 WHERE d.q > 2 OR d.id IS NULL

-- case: LEFT JOIN filter on the nullable side: a constant of a side that is empty
SELECT w.id, x.one, x.q, coalesce(x.q, -1) AS c FROM @wide w LEFT JOIN (SELECT wide, 1 AS one, q FROM @deep WHERE q > 1000) x ON x.wide = w.id

-- case: OFFSET kept: above a join of sources
SELECT p.id, c.id FROM pg.public.people p JOIN my.shop.customers c ON p.id = c.id ORDER BY p.id LIMIT 3 OFFSET 4

-- case: OFFSET kept: without LIMIT above a union of sources
SELECT id FROM pg.public.people UNION ALL SELECT id FROM my.shop.customers ORDER BY id OFFSET 5

-- case: OFFSET kept: above a left join
SELECT w.id, d.id AS d FROM @wide w LEFT JOIN @deep d ON d.wide = w.id ORDER BY w.id, d.id LIMIT 4 OFFSET 3

-- case: OFFSET kept: below and above
SELECT id FROM (SELECT id FROM @wide ORDER BY id OFFSET 2) x UNION ALL SELECT id FROM @deep ORDER BY id DESC LIMIT 5 OFFSET 1

-- case: outer ORDER BY kept: over an inner one with LIMIT
SELECT id FROM (SELECT id FROM @wide ORDER BY id LIMIT 4) q ORDER BY id DESC

-- case: outer ORDER BY kept: over a join
SELECT w.id, d.id AS e FROM @wide w JOIN @deep d ON w.id = d.wide ORDER BY e DESC

-- case: outer ORDER BY kept: over a derived table that is sorted otherwise
SELECT w.id, x.q FROM (SELECT wide, q FROM @deep ORDER BY q DESC) x JOIN @wide w ON w.id = x.wide ORDER BY w.id, x.q

-- case: derived column lists t(a, b): over a join of sources
SELECT t.a, u.b FROM (SELECT id, name FROM pg.public.people) t(a, n) JOIN (SELECT id, name FROM my.shop.customers) u(a, b) ON t.a = u.a WHERE t.n = 'Ana'

-- case: derived column lists t(a, b): swapped names
SELECT x.g, y.id FROM (SELECT id, g FROM @wide) x(g, id) JOIN (SELECT wide, q FROM @deep) y(id) ON x.g = y.id WHERE x.id > 1

-- case: self-EXCEPT: of two columns
SELECT g, t FROM @wide EXCEPT SELECT g, t FROM @wide

-- case: self-EXCEPT: of counted rows
SELECT g FROM @wide EXCEPT ALL SELECT DISTINCT g FROM @wide

-- case: self-EXCEPT: of text in two sources
SELECT t FROM @wide EXCEPT SELECT t FROM lake.main.wide

-- case: NOT IN with NULLs: in the subquery
SELECT id FROM @wide WHERE id NOT IN (SELECT wide FROM @deep)

-- case: NOT IN with NULLs: on the left
SELECT id FROM @wide WHERE g NOT IN (SELECT wide FROM @deep WHERE wide IS NOT NULL)

-- case: NOT IN with NULLs: of an empty subquery
SELECT id FROM @wide WHERE g NOT IN (SELECT wide FROM @deep WHERE q > 1000)

-- case: correlated EXISTS under OR: beside a filter
SELECT w.id FROM @wide w WHERE w.g = 4 OR EXISTS (SELECT 1 FROM @deep d WHERE d.wide = w.id AND d.q > 1)

-- case: correlated EXISTS under OR: two of them, one denied
SELECT w.id FROM @wide w WHERE EXISTS (SELECT 1 FROM @deep d WHERE d.wide = w.id AND d.q > 5) OR NOT EXISTS (SELECT 1 FROM @deep d WHERE d.q = w.g)

-- case: a CTE's name is a table's: joined with another table
WITH wide AS (SELECT id + 100 AS id, g FROM @wide) SELECT w.id, d.id FROM wide w JOIN @deep d ON w.id = d.wide + 100

-- case: a CTE's name is a table's: of a name that several sources have
WITH items AS (SELECT id FROM @wide) SELECT count(*), max(i.id) FROM items i JOIN @deep d ON d.wide = i.id

-- case: one table name in two sources: a full join
SELECT a.id, a.label, b.label FROM pg.public.items a FULL JOIN lake.main.items b ON a.id = b.id

-- case: one table name in two sources: without aliases
SELECT pg.public.items.label, my.shop.items.label FROM pg.public.items JOIN my.shop.items ON pg.public.items.id = my.shop.items.id

-- case: one table name in two schemas: of two sources
SELECT a.id, b.id, c.id, d.id FROM pg.public.items a LEFT JOIN pg.other.items b ON a.id = b.id LEFT JOIN my.shop.items c ON a.id = c.id LEFT JOIN my.crm.items d ON a.id = d.id

-- case: one table name in two schemas: of PostgreSQL
SELECT a.label, b.label FROM pg.public.items a FULL JOIN pg.other.items b ON a.id = b.id

-- case: one table name in two schemas: of MariaDB
SELECT id, label FROM my.shop.items EXCEPT SELECT id, label FROM my.crm.items

-- case: duplicate output names: of a star over a join
SELECT * FROM @wide a JOIN @deep b ON a.id = b.wide

-- case: duplicate output names: in three cases of letters
SELECT w.id AS x, d.id AS x, d.q AS "X" FROM @wide w JOIN @deep d ON w.id = d.wide

-- case: COUNT(DISTINCT) beside joins: that repeat rows
SELECT w.g, count(DISTINCT d.q) AS d, count(*) AS n, sum(d.q) AS s FROM @wide w JOIN @deep d ON d.wide = w.id GROUP BY w.g

-- case: COUNT(DISTINCT) beside joins: of both sides, with FILTER, above a left join
SELECT count(DISTINCT w.t) AS t, count(DISTINCT d.t) FILTER (WHERE d.q > 1) AS u, count(d.id) AS n, sum(DISTINCT w.g) AS g FROM @wide w LEFT JOIN @deep d ON d.wide = w.id

-- case: 2.0/3.0: in the output
SELECT id, 2.0 / 3.0 AS q, m / 3.0 AS r FROM @wide WHERE m BETWEEN -100 AND 100

-- case: 2.0/3.0: in a filter
SELECT id FROM @wide WHERE m * (2.0 / 3.0) < 1.0

-- case: 2.0/3.0: of two tables
SELECT w.id, w.m * (2.0 / 3.0) AS a, d.p / 3.0 AS b, d.q / w.id AS c FROM @wide w JOIN @deep d ON d.wide = w.id WHERE w.m BETWEEN -100 AND 100

-- case: integer division: of one table
SELECT id, n // 2 AS q, n / 2 AS f, n % 3 AS r, -7 // 2 AS c FROM @wide WHERE n BETWEEN -100 AND 100

-- case: integer division: of two tables
SELECT w.id, w.id // d.id AS q, w.id / d.id AS f, w.id % d.id AS r FROM @wide w JOIN @deep d ON w.id = d.wide

-- case: decimal avg: of groups
SELECT g, avg(m) AS a, avg(DISTINCT m) AS b FROM @wide GROUP BY g

-- case: decimal avg: above a union
SELECT avg(m) AS a FROM (SELECT m FROM @wide WHERE id > 8 UNION ALL SELECT p FROM @deep WHERE id > 7) q

-- case: decimal avg: above a join that repeats rows
SELECT avg(w.m) AS a, avg(d.p) AS b, count(*) AS n FROM @wide w LEFT JOIN @deep d ON d.wide = w.id WHERE w.id < 7

-- case: trailing blanks: in a filter
SELECT id FROM @wide WHERE t = 'ana'

-- case: trailing blanks: in a join
SELECT w.id, d.id FROM @wide w JOIN @deep d ON d.t = w.t

-- case: trailing blanks: in a column that pads
SELECT a.id, b.id FROM pg.public.people a JOIN my.shop.customers b ON a.code = b.code

-- case: case-insensitive columns: in GROUP BY
SELECT t, count(*) AS n, min(id) AS i FROM @wide GROUP BY t

-- case: case-insensitive columns: in DISTINCT
SELECT DISTINCT t FROM @wide

-- case: case-insensitive columns: in COUNT(DISTINCT)
SELECT g, count(DISTINCT t) AS n FROM @wide GROUP BY g

-- case: case-insensitive columns: in MIN and MAX
SELECT min(t) AS lo, max(t) AS hi FROM @wide

-- case: case-insensitive columns: in MIN and MAX of groups
SELECT g, min(t) AS lo, max(t) AS hi FROM @wide WHERE t > 'A' GROUP BY g

-- case: case-insensitive columns: in a join
SELECT w.id, d.id FROM @wide w LEFT JOIN @deep d ON lower(w.t) = d.t OR w.t = d.t

-- case: case-insensitive columns: in ORDER BY
SELECT t, id FROM @wide ORDER BY t, id

-- case: case-insensitive columns: in ORDER BY with LIMIT
SELECT t, id FROM @wide ORDER BY t DESC, id LIMIT 6

-- case: case-insensitive columns: in a set operation
SELECT t FROM @wide INTERSECT SELECT t FROM @deep

-- case: case-insensitive columns: in IN and EXISTS
SELECT w.id FROM @wide w WHERE w.t IN (SELECT d.t FROM @deep d) OR EXISTS (SELECT 1 FROM @deep d WHERE d.t = w.t || 'x')

-- case: case-insensitive columns: as a window's partition
SELECT id, count(*) OVER (PARTITION BY t) AS n, rank() OVER (ORDER BY t) AS r FROM @wide

-- case: enum order: at PostgreSQL
SELECT mood, id FROM pg.public.people WHERE mood > 'ok' OR mood IS NULL ORDER BY mood DESC, id

-- case: enum order: at MariaDB
SELECT tier, count(*) AS n, max(tier) AS m FROM my.shop.customers WHERE tier >= 'low' GROUP BY tier ORDER BY tier

-- case: enum order: at DuckDB
SELECT lvl, id FROM lake.main.events ORDER BY lvl, id LIMIT 5

-- case: enum order: of two sources
SELECT mood AS m FROM pg.public.people UNION ALL SELECT tier FROM my.shop.customers ORDER BY m

-- case: ±0 and NaN: as join keys
SELECT a.id, b.id FROM pg.public.numbers a JOIN pg.public.numbers b ON a.f8 = b.f8

-- case: ±0 and NaN: across sources
SELECT a.id, e.id FROM pg.public.numbers a JOIN lake.main.events e ON a.f8 = e.val

-- case: ±0 and NaN: against a source that has neither
SELECT a.id, b.id FROM pg.public.numbers a LEFT JOIN my.shop.numbers b ON a.f8 = b.f8

-- case: ±0 and NaN: minus a zero
SELECT id, -x AS m, x * -1e0 AS p FROM @wide WHERE x BETWEEN -5 AND 5

-- case: ±0 and NaN: order, extremes and filters of a DuckDB source
SELECT id, val > 'Infinity'::DOUBLE AS g, val = 0 AS z, max(val) OVER () AS m FROM lake.main.events ORDER BY val DESC, id

-- case: ASOF join: of the last day before
SELECT d.id, w.d FROM @deep d ASOF JOIN @wide w ON d.q > w.g AND d.d = w.d

-- case: ASOF join: with what finds nothing
SELECT d.id, w.d FROM @deep d ASOF LEFT JOIN (SELECT DISTINCT g, d FROM @wide) w ON d.q = w.g AND d.d >= w.d

-- case: ASOF join: of two sources
SELECT t.symbol, t.ts, p.price FROM pg.public.trades t ASOF JOIN lake.main.prices p ON t.symbol = p.symbol AND t.ts >= p.ts

-- case: USING and NATURAL joins: of three sources
SELECT a, x.b, y.b, z.b FROM pg.public.pairs x LEFT JOIN my.crm.pairs y USING (a) LEFT JOIN lake.main.pairs z USING (a)

-- case: USING and NATURAL joins: FULL, of which the key is filtered
SELECT t FROM @wide w FULL JOIN @deep d USING (t) WHERE t IS NULL OR t > 'Z'

-- case: USING and NATURAL joins: the key of a RIGHT JOIN
SELECT id, w.id AS l, d.id AS r FROM @wide w RIGHT JOIN @deep d USING (id) ORDER BY id

-- case: USING and NATURAL joins: a star over NATURAL
SELECT * FROM @wide NATURAL JOIN @deep

-- case: LIMIT under a join: of the first rows
SELECT q.id, d.id FROM (SELECT id FROM @wide ORDER BY id LIMIT 3) q LEFT JOIN @deep d ON d.wide = q.id

-- case: LIMIT under a join: of rows that are all alike
SELECT q.g, d.id FROM (SELECT g FROM @wide WHERE g = 3 LIMIT 2) q JOIN @deep d ON d.q > q.g

-- case: windows over filtered sets: filtered below
SELECT id, row_number() OVER (ORDER BY id) AS r, count(*) OVER () AS n FROM @wide WHERE g > 1

-- case: windows over filtered sets: filtered above
SELECT * FROM (SELECT id, g, row_number() OVER (ORDER BY id) AS r FROM @wide) q WHERE g > 1

-- case: windows over filtered sets: of a join, by the partition and by another column
SELECT * FROM (SELECT w.g, d.q, rank() OVER (PARTITION BY w.g ORDER BY d.q) AS r FROM @wide w JOIN @deep d ON d.wide = w.id) x WHERE g IS NOT NULL AND q > 1

-- case: windows over filtered sets: QUALIFY by an alias that is a column's name
-- note: the column is meant; in HAVING the alias is
SELECT g, t, count(*) OVER (PARTITION BY t) AS n FROM @wide QUALIFY n > 0 AND rank() OVER (ORDER BY t) < 10

-- case: empty inputs to scalar aggregates: of an empty table
SELECT count(*) AS n, sum(a) AS s, max(b) AS m FROM pg.public.nothing

-- case: empty inputs to scalar aggregates: of an empty join of sources
SELECT count(*) AS n, sum(x.a) AS s, avg(y.c) AS a FROM pg.public.nothing x JOIN my.shop.nothing y ON x.a = y.a

-- case: empty inputs to scalar aggregates: of no rows of a join
SELECT count(*) AS n, sum(w.g) AS s, avg(d.p) AS a, max(d.t) AS m, bool_and(d.q > 1) AS b FROM @wide w JOIN @deep d ON d.wide = w.id WHERE d.q > 1000

-- case: empty inputs to scalar aggregates: of a contradiction
SELECT count(*) AS n, sum(g) AS s, min(t) AS m FROM @wide WHERE id > 5 AND id < 3

-- case: empty inputs to scalar aggregates: correlated
SELECT w.id, (SELECT count(*) FROM @deep d WHERE d.wide = w.id AND d.q > 1000) AS n, (SELECT sum(d.q) FROM @deep d WHERE d.wide = w.id AND d.q > 1000) AS s FROM @wide w

-- case: PIVOT: of a join
FROM (PIVOT (SELECT w.g, d.t, d.q FROM @wide w JOIN @deep d ON d.wide = w.id) ON t IN ('Ana', 'ANA', 'ana') USING sum(q))

-- case: PIVOT: with two aggregates
PIVOT (SELECT g, t, n FROM @wide WHERE id < 7) ON t IN ('Ana', 'ana') USING sum(n) AS s, count(*) AS c GROUP BY g

-- case: correlated LATERAL: with LIMIT
SELECT w.id, l.id AS l FROM @wide w, LATERAL (SELECT d.id FROM @deep d WHERE d.wide = w.id ORDER BY d.id DESC LIMIT 1) l

-- case: correlated LATERAL: of an aggregate, kept where nothing matches
SELECT w.id, l.n, l.m FROM @wide w LEFT JOIN LATERAL (SELECT count(*) AS n, max(d.q) AS m FROM @deep d WHERE d.wide = w.id AND d.q > w.g) l ON l.m IS NOT NULL

-- case: GROUP BY ordinals and aliases: ordinals over a join
SELECT w.g, d.t, sum(d.q) AS s FROM @wide w JOIN @deep d ON d.wide = w.id GROUP BY 2, 1

-- case: GROUP BY ordinals and aliases: an alias of an expression
SELECT length(t) AS k, count(*) AS n FROM @wide GROUP BY k HAVING k > 0 ORDER BY n DESC, k

-- case: GROUP BY ordinals and aliases: an alias that is a column's name
SELECT id % 3 AS k, -g AS t, count(*) AS n FROM @wide GROUP BY k, g, id ORDER BY k, 2, n

-- case: timestamptz around DST: days
-- set: timezone = Europe/Berlin
SELECT id, tz, date_trunc('day', tz) AS d, tz::DATE AS e FROM pg.public.stamps WHERE tz >= TIMESTAMPTZ '2024-03-31 00:00:00+00' AND tz < TIMESTAMPTZ '2024-10-28 00:00:00+00'

-- case: timestamptz around DST: groups by the hour
-- set: timezone = Europe/Berlin
SELECT date_trunc('hour', tz) AS h, count(*) AS n FROM @wide WHERE tz >= TIMESTAMPTZ '2024-10-26 00:00:00+00' AND tz < TIMESTAMPTZ '2024-11-01 00:00:00+00' GROUP BY h

-- case: timestamptz around DST: compared with local times
-- set: timezone = Europe/Berlin
SELECT a.id, b.id, a.tz + INTERVAL 1 DAY AS d, a.tz + INTERVAL 24 HOUR AS h FROM @wide a JOIN @wide b ON a.tz = b.ts WHERE a.tz < TIMESTAMPTZ '2030-01-01 00:00:00+00'

-- case: numeric(38,10) sums: at PostgreSQL
SELECT sum(n) AS s FROM pg.public.numbers WHERE id NOT IN (6, 7)

-- case: numeric(38,10) sums: of two sources
SELECT sum(a.n) AS s, sum(b.n) AS t FROM pg.public.numbers a JOIN my.shop.numbers b ON a.id = b.id WHERE a.id IN (1, 2, 3, 9)

-- case: numeric(38,10) sums: of a cast, by groups
SELECT g, sum(m::DECIMAL(38,10)) AS s, sum(DISTINCT m::DECIMAL(38,10)) AS d FROM @wide GROUP BY g

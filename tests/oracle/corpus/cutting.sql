-- What is cut between sources: partial aggregates, arms of set operations, shared CTEs, what stays of a block.

-- case: sums, counts, extremes and averages above a join of sources
SELECT p.a, sum(l.b), count(l.b), count(*), min(l.b), max(p.b), avg(l.b) FROM pg.public.pairs p JOIN lake.main.pairs l ON p.a = l.a GROUP BY p.a

-- case: aggregates without groups above a join of sources
SELECT sum(l.b), count(*), avg(p.b), min(p.b + 1) FROM pg.public.pairs p JOIN lake.main.pairs l ON p.a = l.a

-- case: aggregates of no rows above a join of sources
SELECT sum(l.b), count(*), avg(p.b) FROM pg.public.pairs p JOIN lake.main.pairs l ON p.a = l.a WHERE p.a > 1000000

-- case: a sum of a product over both sources
SELECT m.a, sum(p.b * m.b), sum(p.b + m.b), sum(p.b - m.b) FROM pg.public.pairs p JOIN my.crm.pairs m ON p.a = m.a GROUP BY m.a

-- case: aggregates above a left join whose right side is elsewhere
SELECT p.a, count(*), count(l.b), sum(l.b), sum(p.b), avg(l.b) FROM pg.public.pairs p LEFT JOIN lake.main.pairs l ON p.a = l.a GROUP BY p.a

-- case: aggregates above a full join of sources
SELECT p.a, count(*), sum(l.b) FROM pg.public.pairs p FULL JOIN lake.main.pairs l ON p.a = l.a GROUP BY p.a

-- case: aggregates with FILTER and DISTINCT above a join of sources
SELECT p.a, sum(l.b) FILTER (WHERE l.b > 1), count(*) FILTER (WHERE p.b = 1), count(DISTINCT l.b) FROM pg.public.pairs p JOIN lake.main.pairs l ON p.a = l.a GROUP BY p.a

-- case: HAVING and ORDER BY of partial aggregates
SELECT p.a, sum(l.b) AS s FROM pg.public.pairs p JOIN my.crm.pairs l ON p.a = l.a GROUP BY p.a HAVING count(*) > 1 ORDER BY s DESC NULLS LAST, p.a LIMIT 2

-- case: grouping sets above a join of sources
SELECT p.a, l.b, grouping(p.a, l.b), sum(p.b), count(*) FROM pg.public.pairs p JOIN lake.main.pairs l ON p.a = l.a GROUP BY CUBE (p.a, l.b)

-- case: grouping sets of one source
SELECT status, person, grouping(status), grouping(status, person), count(*) FROM pg.public.orders GROUP BY GROUPING SETS ((status), (status, person), ())

-- case: a grouping above UNION ALL
SELECT a, sum(b), count(*), min(b), max(b), avg(b) FROM (SELECT a, b FROM pg.public.pairs UNION ALL SELECT a, b FROM my.crm.pairs UNION ALL SELECT a, b FROM lake.main.pairs) GROUP BY a

-- case: aggregates without groups above UNION ALL
SELECT sum(b), count(*), avg(b) FROM (SELECT a, b FROM pg.public.pairs UNION ALL SELECT a, b FROM my.crm.pairs) WHERE a > 0

-- case: a grouping above UNION, whose rows count once
SELECT a, count(*) FROM (SELECT a, b FROM pg.public.pairs UNION SELECT a, b FROM my.crm.pairs) GROUP BY a

-- case: arms of one source are asked together
SELECT a FROM pg.public.pairs UNION SELECT a FROM lake.main.pairs UNION SELECT b FROM pg.public.pairs

-- case: the first rows of UNION ALL
SELECT a, b FROM pg.public.pairs UNION ALL SELECT a, b FROM my.crm.pairs ORDER BY 1 NULLS LAST, 2 NULLS LAST LIMIT 3 OFFSET 1

-- case: INTERSECT ALL and EXCEPT ALL within a source below a union
(SELECT a FROM pg.public.pairs INTERSECT ALL SELECT b FROM pg.public.pairs) UNION ALL (SELECT a FROM lake.main.pairs EXCEPT ALL SELECT b FROM lake.main.pairs)

-- case: INTERSECT ALL across sources
SELECT a FROM pg.public.pairs INTERSECT ALL SELECT a FROM my.crm.pairs

-- case: EXCEPT ALL across sources
SELECT a FROM pg.public.pairs EXCEPT ALL SELECT a FROM lake.main.pairs

-- case: a CTE read twice beside another source
WITH t AS (SELECT a, count(*) AS n FROM pg.public.pairs GROUP BY a) SELECT x.a, x.n, y.n FROM t x JOIN t y ON x.a = y.a JOIN my.crm.pairs m ON m.a = x.a

-- case: a CTE read twice in one source
WITH t AS (SELECT a, count(*) AS n FROM pg.public.pairs GROUP BY a) SELECT x.a, y.n FROM t x JOIN t y ON x.n = y.n

-- case: an expression that its source cannot compute keeps only itself here
SELECT name, md5(max(name)), md5(name) = max(md5(name)), count(*) FROM pg.public.people WHERE id > 1 GROUP BY name

-- case: VALUES beside a source and another
SELECT v.x, p.b, m.b FROM (VALUES (1, 'one'), (2, 'two')) v(x, y) JOIN pg.public.pairs p ON p.a = v.x JOIN my.crm.pairs m ON m.a = v.x

-- case: subqueries of another source
SELECT a, (SELECT max(b) FROM my.crm.pairs m WHERE m.a = p.a), b IN (SELECT b FROM lake.main.pairs) FROM pg.public.pairs p WHERE EXISTS (SELECT 1 FROM my.crm.pairs m WHERE m.a = p.a) OR b > ALL (SELECT a FROM lake.main.pairs WHERE a IS NOT NULL)

-- case: QUALIFY above a window of one source, beside another
SELECT o.id, m.b, row_number() OVER (PARTITION BY o.person ORDER BY o.id) AS n FROM pg.public.orders o LEFT JOIN my.crm.pairs m ON m.a = o.person QUALIFY row_number() OVER (PARTITION BY o.person ORDER BY o.id, m.b) = 1

-- case: a lateral subquery of another source
SELECT p.a, l.n FROM pg.public.pairs p, LATERAL (SELECT count(*) AS n FROM my.crm.pairs m WHERE m.a = p.a) l

-- case: a join that would grow is cut
SELECT x.id, y.id, m.a FROM pg.public.orders x JOIN pg.public.orders y ON x.status = y.status JOIN my.crm.pairs m ON m.a = x.person

-- case: DISTINCT above a join of sources
SELECT DISTINCT p.b FROM pg.public.pairs p JOIN lake.main.pairs l ON p.a = l.a ORDER BY 1 NULLS FIRST

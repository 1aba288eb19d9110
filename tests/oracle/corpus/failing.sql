-- case: a division that CASE guards
-- note: what cannot fail in DuckDB: items, arguments and branches are evaluated for the rows that filters and joins left
SELECT CASE WHEN p.b <> 1 THEN p.a // (p.b - 1) END FROM pg.public.pairs p

-- case: a division of rows that a filter at the source keeps
SELECT p.a // (p.b - 1) FROM pg.public.pairs p WHERE p.b <> 1

-- case: a division of rows that a filter here keeps
SELECT p.a // (p.b - 1) FROM pg.public.pairs p WHERE reverse(p.b::VARCHAR) <> '1'

-- case: a sum of divisions of rows that a filter here keeps
SELECT sum(p.a // (p.b - 1)) FROM pg.public.pairs p WHERE reverse(p.b::VARCHAR) <> '1'

-- case: a division of groups that HAVING keeps
SELECT p.b, max(p.a) // (p.b - 1) FROM pg.public.pairs p GROUP BY p.b HAVING p.b <> 1

-- case: a division of groups of a join of sources that HAVING keeps
SELECT p.b, max(p.a) // (p.b - 1) FROM pg.public.pairs p JOIN lake.main.pairs x ON p.b = x.b GROUP BY p.b HAVING p.b <> 1

-- case: a sum of divisions of rows that meet one of another source
-- note: the side was summed before it met the rows that the join keeps
SELECT sum(p.a // (p.b - 1)) FROM pg.public.pairs p JOIN lake.main.deep x ON p.b * 2 = x.id AND p.b + x.id <> 3

-- case: a group by a division of rows that meet one of another source
SELECT p.a // (p.b - 1) AS k, count(*) FROM pg.public.pairs p JOIN lake.main.pairs x ON p.b = x.b AND x.a + p.b > 2 GROUP BY 1

-- case: a sum of small numbers of rows that meet one of another source
SELECT max(n.i2 + 1) FROM pg.public.numbers n JOIN lake.main.pairs x ON n.id = x.a AND n.i2 * x.a < 100

-- case: a division of the rows that a filter above a UNION ALL keeps
SELECT a // (b - 1) FROM (SELECT a, b FROM pg.public.pairs UNION ALL SELECT a, b FROM my.crm.pairs) q WHERE b <> 1

-- case: a division on the side of an outer join that may be missing
SELECT q.v, x.a FROM lake.main.pairs x LEFT JOIN (SELECT b, a // (b - 1) AS v FROM pg.public.pairs WHERE b <> 1) q ON q.b = x.b

-- case: a filter that could fail, after the one of its derived table
SELECT q.a, q.b FROM (SELECT a, b - 1 AS b FROM pg.public.pairs WHERE b <> 1) q WHERE q.a // q.b >= 0

-- case: a cast that could fail, after the filter of its derived table
SELECT q.n FROM (SELECT name AS n FROM pg.public.people WHERE regexp_matches(name, '^[0-9]+$')) q WHERE q.n::INTEGER > 3

-- case: a cast that could fail, above DISTINCT
SELECT n FROM (SELECT DISTINCT name AS n FROM pg.public.people WHERE regexp_matches(name, '^[0-9]+$')) q WHERE n::INTEGER > 3

-- case: a date that could be none, after the filter of its derived table
SELECT n FROM (SELECT strptime(name, '%Y-%m-%d') AS n FROM pg.public.people WHERE regexp_matches(name, '^[0-9]{4}-[0-9]{2}-[0-9]{2}$')) q WHERE n > TIMESTAMP '2000-01-01'

-- case: a division by zero is an error wherever it runs
-- raises
SELECT a // (b - 1) FROM pg.public.pairs

-- case: a division by zero is an error above a join of sources
-- raises
SELECT p.a // (p.b - 1) FROM pg.public.pairs p JOIN lake.main.pairs x ON p.b = x.b

-- case: a branch of constants that would fail, and that no row takes
-- note: PostgreSQL computes constants while it plans
SELECT id, CASE WHEN id > 0 THEN 1 ELSE 1 // 0 END, CASE WHEN id > 0 THEN 1 ELSE 2147483647 + 1 END, CASE WHEN id > 0 THEN 1 ELSE 99999::SMALLINT END FROM @deep

-- case: a condition of constants that would fail, behind one that decides
SELECT id FROM @deep WHERE CASE WHEN id > 0 THEN TRUE ELSE 1 % 0 = 1 END AND coalesce(id, 1 // 0) > 2

-- case: a branch whose constants meet above a derived table
SELECT CASE WHEN id > 0 THEN 1 ELSE 1 // z END FROM (SELECT id, 0 AS z FROM @deep)

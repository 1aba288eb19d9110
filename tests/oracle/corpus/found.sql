-- What the random oracles found: each as small as it could be made, with the seed or suite that found it.

-- case: an average that only HAVING reads
-- note: seed 87; the quotient was not put in place of avg above the grouping
SELECT a FROM my.crm.pairs GROUP BY a HAVING avg(b) IS NOT NULL

-- case: an average that only HAVING reads, without groups
SELECT count(*) FROM pg.public.pairs HAVING avg(b) > 1

-- case: a VALUES column of NULLs compared with text
-- note: seed 105; it was an INTEGER, and is NULL of no type yet
SELECT v.a, w.id FROM (VALUES (DATE '2024-01-15', NULL)) v(a, b) LEFT JOIN lake.main.wide w ON v.b < w.t

-- case: a VALUES column of NULLs in arithmetic
SELECT -v.b, round(v.a, 1), CASE WHEN v.b > 0.01 THEN round(v.a, 1) ELSE abs(v.b) END FROM (VALUES (0.01, NULL)) v(a, b)

-- case: a VALUES column of NULLs alone
SELECT * FROM (VALUES (NULL), (NULL)) v(x)

-- case: a join condition that reads a relation left of a comma
-- note: seed 677; DuckDB takes it for lateral
SELECT k.id, w.id FROM pg.public.numbers k, LATERAL (SELECT 1 AS one) l JOIN lake.main.wide w ON k.id = w.id

-- case: a subquery inside a function that writes it out twice
-- note: seeds 1422, 1862; an exchange can be read once
SELECT p.id, nullif((SELECT max(q) FROM my.shop.deep), p.id) FROM pg.public.people p

-- case: a correlated subquery inside a function that writes it out twice
SELECT p.id, split_part((SELECT max(d.t) FROM my.shop.deep d WHERE d.wide = p.id), 'n', 1) FROM pg.public.people p WHERE nullif(p.name IN (SELECT t FROM lake.main.deep), p.vip) IS NOT NULL

-- case: a subquery inside a function that writes it out twice, below WITH
WITH c AS (SELECT id, g FROM pg.public.wide) SELECT a.id, nullif((SELECT count(*) FROM my.shop.deep), b.g) FROM c a JOIN c b ON a.id = b.g

-- case: a FULL JOIN on a condition of one side only, in one source
-- note: seed 1588; PostgreSQL refuses it
SELECT n.a, o.id FROM pg.public.nothing n FULL JOIN pg.public.orders o ON 103 = o.id

-- case: a subquery as a group key, written again in the output
-- note: seed 3062; each writing was another tree
SELECT EXISTS (SELECT 1 FROM my.shop.deep d WHERE d.wide = p.id), count(*) FROM pg.public.people p GROUP BY ROLLUP (EXISTS (SELECT 1 FROM my.shop.deep d WHERE d.wide = p.id))

-- case: minus of a zero at MySQL
-- note: seed 3115; -0.0 cannot be said there
SELECT id, -f8 FROM my.shop.numbers

-- case: a lateral subquery of one MySQL
-- note: seed 4013; MariaDB has no LATERAL
SELECT c.id, l.n FROM my.shop.customers c, LATERAL (SELECT count(*) AS n FROM my.shop.orders o WHERE o.customer = c.id) l

-- case: a lateral subquery of one MySQL in a branch of a union
SELECT id FROM pg.public.people UNION ALL SELECT l.id FROM my.shop.customers c CROSS JOIN LATERAL (SELECT o.id FROM my.shop.orders o WHERE o.customer = c.id) l

-- case: the average of decimals in a group
-- note: seed 4512; DuckDB divides the sum without its point by the count with ten to the scale, where there are groups
SELECT id % 1 AS k, avg(balance) FROM pg.public.people GROUP BY k

-- case: the average of decimals in a rollup
SELECT id, avg(balance) FROM pg.public.people GROUP BY ROLLUP (id)

-- case: the average of decimals with a filter, and of distinct ones
SELECT avg(balance) FILTER (WHERE id > 0), avg(DISTINCT balance), avg(balance) FROM pg.public.people

-- case: grouping() over keys without grouping sets
-- note: seed 4696
WITH c AS (SELECT id AS a, count(*) AS n FROM pg.public.people WHERE name LIKE '%a%' GROUP BY 1) SELECT t.a, t.a + 1, count(*), grouping(t.a) FROM c t GROUP BY t.a, t.a + 1

-- case: a superset test of what the source cannot say
-- note: seed 1165; the cast is not proven at PostgreSQL
SELECT id FROM pg.public.wide WHERE d::VARCHAR ILIKE '%a%' UNION ALL SELECT id FROM lake.main.wide

-- case: a rank by a constant at MySQL
-- note: seed 7283; constants order nothing and are not printed, but MariaDB's rank wants an order
SELECT rank() OVER (ORDER BY one), dense_rank() OVER (ORDER BY one) FROM (SELECT 1 AS one FROM my.crm.pairs)

-- case: count(*) and sum over windows at PostgreSQL
-- note: found by the coverage table: never pushed, for want of a type
SELECT id, count(*) OVER (ORDER BY id), sum(qty) OVER (ORDER BY id), sum(amount) OVER (PARTITION BY person) FROM pg.public.orders

-- case: GROUP BY ALL groups by the columns of HAVING, too
-- note: seed 11940; DuckDB makes t.d a key although only t.d - t.d is put out
SELECT (t.d - t.d) AS o, count(*) FROM lake.main.wide t GROUP BY ALL HAVING (t.d - t.d) IS NOT NULL

-- case: GROUP BY ALL with a column in HAVING that is not put out
SELECT d, count(*) FROM pg.public.wide GROUP BY ALL HAVING d IS NOT NULL AND g > 1

-- case: an alias in HAVING that is a column's name
-- note: seed 6816; inside an aggregate the column is meant
SELECT count(*) FILTER (WHERE d > DATE '2024-01-01') AS d FROM pg.public.wide HAVING count(*) FILTER (WHERE d > DATE '2024-01-01') IS NOT NULL

-- case: an alias in HAVING that is a column's name, above a join of sources
SELECT max(d) AS d FROM pg.public.wide a JOIN lake.main.wide b USING (d) HAVING max(d) IS NOT NULL

-- case: an output that is computed of a group key, above a join of sources
-- note: seed 1058; the key is not among what the source groups by
SELECT CASE WHEN t.k = t.k THEN t.k ELSE t.k END AS k, count(*) FROM (SELECT -id AS k FROM pg.public.people) t JOIN lake.main.pairs p ON t.k = p.a GROUP BY k

-- case: a lateral of another source than the groups that it reads
-- note: seed 78 of the placements
SELECT t.n FROM (SELECT p, count(*) AS n FROM pg.public.deep GROUP BY p) t CROSS JOIN LATERAL (SELECT ts FROM pg.public.wide w WHERE t.n = w.n) l EXCEPT SELECT id FROM my.shop.wide

-- case: a lateral that reads a constant
-- note: seed 2077
SELECT t.a FROM (SELECT a, 10.00 AS m FROM pg.public.nothing) t CROSS JOIN LATERAL (SELECT n.id FROM my.shop.numbers n WHERE t.m = n.m) l

-- case: a lateral that reads a join of several sources
-- note: seed 715
SELECT t.id FROM (SELECT p.id, count(*) OVER () AS n FROM pg.public.people p JOIN lake.main.wide a ON p.id = a.id JOIN lake.main.wide b ON p.id = b.id) t CROSS JOIN LATERAL (SELECT w.id FROM lake.main.wide w WHERE t.id = w.id) l

-- case: a frame on functions that look past it
-- note: found by the coverage table; MariaDB refuses it
SELECT id, ntile(3) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), row_number() OVER (ORDER BY id ROWS UNBOUNDED PRECEDING), lag(q) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND CURRENT ROW) FROM my.shop.deep

-- case: DISTINCT ordered by an output with a subquery of another source
-- note: seed 6569; the output and the sort key were cut apart, and no longer the same
SELECT DISTINCT CASE WHEN EXISTS (SELECT 1 FROM lake.main.wide) AND a = a THEN 3 ELSE a END AS o FROM pg.public.pairs JOIN my.crm.pairs q USING (a) ORDER BY 1

-- case: the first rows of a source, and an OFFSET that runs here
-- note: found by planting a bug: the source must send LIMIT and OFFSET together
SELECT id, md5(name) FROM pg.public.people ORDER BY id LIMIT 3 OFFSET 2

-- case: the first groups of a source, and an OFFSET that runs here
SELECT person, md5(max(status)) FROM pg.public.orders GROUP BY person ORDER BY person LIMIT 2 OFFSET 2

-- case: an order by a negative constant that comes of a derived table
-- note: seed 12071; DuckDB reads (- 100) as an ordinal
SELECT -t.o AS a, abs(t.o) AS b FROM (SELECT 100 AS o FROM pg.public.pairs SEMI JOIN my.shop.items i ON b = i.id) t ORDER BY ALL DESC OFFSET 2

-- case: a CTE with a LIMIT that a join reads twice at MySQL
-- note: seed 1790; MariaDB computes it at each use
WITH c AS MATERIALIZED (SELECT b FROM my.crm.pairs ORDER BY b LIMIT 2) SELECT r.region, (SELECT count(*) FROM c x JOIN c y ON x.b = y.b WHERE x.b < length(r.city)) FROM lake.main.regions r

-- case: DISTINCT ordered by a correlated count of another source
-- note: the output became a join's column, its sort key stayed a subquery
SELECT DISTINCT (SELECT count(*) FROM lake.main.pairs x WHERE x.a = p.id) AS o FROM pg.public.people p ORDER BY o

-- case: a correlated aggregate of another source in QUALIFY
SELECT p.id FROM pg.public.people p QUALIFY row_number() OVER (ORDER BY (SELECT max(b) FROM lake.main.pairs x WHERE x.a = p.id), p.id) < 3

-- case: an aggregate that nobody reads and that overflows
-- note: seed 100890; DuckDB drops it
WITH c AS (SELECT avg(id) AS a, max(i2 + 1) AS m FROM pg.public.numbers) SELECT w.t, w.id, c.a FROM lake.main.wide w JOIN c ON w.x < c.a

-- case: a filter that tells -0.0 from 0.0 over the window that they share
-- note: DuckDB moves the filter below the window; docs/semantics.md, where DuckDB differs from itself
-- lacks: DuckDB, filter_pushdown counts one row of the two in the partition
SELECT f8::VARCHAR AS f, n FROM (SELECT f8, count(*) OVER (PARTITION BY f8) AS n FROM pg.public.numbers) q WHERE f8::VARCHAR = '0.0'
-- reference
SELECT '0.0' AS f, 2::BIGINT AS n

-- case: a UNION of one source
-- note: with dear work (test_variations.py) its arms were put together again, for ever
SELECT a, b FROM pg.public.pairs UNION SELECT id, NULL FROM pg.public.people

-- case: an output that does not fit its type, of rows that QUALIFY removes
-- note: seed 202010 with dear work; the source computed it for every row
SELECT i2 + 1 AS o FROM pg.public.numbers QUALIFY count(*) OVER () <= 2

-- case: a group key with IN over rows of a subquery
-- note: seed 300715; it was refused while the two texts of the subquery became two inputs
SELECT CASE WHEN (o.id, o.id + 1) IN (SELECT w.id, w.id FROM lake.main.wide w) THEN 1 ELSE 2 END AS k, count(*) AS n FROM pg.public.orders o GROUP BY CASE WHEN (o.id, o.id + 1) IN (SELECT w.id, w.id FROM lake.main.wide w) THEN 1 ELSE 2 END

-- case: a filter of two years of one CTE
WITH q AS (SELECT a, 's' AS k, count(*) AS n FROM pg.public.pairs GROUP BY a UNION ALL SELECT b, 'm', count(*) FROM my.crm.pairs GROUP BY b) SELECT s.n AS m, t.n FROM q s JOIN q t ON s.a = t.a WHERE s.k = 's' AND s.a = 1 AND t.k = 'm' AND t.a < 3 AND s.n >= t.n

-- case: filters of a CTE that another one reads
WITH q AS (SELECT a, b FROM my.crm.pairs), r AS (SELECT a, b FROM q WHERE b > 0) SELECT r.a FROM r, q WHERE q.a = 1 AND r.a = 2 UNION ALL SELECT a FROM r WHERE a = 1

-- case: a CTE whose filter finds what no row of it met
WITH q AS (SELECT a, b FROM pg.public.pairs UNION ALL SELECT a, b FROM my.crm.pairs) SELECT s.a FROM q s LEFT JOIN q t ON s.a = t.b AND t.a = 2 WHERE s.a = 1 AND t.b IS NULL

-- case: a filter that fails for a key of the other side of its join
-- note: by hand; the rule transitive copied it to a column with a zero, which the join removes
SELECT x.a, n.id FROM lake.main.pairs x JOIN my.shop.numbers n ON x.a = n.i4 WHERE 100 // x.a > 5

-- case: a filter that fails for a key of the other side of its join, in one source
SELECT x.a, n.id FROM pg.public.pairs x JOIN pg.public.numbers n ON x.a = n.i4 WHERE 100 % x.a < 50

-- case: a cast in a filter that fails for a key of the other side of its join
SELECT v.t, w.id FROM (VALUES ('1'), ('22')) v(t) JOIN lake.main.wide w ON w.t = v.t WHERE v.t::INTEGER > 3

-- case: a sum of casts of rows that meet one of another source
-- note: by hand, with work that is free; the side was summed before it met the rows that the join keeps
SELECT w.g, sum(w.t::INTEGER) FROM lake.main.wide w JOIN pg.public.pairs p ON w.id = p.a + 100 GROUP BY w.g

-- case: a sum of narrowing casts of rows that meet one of another source
SELECT w.g, count(w.n::SMALLINT), max(w.n::INTEGER) FROM my.shop.wide w JOIN lake.main.deep d ON w.id = d.id WHERE d.q = 2 GROUP BY w.g

-- case: a group by a cast of rows that meet one of another source
SELECT w.t::DATE AS k, count(*) FROM lake.main.wide w JOIN pg.public.deep d ON w.id = d.id WHERE d.q = 200 GROUP BY k

-- case: QUALIFY by an alias that is a column's name
-- note: by hand; the column is meant, as in WHERE
SELECT id % 3 AS id, count(*) OVER (PARTITION BY id % 3) AS n FROM pg.public.wide QUALIFY n > 1 AND id > 1

-- case: QUALIFY above a grouping by an alias that is a column's name
-- raises
SELECT g, sum(n) AS n FROM pg.public.wide GROUP BY g QUALIFY n > 0 AND count(*) OVER () > 0

-- case: NOT EXISTS whose outer text the collation takes for another
-- note: seed 2818 of the placements; MariaDB's subquery_cache gave what it had found for 'Ana' to 'ana'
SELECT w.id, d.id FROM my.shop.wide w JOIN my.shop.deep d ON w.d = d.d ANTI JOIN my.shop.wide x ON contains(w.t, d.t)

-- case: a scalar subquery whose outer text the collation takes for another
SELECT c.id, (SELECT count(*) FROM my.shop.wide w WHERE contains(w.t, c.name)) AS n, (SELECT max(w.id) FROM my.shop.wide w WHERE w.t < c.name) AS m FROM my.shop.customers c

-- case: a group by a negative constant that comes of a derived table
-- note: seed 2291 of the placements; DuckDB and PostgreSQL read (- 20) as an ordinal
SELECT -t.o AS a, count(*) AS n, grouping(-t.o) AS k FROM (SELECT 20 AS o FROM pg.public.wide) t GROUP BY -t.o

-- case: a group by a negative constant that comes of a derived table, above a full join
SELECT -t.o AS a, sum(t.o) AS s FROM (SELECT v.g, 20 AS o FROM my.shop.wide v FULL JOIN pg.public.wide w ON v.id = w.g) t GROUP BY -t.o, t.g

-- case: NOT of ALL, which is NOT of ANY
-- note: seed 5206 of the placements; MariaDB takes NOT (NOT a > ANY (…)) for a <= ALL (…)
SELECT d.id FROM my.shop.deep d WHERE NOT (d.id <= ALL (SELECT e.q FROM my.shop.deep e WHERE d.wide = e.id))

-- case: NOT of ALL after De Morgan
SELECT t1.t AS o0, (t1.q // 2) AS o1, t1.wide AS o2 FROM my.shop.deep t1 WHERE NOT (t1.wide > t1.p AND t1.id <= ALL (SELECT t2.q FROM my.shop.deep t2 WHERE t1.wide = t2.id))

-- case: NOT of OR with an ALL that is denied
SELECT d.id, NOT (d.id < 3 OR NOT (d.id <> ANY (SELECT e.q FROM my.shop.deep e))) AS n FROM my.shop.deep d WHERE NOT (d.q > 100 OR NOT (d.id = ALL (SELECT e.q FROM my.shop.deep e WHERE d.wide = e.id)))

-- case: HAVING of a group key above a comparison of text
-- note: seed 881156; MariaDB, condition_pushdown_from_having takes the comparison for a number
SELECT c.id AS o0, count(*) AS o1 FROM my.shop.customers c WHERE 'Ana' = c.name GROUP BY 1 HAVING count(*) > 0 AND c.id IS NOT NULL

-- case: HAVING of a group key above a comparison of text, beside a join
SELECT t0.id AS o0, t1.o1 FROM lake.main.wide t0 JOIN (SELECT t2.id AS o0, count(*) AS o1 FROM my.shop.customers t2 WHERE t2.name = 'Ana' GROUP BY 1 HAVING count(*) > 0 AND t2.id > 0) t1 ON t0.id = t1.o0

-- case: a semi-join of a table with itself, of which either side is read
-- note: seed 304032; the fragment that covers another one had a name that the other one's subquery has
SELECT t0.a AS o0, t0.a AS o1 FROM my.shop.nothing t0 SEMI JOIN my.shop.nothing t1 ON t0.a = t1.a AND ((substr(t0.b, 1, 0) = t0.b) AND ((t0.a, t0.a) IN ((1, 1), (2, NULL), (3, 5))))

-- case: a semi-join of a table with itself, of rows that there are
-- note: seed 304032
SELECT t0.id AS o0, t0.g AS o1 FROM my.shop.wide t0 SEMI JOIN my.shop.wide t1 ON t0.g = t1.g AND ((substr(t0.t, 1, 1) = t0.t) OR ((t0.g, t0.id) IN ((1, 1), (2, NULL), (3, 5))))

-- case: a fragment that another one covers but for a filter that its source can only test roughly
-- note: seed 314489; the rough form was printed for the engine, which refused it
WITH c0 AS (SELECT count(*) OVER () AS o0, t0.b AS o1, t0.a AS o2 FROM pg.public.nothing t0 JOIN lake.main.regions t1 ON t0.b IS NOT DISTINCT FROM t1.city UNION ALL SELECT count(*) OVER () AS o0, t2.b AS o1, t2.a AS o2 FROM pg.public.nothing t2 WHERE ((t2.b ILIKE '%a%') OR contains(t2.b, t2.b))) SELECT t3.o0 AS o0, t3.o0 AS o1 FROM c0 t3

-- case: a group key with a subquery over a derived table, in text that only DuckDB understands
-- note: seed 316814; the two texts of the derived table became two inputs
SELECT (SELECT max(v.o) FROM (SELECT w.id AS o FROM lake.main.wide w WHERE nullif(w.id, w.id + 1) = w.id) v WHERE v.o = p.id) AS m, count(*) AS n FROM pg.public.people p GROUP BY ROLLUP ((SELECT max(v.o) FROM (SELECT w.id AS o FROM lake.main.wide w WHERE nullif(w.id, w.id + 1) = w.id) v WHERE v.o = p.id))

-- case: several empty grouping sets, each of which has a row
SELECT count(*), max(id) FROM @wide WHERE id > 3 GROUP BY GROUPING SETS ((), ())

-- case: several empty grouping sets over no rows
SELECT count(*) FROM @wide WHERE id < 0 GROUP BY GROUPING SETS ((), (), ())

-- case: DISTINCT ordered by an expression over what it puts out
-- unordered
SELECT DISTINCT wide FROM @deep ORDER BY wide * -1

-- case: DISTINCT ordered by a column that it does not put out
-- unordered
SELECT DISTINCT t.wide FROM @deep t JOIN @wide w ON w.id = t.wide ORDER BY w.n, t.id

-- case: a column by its number
SELECT #2, #1 + 1, t FROM @deep

-- case: a column by its number, beside a sample, reads the column that FROM has there
SELECT t, #1 FROM @deep USING SAMPLE 100%

-- case: an aggregate IN rows of a subquery
-- note: MariaDB 10.11 compares another row's value
SELECT g, max(id) IN (SELECT id FROM @deep), count(*) NOT IN (SELECT id FROM @deep), min(t) IN (SELECT t FROM @deep) FROM @wide GROUP BY g

-- case: HAVING of an aggregate IN rows of a subquery
SELECT g FROM @wide GROUP BY g HAVING max(id) IN (SELECT wide FROM @deep) OR max(id) <> ALL (SELECT id FROM @deep)

-- case: IN the first rows of a subquery
-- note: MySQL and MariaDB have no LIMIT there
SELECT id FROM @wide WHERE id IN (SELECT wide FROM @deep ORDER BY wide LIMIT 3) OR id IN (SELECT id FROM @deep ORDER BY id OFFSET 8)

-- case: IN the first rows of a set operation
SELECT id FROM @wide WHERE id NOT IN (SELECT id FROM @deep UNION SELECT q FROM @deep WHERE q > 0 ORDER BY 1 LIMIT 4)

-- case: NOT IN rows of a narrower type, one of them NULL
-- note: MariaDB 10.11 keeps a BIGINT that is no INTEGER
SELECT id FROM @wide WHERE n NOT IN (SELECT q FROM @deep)

-- case: NOT IN rows of a narrower DECIMAL, one of them NULL
SELECT id, m + 1 IN (SELECT p FROM @deep) FROM @wide WHERE (m + 1) <> ALL (SELECT p FROM @deep) IS NOT FALSE

-- case: a sum of distinct values in HAVING, beside a window function and a semi-join
-- note: MariaDB 10.11 finds no group
SELECT wide, rank() OVER (ORDER BY wide) FROM @deep WHERE t IN (SELECT t FROM @deep) GROUP BY wide HAVING sum(DISTINCT wide) >= 1

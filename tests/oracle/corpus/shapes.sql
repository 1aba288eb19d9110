-- Statements of other shapes: PIVOT, UNPIVOT, SUMMARIZE, DESCRIBE, samples, VALUES, no FROM.

-- case: PIVOT with an IN list
PIVOT pg.public.sales ON quarter IN (1, 2, 3) USING sum(amount) GROUP BY region

-- case: PIVOT with two aggregates
PIVOT (SELECT region, quarter, amount FROM pg.public.sales WHERE region IS NOT NULL) ON quarter IN (1, 2) USING sum(amount) AS s, count(*) AS n GROUP BY region

-- case: PIVOT in FROM
SELECT * FROM (PIVOT pg.public.sales ON quarter IN (1, 2) USING max(amount) GROUP BY region) WHERE region IS NOT NULL

-- case: SQL's own PIVOT
SELECT * FROM pg.public.sales PIVOT (sum(amount) FOR quarter IN (1, 2) GROUP BY region)

-- case: PIVOT of MySQL text
PIVOT my.shop.orders ON item IN ('Pen', 'pen', 'Ink') USING count(*) GROUP BY customer

-- case: UNPIVOT
UNPIVOT my.shop.targets ON q1, q2 INTO NAME quarter VALUE target

-- case: UNPIVOT with NULLs
SELECT * FROM my.shop.targets UNPIVOT INCLUDE NULLS (target FOR quarter IN (q1, q2))

-- case: UNPIVOT joined with another source
SELECT u.region, u.quarter, u.target, s.amount FROM (UNPIVOT my.shop.targets ON q1, q2 INTO NAME quarter VALUE target) u JOIN pg.public.sales s ON s.region = u.region AND 'q' || s.quarter = u.quarter

-- case: DESCRIBE a table
DESCRIBE pg.public.items

-- case: DESCRIBE a query
DESCRIBE SELECT id, label, id * 1.5 AS x FROM my.shop.items

-- case: SUMMARIZE counts
SELECT column_name, column_type, min, max, count FROM (SUMMARIZE SELECT a, b FROM pg.public.pairs)

-- case: a sample of rows
-- count only
SELECT id FROM pg.public.people USING SAMPLE 3 ROWS

-- case: a sample of all
-- count only
SELECT id FROM pg.public.people USING SAMPLE 100%

-- case: TABLESAMPLE of all
-- count only
SELECT id FROM my.shop.customers TABLESAMPLE 100%

-- case: a sample of rows of a MySQL table larger than it
-- count only
SELECT id FROM my.shop.customers USING SAMPLE 1000 ROWS

-- case: select without FROM
SELECT 1, 'a', NULL, TRUE, 1.5, DATE '2024-01-01', [1, 2], INTERVAL 1 DAY

-- case: select without FROM and a filter
SELECT 1 WHERE FALSE

-- case: VALUES alone
VALUES (1, 'a'), (2, NULL)

-- case: VALUES with an order
SELECT * FROM (VALUES (3), (1), (2)) v(n) ORDER BY n DESC

-- case: an expression over constants keeps DuckDB's types
SELECT 1 + 1, 2.0 / 3.0, 7 / 2, 7 // 2, 1.1 * 1.1, 'a' || 'b', 10 % 3, 2 ^ 10, 1::TINYINT + 1::SMALLINT

-- case: a large VALUES list joined
SELECT v.a, p.id FROM (VALUES (1), (2), (2), (3), (NULL)) v(a) LEFT JOIN pg.public.pairs p2 ON p2.a = v.a LEFT JOIN pg.public.people p ON p.id = p2.b

-- case: constants beside a source's columns
SELECT 1 AS one, 'x' AS x, NULL AS n, TRUE AS t, id FROM pg.public.items

-- case: constants only over a source
SELECT 1 AS one FROM my.shop.items

-- case: a NULL column in a union and a group
SELECT n, count(*) FROM (SELECT NULL AS n FROM pg.public.items) GROUP BY n

-- case: a table of all types of a DuckDB source
SELECT * FROM lake.main.events

-- case: a table of MySQL whole
SELECT * FROM my.shop.customers

-- case: a table of PostgreSQL whole
SELECT * FROM pg.public.people

-- case: an empty table whole
SELECT * FROM pg.public.nothing

-- case: an empty table of MySQL whole
SELECT * FROM my.shop.nothing

-- case: typeof shows announced types
SELECT typeof(id), typeof(name), typeof(balance), typeof(born), typeof(height), typeof(mood), typeof(tags) FROM pg.public.people WHERE id = 1

-- case: typeof shows announced types of MySQL
SELECT typeof(active), typeof(big), typeof(credit), typeof(tier), typeof(joined) FROM my.shop.customers WHERE id = 1

-- case: casts of a source's columns
SELECT id::VARCHAR, id::DOUBLE, id::TINYINT, id::BOOLEAN, vip::INTEGER, balance::INTEGER FROM pg.public.people WHERE balance BETWEEN -100 AND 100

-- case: try_cast of a source's columns
SELECT try_cast(name AS INTEGER), try_cast(balance AS TINYINT), try_cast(city AS DATE) FROM pg.public.people

-- case: comments and odd blanks in a statement
SELECT /* a comment; with 'quotes */ id -- and "more"
  , label
FROM pg.public.items
WHERE id > 0 -- the end

-- case: a statement that ends with a semicolon
SELECT id FROM pg.public.items;

-- case: slices without a bound
SELECT id, t[:2], t[2:], t[:], t[:-2], [1, 2, 3][:id], [id, 2][2:] FROM @deep

-- case: quantiles and the mode WITHIN GROUP
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id), percentile_disc(0.25) WITHIN GROUP (ORDER BY id DESC), mode() WITHIN GROUP (ORDER BY id > 0) FROM @deep

-- case: several quantiles at once, and parts of a date
SELECT quantile_cont(id, [0.25, 0.5]), quantile_disc(q, [0.5]), date_part(['year', 'month'], max(d)) FROM @deep

-- case: functions behind a column and a point
SELECT id.abs(), t.upper().lower(), q.greatest(id) AS g FROM @deep WHERE t.length() > 1

-- case: functions behind a column and a point, of a join of sources
SELECT q.abs() AS n, n.sum() FROM @deep a JOIN @wide b ON a.wide = b.id WHERE q.abs() > 1 AND n < 1000 GROUP BY q

-- case: IN of nothing
SELECT id FROM @deep WHERE id IN () OR id = 3

-- What the planner's rules rewrite, over rows that would show it: NULLs, empty groups, missing sides, duplicates.

-- case: decorrelate: an average of another source
SELECT c.id FROM my.shop.customers c WHERE c.credit < (SELECT 2 * avg(o.amount) FROM pg.public.orders o WHERE o.person = c.id)

-- case: decorrelate: a count of another source is 0 of no rows
SELECT c.id, (SELECT count(*) FROM pg.public.orders o WHERE o.person = c.id) AS n FROM my.shop.customers c

-- case: decorrelate: where the count is 0
SELECT c.id FROM my.shop.customers c WHERE (SELECT count(o.amount) FROM pg.public.orders o WHERE o.person = c.id) = 0

-- case: decorrelate: NULL keys on both sides
SELECT x.a, x.b, (SELECT count(*) FROM my.crm.pairs y WHERE y.a = x.a) AS n, (SELECT max(y.b) FROM my.crm.pairs y WHERE y.a = x.a) AS m FROM pg.public.pairs x

-- case: decorrelate: two keys
SELECT x.a, x.b, (SELECT sum(y.b) FROM my.crm.pairs y WHERE y.a = x.a AND y.b = x.b) AS s FROM pg.public.pairs x

-- case: decorrelate: what is computed of empty groups
SELECT x.a, (SELECT coalesce(sum(y.b), -1) + count(*) + x.a FROM my.crm.pairs y WHERE y.a = x.a AND y.b > 1) AS s FROM pg.public.pairs x

-- case: decorrelate: text keys of a case-insensitive collation
SELECT p.id, (SELECT count(*) FROM my.shop.customers c WHERE c.name = p.name) AS n FROM pg.public.people p

-- case: decorrelate: keys in floating point
SELECT n.id, (SELECT count(*) FROM my.shop.numbers m WHERE m.f8 = n.f8) AS c FROM pg.public.numbers n

-- case: decorrelate: of an empty table
SELECT p.id, (SELECT count(*) FROM my.shop.nothing n WHERE n.a = p.id) AS c, (SELECT max(n.a) FROM my.shop.nothing n WHERE n.a = p.id) AS m FROM pg.public.people p

-- case: decorrelate: within an IN of another source
SELECT p.id FROM pg.public.people p WHERE p.id IN (SELECT c.id FROM my.shop.customers c WHERE c.credit > (SELECT min(o.amount) FROM pg.public.orders o WHERE o.person = c.id))

-- case: decorrelate: beside an outer join
SELECT c.id, o.id FROM my.shop.customers c LEFT JOIN lake.main.events o ON o.id = c.id WHERE (SELECT count(*) FROM pg.public.orders o WHERE o.person = c.id) < 2

-- case: decorrelate: under OR and NOT
SELECT c.id FROM my.shop.customers c WHERE NOT (c.id = 1 OR c.credit > (SELECT avg(o.amount) FROM pg.public.orders o WHERE o.person = c.id))

-- case: outer to inner: a filter that is not true of NULL
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id WHERE o.id > 1

-- case: outer to inner: a filter that is true of NULL
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id WHERE o.id IS NULL OR o.id > 1

-- case: outer to inner: NOT of a comparison is NULL, too
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id WHERE NOT o.id > 2

-- case: outer to inner: NOT of IS NULL
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id WHERE NOT (o.id IS NULL)

-- case: outer to inner: NOT IN a list with NULL
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id WHERE o.id NOT IN (1, NULL) OR p.id = 9

-- case: outer to inner: a full join of which each side is asked for
SELECT x.a, y.a FROM pg.public.pairs x FULL JOIN my.crm.pairs y ON x.a = y.a WHERE x.b > 0

-- case: outer to inner: a full join of which both sides are asked for
SELECT x.a, y.a FROM pg.public.pairs x FULL JOIN my.crm.pairs y ON x.a = y.a WHERE x.b > 0 AND y.b > 0

-- case: outer to inner: coalesce of both sides of a full join
SELECT x.b, y.b FROM pg.public.pairs x FULL JOIN my.crm.pairs y USING (a) WHERE a > 1

-- case: outer to inner: a join above asks for the missing side
SELECT p.id, o.id, e.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id JOIN lake.main.events e ON e.id = o.id

-- case: outer to inner: a left join above asks for nothing
SELECT p.id, o.id, e.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id LEFT JOIN lake.main.events e ON e.id = o.id AND o.id > 1

-- case: empty: two values of one column of two sources
SELECT p.id, c.id FROM pg.public.people p JOIN my.shop.customers c ON p.id = c.id WHERE p.id = 1 AND c.id = 2

-- case: empty: an aggregate over nothing has a row
SELECT count(*), sum(id), max(name) FROM pg.public.people WHERE id > 5 AND id < 3

-- case: empty: groups over nothing have none
SELECT name, count(*) FROM pg.public.people WHERE id > 5 AND id < 3 GROUP BY name

-- case: empty: grouping sets over nothing
SELECT name, count(*) FROM pg.public.people WHERE id > 5 AND id < 3 GROUP BY ROLLUP (name)

-- case: empty: a left join with nothing
SELECT p.id, q.name FROM pg.public.people p LEFT JOIN (SELECT id, name FROM my.shop.customers WHERE false) q ON p.id = q.id

-- case: empty: a full join with nothing
SELECT p.id, q.name FROM pg.public.people p FULL JOIN (SELECT id, name FROM my.shop.customers LIMIT 0) q ON p.id = q.id

-- case: empty: NOT IN and NOT EXISTS of nothing
SELECT a FROM pg.public.pairs WHERE a NOT IN (SELECT a FROM my.crm.pairs WHERE false) AND NOT EXISTS (SELECT 1 FROM lake.main.pairs LIMIT 0)

-- case: empty: arms of set operations
SELECT a FROM pg.public.pairs EXCEPT ALL SELECT a FROM my.crm.pairs WHERE 1 = 2

-- case: empty: UNION of one arm still removes duplicates
SELECT a FROM pg.public.pairs UNION SELECT a FROM my.crm.pairs WHERE a = 1 AND a = 2

-- case: empty: HAVING false over one group
SELECT count(*) FROM pg.public.pairs HAVING false

-- case: empty: a decimal between two integers
SELECT id FROM pg.public.people WHERE balance > 9.99 AND balance < 10.01 AND balance = 10

-- case: push limits: below a left join of another source
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id ORDER BY p.id, o.id LIMIT 4

-- case: push limits: by the kept side alone
SELECT p.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id ORDER BY p.id DESC LIMIT 4 OFFSET 2

-- case: push limits: no order, only how many
-- count only
SELECT p.id, o.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id LIMIT 5

-- case: push limits: a filter of the missing side
SELECT p.id FROM pg.public.people p LEFT JOIN my.shop.orders o ON o.customer = p.id WHERE o.id IS NULL ORDER BY p.id LIMIT 2

-- case: push limits: a right join, text order with NULLs
SELECT p.name, p.id FROM my.shop.orders o RIGHT JOIN pg.public.people p ON o.customer = p.id ORDER BY p.name DESC NULLS FIRST, p.id LIMIT 3

-- case: push filters: below a window by its partition
SELECT * FROM (SELECT person, id, row_number() OVER (PARTITION BY person ORDER BY id) AS r FROM pg.public.orders) q WHERE person > 1

-- case: push filters: not below a window by another column
SELECT * FROM (SELECT person, id, count(*) OVER (PARTITION BY person) AS n FROM pg.public.orders) q WHERE id > 102

-- case: push filters: below the windows of several sources
SELECT * FROM (SELECT o.person, c.name, rank() OVER (PARTITION BY o.person ORDER BY o.amount, o.id) AS r FROM pg.public.orders o JOIN my.shop.customers c ON c.id = o.person) q WHERE person IN (1, 3) AND r < 3

-- case: push filters: ON of a left join, into a grouping
SELECT p.id, q.n FROM pg.public.people p LEFT JOIN (SELECT customer, count(*) AS n FROM my.shop.orders GROUP BY customer) q ON q.customer = p.id AND q.customer > 1

-- case: push filters: ON of a left join, over the kept side
SELECT p.id, q.n FROM (SELECT DISTINCT id FROM pg.public.people) p LEFT JOIN (SELECT customer, count(*) AS n FROM my.shop.orders GROUP BY customer) q ON q.customer = p.id AND p.id > 2

-- case: push filters: ON of an anti join
SELECT p.id FROM pg.public.people p ANTI JOIN (SELECT DISTINCT customer FROM my.shop.orders) q ON q.customer = p.id AND q.customer > 1

-- case: redundant: DISTINCT and ORDER BY of IN
SELECT id FROM pg.public.people WHERE id IN (SELECT DISTINCT customer FROM my.shop.orders ORDER BY customer)

-- case: redundant: LIMIT of IN chooses
SELECT id FROM pg.public.people WHERE id IN (SELECT DISTINCT customer FROM my.shop.orders WHERE customer IS NOT NULL ORDER BY customer LIMIT 1)

-- case: redundant: DISTINCT below EXCEPT ALL counts
SELECT a FROM pg.public.pairs EXCEPT ALL SELECT DISTINCT a FROM my.crm.pairs

-- case: transitive: a constant for three sources
SELECT p.id, c.id, e.id FROM pg.public.people p JOIN my.shop.customers c ON p.id = c.id JOIN lake.main.events e ON e.id = c.id WHERE p.id BETWEEN 1 AND 2

-- case: transitive: text, where one side compares without case
SELECT p.id, c.id FROM pg.public.people p JOIN my.shop.customers c ON p.name = c.name WHERE p.name = 'Ana'

-- case: factor OR: what each branch says of each source
SELECT p.id, c.id FROM pg.public.people p, my.shop.customers c WHERE (p.id = c.id AND p.name = 'Ana' AND c.id < 3) OR (p.id = c.id AND p.name = 'Bob' AND c.id > 2)

-- case: factor OR: NULL in a branch
SELECT x.a, y.a FROM pg.public.pairs x, my.crm.pairs y WHERE (x.a = 1 AND y.a IS NULL) OR (x.a IS NULL AND y.a = 1)

-- case: merge: a constant column of a missing side
SELECT p.id, q.one FROM pg.public.people p LEFT JOIN (SELECT customer, 1 AS one FROM my.shop.orders) q ON q.customer = p.id

-- case: inline CTEs: used once below an outer join, and twice
WITH a AS (SELECT id, name FROM pg.public.people WHERE id < 6), b AS (SELECT customer FROM my.shop.orders) SELECT l.id, r.id, b.customer FROM a l JOIN a r ON l.id = r.id + 1 LEFT JOIN b ON b.customer = l.id

-- case: semi to EXISTS: NULL keys
SELECT x.a, x.b FROM pg.public.pairs x SEMI JOIN my.crm.pairs y ON x.a = y.a AND y.b > 0

-- case: prune: an aggregate that makes the group
SELECT 1 AS one FROM (SELECT count(*) AS n, max(id) AS m FROM pg.public.people WHERE id > 1000) q

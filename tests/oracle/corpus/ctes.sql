-- Common table expressions, also recursive ones.

-- case: a CTE used once
WITH t AS (SELECT id, name FROM pg.public.people WHERE id < 4) SELECT * FROM t

-- case: a CTE used twice
WITH t AS (SELECT person, sum(amount) AS s FROM pg.public.orders GROUP BY person) SELECT a.person, a.s, b.s FROM t a JOIN t b ON a.person = b.person + 1

-- case: a CTE with column names
WITH t(k, n) AS (SELECT customer, count(*) FROM my.shop.orders GROUP BY customer) SELECT k, n FROM t WHERE n > 1

-- case: a CTE that bears the name of a table it reads
WITH people AS (SELECT id, name FROM pg.public.people WHERE id < 3) SELECT * FROM people

-- case: a CTE that hides a table
WITH customers AS (SELECT id FROM pg.public.items) SELECT id FROM customers

-- case: a CTE over a CTE
WITH a AS (SELECT id, boss FROM pg.public.people), b AS (SELECT a.id FROM a WHERE boss = 1) SELECT b.id, a.boss FROM b JOIN a ON a.id = b.id

-- case: an unused CTE
WITH unused AS (SELECT * FROM my.shop.customers) SELECT id FROM pg.public.items

-- case: a CTE of two sources
WITH both_ AS (SELECT p.id, c.name FROM pg.public.people p JOIN my.shop.customers c USING (id)) SELECT count(*), max(name) FROM both_ WHERE id > 2

-- case: a materialized CTE
WITH t AS MATERIALIZED (SELECT id FROM pg.public.people WHERE id < 4) SELECT a.id FROM t a JOIN t b ON a.id = b.id

-- case: a CTE with ORDER BY and LIMIT
WITH t AS (SELECT id FROM pg.public.people ORDER BY id DESC LIMIT 3) SELECT * FROM t WHERE id < 12

-- case: a CTE inside a subquery
SELECT id FROM pg.public.people WHERE id IN (WITH t AS (SELECT person FROM pg.public.orders WHERE qty > 1) SELECT person FROM t)

-- case: a CTE hidden by an inner one of the same name
WITH t AS (SELECT 1 AS a) SELECT * FROM (WITH t AS (SELECT id AS a FROM pg.public.items) SELECT a FROM t) UNION ALL SELECT a FROM t

-- case: a recursive counter
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t

-- case: a recursive tree over a source
WITH RECURSIVE t AS (SELECT id, parent, 0 AS depth FROM pg.public.tree WHERE parent IS NULL UNION ALL SELECT c.id, c.parent, t.depth + 1 FROM pg.public.tree c JOIN t ON c.parent = t.id) SELECT * FROM t

-- case: a recursive tree joined with another source
WITH RECURSIVE t AS (SELECT id, label FROM pg.public.tree WHERE id = 1 UNION ALL SELECT c.id, c.label FROM pg.public.tree c JOIN t ON c.parent = t.id) SELECT t.id, t.label, m.name FROM t LEFT JOIN my.shop.customers m ON m.id = t.id

-- case: a recursive CTE that starts from another source
WITH RECURSIVE t AS (SELECT a AS id FROM my.crm.pairs WHERE a = 1 UNION SELECT c.id FROM pg.public.tree c JOIN t ON c.parent = t.id) SELECT * FROM t

-- case: a recursive UNION ends at a cycle
WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT (n % 3) + 1 FROM t) SELECT n FROM t

-- case: a counter joined with a source
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT t.n, p.name FROM t LEFT JOIN pg.public.people p ON p.id = t.n

-- case: a CTE and VALUES
WITH v(k, w) AS (VALUES (1, 'a'), (2, 'b')) SELECT v.w, i.label FROM v JOIN my.shop.items i ON i.id = v.k

-- case: a CTE used in both branches of a union
WITH t AS (SELECT id, label FROM my.shop.items) SELECT id FROM t UNION ALL SELECT id + 10 FROM t

-- case: a CTE with a volatile function is computed once
WITH t AS MATERIALIZED (SELECT random() AS r FROM pg.public.items) SELECT count(*) FROM t a JOIN t b ON a.r = b.r

-- case: a CTE in a scalar subquery correlated
SELECT p.id, (WITH t AS (SELECT o.amount FROM pg.public.orders o WHERE o.person = p.id) SELECT count(*) FROM t) FROM pg.public.people p

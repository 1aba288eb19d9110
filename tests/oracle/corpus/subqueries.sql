-- Scalar, EXISTS, IN, ANY, ALL; correlated and not; with NULLs.

-- case: a scalar subquery of the same source
SELECT id FROM pg.public.orders WHERE amount = (SELECT max(amount) FROM pg.public.orders WHERE qty < 100)

-- case: a scalar subquery of another source
SELECT id FROM pg.public.people WHERE balance > (SELECT min(credit) FROM my.shop.customers WHERE credit > 0)

-- case: a scalar subquery without rows is NULL
SELECT id, (SELECT name FROM my.shop.customers WHERE id = 1000) AS n FROM pg.public.items

-- case: a scalar subquery in the output
SELECT id, (SELECT count(*) FROM my.shop.orders) AS n FROM pg.public.items

-- case: a correlated scalar count is zero where nothing matches
SELECT p.id, (SELECT count(*) FROM pg.public.orders o WHERE o.person = p.id) AS n FROM pg.public.people p

-- case: a correlated scalar sum is NULL where nothing matches
SELECT p.id, (SELECT sum(o.amount) FROM pg.public.orders o WHERE o.person = p.id) AS s FROM pg.public.people p

-- case: a correlated scalar across sources
SELECT c.id, (SELECT max(o.amount) FROM pg.public.orders o WHERE o.person = c.id) FROM my.shop.customers c

-- case: a correlated comparison
SELECT o.id FROM pg.public.orders o WHERE o.amount > (SELECT avg(i.amount) FROM pg.public.orders i WHERE i.person = o.person)

-- case: EXISTS correlated
SELECT p.id FROM pg.public.people p WHERE EXISTS (SELECT 1 FROM pg.public.orders o WHERE o.person = p.id)

-- case: EXISTS correlated across sources
SELECT c.id FROM my.shop.customers c WHERE EXISTS (SELECT * FROM pg.public.orders o WHERE o.person = c.id AND o.amount > c.credit)

-- case: NOT EXISTS
SELECT p.id FROM pg.public.people p WHERE NOT EXISTS (SELECT 1 FROM pg.public.orders o WHERE o.person = p.id)

-- case: NOT EXISTS with NULL keys
SELECT x.a FROM pg.public.pairs x WHERE NOT EXISTS (SELECT 1 FROM my.crm.pairs y WHERE y.a = x.a)

-- case: EXISTS under OR
SELECT p.id FROM pg.public.people p WHERE p.vip OR EXISTS (SELECT 1 FROM pg.public.orders o WHERE o.person = p.id AND o.qty > 1)

-- case: EXISTS under OR across sources
SELECT p.id FROM pg.public.people p WHERE p.id = 9 OR EXISTS (SELECT 1 FROM my.shop.orders o WHERE o.customer = p.id)

-- case: EXISTS in the output
SELECT p.id, EXISTS (SELECT 1 FROM pg.public.orders o WHERE o.person = p.id) AS has FROM pg.public.people p

-- case: EXISTS in CASE
SELECT p.id, CASE WHEN EXISTS (SELECT 1 FROM my.shop.orders o WHERE o.customer = p.id) THEN 'y' ELSE 'n' END FROM pg.public.people p

-- case: EXISTS not correlated
SELECT id FROM pg.public.items WHERE EXISTS (SELECT 1 FROM my.shop.nothing)

-- case: EXISTS of an aggregate always has a row
SELECT id FROM pg.public.items i WHERE EXISTS (SELECT count(*) FROM pg.public.nothing n WHERE n.a = i.id)

-- case: EXISTS with LIMIT 0
SELECT id FROM pg.public.items WHERE EXISTS (SELECT 1 FROM pg.public.people LIMIT 0)

-- case: IN a subquery
SELECT id FROM pg.public.people WHERE id IN (SELECT person FROM pg.public.orders)

-- case: IN a subquery of another source
SELECT id FROM my.shop.customers WHERE id IN (SELECT person FROM pg.public.orders WHERE qty > 0)

-- case: NOT IN a subquery with NULLs finds nothing
SELECT id FROM pg.public.people WHERE id NOT IN (SELECT person FROM pg.public.orders)

-- case: NOT IN a subquery without NULLs
SELECT id FROM pg.public.people WHERE id NOT IN (SELECT person FROM pg.public.orders WHERE person IS NOT NULL)

-- case: NOT IN an empty subquery finds all, NULL too
SELECT a FROM pg.public.pairs WHERE a NOT IN (SELECT a FROM pg.public.nothing)

-- case: IN with a NULL on the left in the output
SELECT a, a IN (SELECT a FROM my.crm.pairs) AS i, a NOT IN (SELECT b FROM lake.main.pairs WHERE b IS NOT NULL) AS n FROM pg.public.pairs

-- case: IN a subquery correlated
SELECT p.id FROM pg.public.people p WHERE p.id IN (SELECT o.qty FROM pg.public.orders o WHERE o.person = p.id)

-- case: IN a subquery with row values
SELECT a, b FROM pg.public.pairs WHERE (a, b) IN (SELECT a, b FROM my.crm.pairs)

-- case: NOT IN a subquery with row values
SELECT a, b FROM pg.public.pairs WHERE (a, b) NOT IN (SELECT a, b FROM my.crm.pairs WHERE a IS NOT NULL AND b IS NOT NULL)

-- case: ANY with an inequality
SELECT id FROM pg.public.numbers WHERE i4 > ANY (SELECT i4 FROM my.shop.numbers)

-- case: ALL with an inequality and NULLs
SELECT id FROM pg.public.people WHERE id > ALL (SELECT person FROM pg.public.orders)

-- case: ALL over nothing is true
SELECT id FROM pg.public.items WHERE id > ALL (SELECT a FROM pg.public.nothing)

-- case: ALL correlated
SELECT o.id FROM pg.public.orders o WHERE o.amount >= ALL (SELECT i.amount FROM pg.public.orders i WHERE i.person = o.person)

-- case: two levels of correlation
SELECT p.id FROM pg.public.people p WHERE EXISTS (SELECT 1 FROM pg.public.orders o WHERE o.person = p.id AND EXISTS (SELECT 1 FROM my.shop.orders m WHERE m.customer = p.id AND m.placed = o.placed))

-- case: correlation over two levels with an aggregate
SELECT p.id FROM pg.public.people p WHERE p.balance >= (SELECT max(o.amount) FROM pg.public.orders o WHERE o.person IN (SELECT c.id FROM my.shop.customers c WHERE c.id = p.id))

-- case: a subquery in HAVING
SELECT person, count(*) FROM pg.public.orders GROUP BY person HAVING count(*) >= (SELECT count(*) FROM my.crm.items)

-- case: a subquery in ORDER BY
SELECT id FROM pg.public.items i ORDER BY (SELECT count(*) FROM my.shop.items s WHERE s.id = i.id) DESC, id

-- case: a subquery in a join condition
SELECT p.id, o.id FROM pg.public.people p JOIN pg.public.orders o ON o.person = p.id AND o.amount = (SELECT max(amount) FROM pg.public.orders x WHERE x.person = p.id)

-- case: a subquery with a LIMIT
SELECT id, (SELECT name FROM my.shop.customers c WHERE c.id <= i.id ORDER BY c.id DESC LIMIT 1) FROM pg.public.items i

-- case: a correlated subquery on an expression
SELECT p.id, (SELECT count(*) FROM pg.public.orders o WHERE o.person = p.id + 1) FROM pg.public.people p

-- case: a correlated subquery with an inequality
SELECT p.id, (SELECT count(*) FROM pg.public.orders o WHERE o.person < p.id) FROM pg.public.people p

-- case: ARRAY of a subquery
SELECT id, ARRAY(SELECT o.id FROM pg.public.orders o WHERE o.person = p.id ORDER BY o.id) AS ids FROM pg.public.people p

-- case: a column of the outer query under the name of an inner one
SELECT id FROM pg.public.items WHERE EXISTS (SELECT 1 FROM my.shop.items WHERE id = items.id AND label LIKE 'SHOP%')

-- case: a derived table in a derived table
SELECT x FROM (SELECT y AS x FROM (SELECT id * 2 AS y FROM pg.public.people WHERE id < 5) WHERE y > 2) WHERE x < 8

-- case: a subquery that both sources share
SELECT (SELECT count(*) FROM pg.public.people) + (SELECT count(*) FROM my.shop.customers) AS n

-- case: more than one row in a scalar subquery
-- raises
SELECT id, (SELECT id FROM my.shop.customers) FROM pg.public.items

-- case: a count in the output is not the one of a scalar subquery beside it
SELECT person, count(*), (SELECT count(*) FROM my.crm.items) FROM pg.public.orders GROUP BY person

-- case: a count in ORDER BY is not the one of a scalar subquery beside it
SELECT person, (SELECT count(*) FROM my.crm.items) AS n FROM pg.public.orders GROUP BY person ORDER BY count(*) DESC, person

-- case: a count is not the one of a scalar subquery in the same source
SELECT person, count(*) - (SELECT count(*) FROM pg.public.people) FROM pg.public.orders GROUP BY person

-- case: a window is not the one of a subquery beside it
SELECT id, count(*) OVER (), (SELECT max(n) FROM (SELECT count(*) OVER () AS n FROM my.crm.items)) FROM pg.public.people QUALIFY count(*) OVER () > (SELECT min(n) FROM (SELECT count(*) OVER () AS n FROM my.crm.items))

-- case: an aggregate of a constant is not the one of a subquery beside it
SELECT city, sum(1) FROM pg.public.people GROUP BY city HAVING sum(1) >= (SELECT sum(1) FROM my.crm.items)

-- case: an outer group key inside a correlated subquery
SELECT person, (SELECT max(c.name) FROM my.shop.customers c WHERE c.id = o.person) FROM pg.public.orders o GROUP BY person

-- case: an outer aggregate inside a correlated subquery
SELECT person, (SELECT count(*) FROM my.shop.customers c WHERE c.id <= count(o.id)) AS n FROM pg.public.orders o GROUP BY person

-- case: the generated name of an ARRAY of a subquery
-- note: DuckDB's name for it is the text of the subquery, with the table's full name in it
SELECT id, ARRAY(SELECT o.id FROM pg.public.orders o WHERE o.person = p.id) FROM pg.public.people p

-- case: the generated name of a subquery with an outer aggregate
SELECT person, (SELECT count(*) FROM my.shop.customers c WHERE c.id <= count(o.id)) FROM pg.public.orders o GROUP BY person

-- case: EXISTS with a comparison with the count of an empty table
-- note: DuckDB 2.0.0's statistics_propagation finds no row here; without its optimizer it finds all
SELECT id FROM pg.public.items WHERE EXISTS (SELECT 1 FROM my.shop.numbers n WHERE n.i1 <= (SELECT count(*) FROM pg.public.nothing))

-- case: EXISTS with a comparison with the count of an empty table of one source
SELECT id FROM my.shop.items WHERE EXISTS (SELECT 1 FROM my.shop.numbers n WHERE n.i1 <= (SELECT count(*) FROM my.shop.nothing))

-- case: EXISTS with a comparison with the count of no rows of a DuckDB source
SELECT city FROM lake.main.regions WHERE EXISTS (SELECT 1 FROM lake.main.pairs p WHERE p.a <= (SELECT count(*) + 1 FROM lake.main.items WHERE id > 100))

-- Aggregates and groups: empty input, NULL groups, DISTINCT, FILTER, HAVING, grouping sets.

-- case: count of rows
SELECT count(*) FROM pg.public.people

-- case: count of a column leaves NULLs out
SELECT count(boss), count(*), count(name) FROM pg.public.people

-- case: aggregates over nothing are one row
SELECT count(*), count(a), sum(a), min(b), max(d), avg(c) FROM pg.public.nothing

-- case: aggregates over nothing at MySQL
SELECT count(*), count(a), sum(a), min(b), max(d), avg(c) FROM my.shop.nothing

-- case: groups over nothing are no rows
SELECT b, count(*) FROM pg.public.nothing GROUP BY b

-- case: a HAVING without groups
SELECT sum(qty) FROM pg.public.orders HAVING count(*) > 100

-- case: a HAVING without groups that holds
SELECT count(*) FROM my.shop.orders HAVING count(*) > 1

-- case: a constant with a HAVING
SELECT 1 AS one FROM pg.public.orders HAVING count(*) > 1

-- case: a filter that leaves nothing
SELECT count(*), sum(amount), max(status) FROM pg.public.orders WHERE id < 0

-- case: NULL is a group
SELECT person, count(*), sum(amount), min(placed), max(status) FROM pg.public.orders GROUP BY person

-- case: NULL is a group at MySQL
SELECT customer, count(*), sum(price), max(qty) FROM my.shop.orders GROUP BY customer

-- case: two keys
SELECT person, status, count(*) FROM pg.public.orders GROUP BY person, status

-- case: group by an ordinal
SELECT person, count(*) FROM pg.public.orders GROUP BY 1 ORDER BY 1

-- case: group by an alias
SELECT person % 2 AS odd, count(*) FROM pg.public.orders GROUP BY odd

-- case: group by a column wins over an alias of its name
-- raises
SELECT qty % 2 AS person, count(*) FROM pg.public.orders GROUP BY person

-- case: group by all
SELECT status, placed, count(*), sum(qty) FROM pg.public.orders GROUP BY ALL

-- case: group by an expression
SELECT length(name), count(*) FROM pg.public.people GROUP BY length(name)

-- case: a group key in an expression of the output
SELECT upper(city) || '!' AS c, count(*) FROM pg.public.people GROUP BY city

-- case: a group key that is not in the output
SELECT count(*) FROM pg.public.orders GROUP BY person

-- case: group by a constant
SELECT 1 AS k, count(*) FROM pg.public.orders GROUP BY k

-- case: having on an aggregate
SELECT person FROM pg.public.orders GROUP BY person HAVING count(*) > 1

-- case: having on an alias
SELECT person, count(*) AS n FROM pg.public.orders GROUP BY person HAVING n > 1

-- case: having on a key and an aggregate
SELECT person, sum(qty) AS s FROM pg.public.orders GROUP BY person HAVING person > 1 AND sum(qty) IS NOT NULL

-- case: having with a subquery
SELECT person FROM pg.public.orders GROUP BY person HAVING sum(amount) > (SELECT avg(price) FROM my.shop.orders WHERE price < 100)

-- case: count distinct
SELECT count(DISTINCT status), count(DISTINCT person), count(DISTINCT amount) FROM pg.public.orders

-- case: count distinct by group
SELECT person, count(DISTINCT status) FROM pg.public.orders GROUP BY person

-- case: sum and avg distinct
SELECT sum(DISTINCT qty), avg(DISTINCT qty), sum(DISTINCT amount) FROM pg.public.orders

-- case: count distinct of a row value
SELECT count(DISTINCT (a, b)) FROM pg.public.pairs

-- case: FILTER
SELECT count(*) FILTER (WHERE status = 'open'), sum(qty) FILTER (WHERE qty > 0), max(amount) FILTER (WHERE FALSE) FROM pg.public.orders

-- case: FILTER at MySQL
SELECT customer, count(*) FILTER (WHERE qty > 2), sum(price) FILTER (WHERE item = 'Pen'), min(price) FILTER (WHERE qty < 0) FROM my.shop.orders GROUP BY customer

-- case: FILTER with DISTINCT
SELECT count(DISTINCT person) FILTER (WHERE qty > 0) FROM pg.public.orders

-- case: an aggregate of an expression
SELECT sum(qty * 2), sum(amount * qty), max(amount - qty), min(-qty) FROM pg.public.orders WHERE qty < 1000

-- case: an aggregate of a CASE
SELECT sum(CASE WHEN status = 'open' THEN amount ELSE 0 END), sum(CASE WHEN qty > 2 THEN 1 END) FROM pg.public.orders

-- case: an expression of aggregates
SELECT sum(amount) / count(*) AS a, max(qty) - min(qty) AS spread, count(*) * 2 + 1 FROM pg.public.orders WHERE qty < 1000

-- case: bool_and and bool_or
SELECT bool_and(vip), bool_or(vip) FROM pg.public.people

-- case: bool_and over nothing
SELECT bool_and(vip), bool_or(vip) FROM pg.public.people WHERE id > 100

-- case: min and max of booleans
SELECT min(vip), max(vip) FROM pg.public.people

-- case: arg_min and arg_max
SELECT arg_min(name, id), arg_max(name, id), max_by(id, born) FROM pg.public.people WHERE born < DATE '9999-01-01' AND id NOT IN (1, 2, 5, 6)

-- case: first with an order
SELECT city, first(name ORDER BY id) FROM pg.public.people GROUP BY city

-- case: list with an order
SELECT city, list(id ORDER BY id DESC) FROM pg.public.people GROUP BY city

-- case: array_agg with a filter and an order
SELECT array_agg(qty ORDER BY id) FILTER (WHERE qty IS NOT NULL) FROM my.shop.orders

-- case: histogram and mode
SELECT histogram(qty), mode(qty) FROM my.shop.orders WHERE qty IN (1, 10)

-- case: an aggregate over a join of one source
SELECT p.name, sum(o.amount) AS total FROM pg.public.people p JOIN pg.public.orders o ON o.person = p.id GROUP BY p.name ORDER BY total DESC, p.name

-- case: an aggregate over a join of two sources
SELECT c.tier, count(*), sum(o.amount) FROM my.shop.customers c JOIN pg.public.orders o ON o.person = c.id GROUP BY c.tier

-- case: an aggregate over a LEFT JOIN counts the unmatched as zero
SELECT c.id, count(o.id), count(*) FROM my.shop.customers c LEFT JOIN pg.public.orders o ON o.person = c.id GROUP BY c.id

-- case: grouping sets
SELECT status, person, count(*), grouping(status), grouping(person), grouping(status, person) FROM pg.public.orders GROUP BY GROUPING SETS ((status, person), (status), ())

-- case: rollup
SELECT status, placed, sum(qty) FROM pg.public.orders GROUP BY ROLLUP (status, placed)

-- case: cube
SELECT status, qty, count(*), grouping_id(status, qty) FROM pg.public.orders GROUP BY CUBE (status, qty)

-- case: rollup at MySQL
SELECT item, qty, count(*), grouping(item) FROM my.shop.orders GROUP BY ROLLUP (item, qty)

-- case: grouping sets with a duplicate set
SELECT person, count(*) FROM pg.public.orders GROUP BY GROUPING SETS ((person), (person), ())

-- case: grouping sets over nothing
SELECT b, count(*) FROM pg.public.nothing GROUP BY GROUPING SETS ((b), ())

-- case: rollup with a key beside it
SELECT person, status, count(*) FROM pg.public.orders GROUP BY person, ROLLUP (status)

-- case: having over grouping
SELECT status, count(*) FROM pg.public.orders GROUP BY ROLLUP (status) HAVING grouping(status) = 1

-- case: a filter above grouping sets on a key that they make NULL
SELECT * FROM (SELECT status, count(*) AS n FROM pg.public.orders GROUP BY ROLLUP (status)) WHERE status = 'open'

-- case: a filter above an aggregate on the key
SELECT * FROM (SELECT person, count(*) AS n FROM pg.public.orders GROUP BY person) WHERE person > 1

-- case: a filter above an aggregate on the value
SELECT * FROM (SELECT customer, sum(qty) AS n FROM my.shop.orders GROUP BY customer) WHERE n > 5

-- case: a filter that is false above an aggregate without groups
SELECT * FROM (SELECT count(*) AS n FROM pg.public.orders) WHERE FALSE

-- case: a filter above an aggregate without groups is not moved below
SELECT * FROM (SELECT count(*) AS n, 1 AS k FROM pg.public.orders) WHERE k = 2

-- case: an aggregate of an aggregate
SELECT max(n), sum(n), avg(n) FROM (SELECT person, count(*) AS n FROM pg.public.orders GROUP BY person)

-- case: distinct over an aggregate
SELECT DISTINCT count(*) FROM pg.public.orders GROUP BY person

-- case: count of distinct rows
SELECT count(*) FROM (SELECT DISTINCT amount, qty FROM pg.public.orders)

-- case: order by an aggregate that is not in the output
SELECT status FROM pg.public.orders GROUP BY status ORDER BY count(*) DESC, status

-- case: an unused aggregate beside a used one
SELECT n FROM (SELECT person, count(*) AS n, max(status) AS m FROM pg.public.orders GROUP BY person)

-- case: approx_count_distinct of few
SELECT approx_count_distinct(id) > 0 FROM pg.public.people

-- case: product and geomean
SELECT product(qty) FROM my.shop.orders WHERE qty BETWEEN 1 AND 3

-- case: an ordered aggregate with ties does not matter to sum
SELECT sum(qty ORDER BY placed) FROM my.shop.orders

-- case: count star over a subquery with no columns needed
SELECT count(*) FROM (SELECT p.name, o.status FROM pg.public.people p, pg.public.orders o)

-- case: count over a cross join of sources
SELECT count(*) FROM pg.public.people, my.shop.customers

-- case: any_value of equal values
SELECT person, any_value(person) FROM pg.public.orders GROUP BY person

-- case: group by a constant column beside another
SELECT y, id, count(*) FROM (SELECT id, 2 AS y FROM pg.public.people) GROUP BY y, id

-- case: group by a constant column alone
SELECT y, count(*), max(id) FROM (SELECT id, 2 AS y FROM my.shop.customers) GROUP BY y

-- case: group by a constant column over nothing has no row
SELECT y, count(*) FROM (SELECT a, 2 AS y FROM pg.public.nothing) GROUP BY y

-- case: group by two constant columns in the order of others
SELECT id, x, count(*) FROM (SELECT id % 2 AS id, 1 AS x FROM pg.public.people) GROUP BY x, id

-- case: rollup over a constant column
SELECT y, count(*) FROM (SELECT id, 2 AS y FROM pg.public.people) GROUP BY ROLLUP (y)

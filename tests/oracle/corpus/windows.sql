-- Window functions, QUALIFY, frames.

-- case: row_number with a total order
SELECT id, row_number() OVER (ORDER BY id DESC) FROM pg.public.people

-- case: rank and dense_rank with ties
SELECT id, rank() OVER (ORDER BY born), dense_rank() OVER (ORDER BY born), percent_rank() OVER (ORDER BY born), cume_dist() OVER (ORDER BY born) FROM pg.public.people

-- case: rank at MySQL orders NULLs last
SELECT id, rank() OVER (ORDER BY credit), rank() OVER (ORDER BY credit DESC) FROM my.shop.customers

-- case: rank by text at MySQL
SELECT id, rank() OVER (ORDER BY name) FROM my.shop.customers

-- case: a running sum
SELECT id, sum(amount) OVER (ORDER BY id) FROM pg.public.orders

-- case: a running sum with peers
SELECT id, sum(qty) OVER (ORDER BY placed), count(*) OVER (ORDER BY placed) FROM pg.public.orders

-- case: a sum over a partition
SELECT id, person, sum(amount) OVER (PARTITION BY person) FROM pg.public.orders

-- case: avg over a partition
SELECT id, avg(amount) OVER (PARTITION BY person), avg(qty) OVER () FROM pg.public.orders WHERE qty < 1000

-- case: lag and lead with defaults
SELECT id, lag(id) OVER (ORDER BY id), lead(id, 2, -1) OVER (ORDER BY id), lag(status, 1, 'none') OVER (PARTITION BY person ORDER BY id) FROM pg.public.orders

-- case: first_value, last_value, nth_value
SELECT id, first_value(id) OVER w, last_value(id) OVER w, nth_value(id, 2) OVER w FROM pg.public.orders WINDOW w AS (PARTITION BY person ORDER BY id)

-- case: ignore nulls
SELECT id, last_value(qty IGNORE NULLS) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM pg.public.orders

-- case: a frame of rows
SELECT id, sum(qty) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM my.shop.orders

-- case: a frame of a range
SELECT id, count(*) OVER (ORDER BY id RANGE BETWEEN 2 PRECEDING AND CURRENT ROW) FROM my.shop.orders

-- case: a frame of groups
SELECT id, count(*) OVER (ORDER BY placed GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM pg.public.orders

-- case: a frame that excludes
SELECT id, sum(qty) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM my.shop.orders

-- case: ntile
SELECT id, ntile(3) OVER (ORDER BY id) FROM pg.public.people

-- case: a filter in a window aggregate
SELECT id, count(*) FILTER (WHERE qty > 1) OVER (PARTITION BY person) FROM pg.public.orders

-- case: a window over a filtered set
SELECT id, row_number() OVER (ORDER BY id) FROM pg.public.people WHERE vip

-- case: a filter above a window is not moved below
SELECT * FROM (SELECT id, vip, row_number() OVER (ORDER BY id) AS n FROM pg.public.people) WHERE vip

-- case: a filter above a window on the partition key
SELECT * FROM (SELECT id, person, row_number() OVER (PARTITION BY person ORDER BY id) AS n FROM pg.public.orders) WHERE person = 1

-- case: a filter above a window on its value
SELECT * FROM (SELECT id, rank() OVER (ORDER BY id) AS n FROM my.shop.customers) WHERE n <= 3

-- case: QUALIFY
SELECT id, person FROM pg.public.orders QUALIFY row_number() OVER (PARTITION BY person ORDER BY id) = 1

-- case: QUALIFY with an alias
SELECT id, count(*) OVER (PARTITION BY status) AS n FROM pg.public.orders QUALIFY n > 1

-- case: a window over groups
SELECT person, sum(qty), rank() OVER (ORDER BY count(*) DESC, person) FROM pg.public.orders WHERE qty < 1000 GROUP BY person

-- case: a window over groups at MySQL
SELECT customer, sum(price), sum(sum(price)) OVER (ORDER BY customer) FROM my.shop.orders GROUP BY customer

-- case: a window and DISTINCT
SELECT DISTINCT count(*) OVER (PARTITION BY person) FROM pg.public.orders

-- case: a window in ORDER BY
SELECT id FROM pg.public.orders ORDER BY count(*) OVER (PARTITION BY person), id

-- case: a window and LIMIT
SELECT id, row_number() OVER (ORDER BY id) FROM pg.public.orders ORDER BY id DESC LIMIT 3

-- case: a window over a join of two sources
SELECT c.id, o.id, row_number() OVER (PARTITION BY c.id ORDER BY o.id) FROM my.shop.customers c JOIN pg.public.orders o ON o.person = c.id

-- case: a window over nothing
SELECT a, sum(a) OVER (), row_number() OVER () FROM pg.public.nothing

-- case: a window partitioned by NULLs and zeros
SELECT id, count(*) OVER (PARTITION BY f8) FROM pg.public.numbers

-- case: a window ordered by NULLs first
SELECT id, row_number() OVER (ORDER BY boss NULLS FIRST, id) FROM pg.public.people

-- case: count distinct over a window
SELECT id, count(DISTINCT status) OVER (PARTITION BY person) FROM pg.public.orders

-- case: a moving average across sources
SELECT e.id, avg(o.qty) OVER (ORDER BY e.id, o.id ROWS 1 PRECEDING) FROM lake.main.events e JOIN my.shop.orders o ON o.customer = e.person

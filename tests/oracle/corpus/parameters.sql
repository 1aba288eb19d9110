-- Bound parameters.

-- case: an integer
-- with: 1
SELECT id, name FROM pg.public.people WHERE boss = ?

-- case: two by position
-- with: 1, 'Bob'
SELECT id FROM pg.public.people WHERE boss = $1 AND name = $2

-- case: one used twice
-- with: 2
SELECT id FROM pg.public.people WHERE boss = $1 OR id = $1

-- case: used in another order
-- with: 'Pen', 5
SELECT id FROM my.shop.orders WHERE qty >= $2 AND item = $1

-- case: a NULL
-- with: NULL::INTEGER
SELECT id FROM pg.public.people WHERE boss = $1

-- case: a NULL with IS NOT DISTINCT FROM
-- with: NULL::INTEGER
SELECT id FROM pg.public.people WHERE boss IS NOT DISTINCT FROM $1

-- case: a text with quotes and backslashes
-- with: 'O''Hara', 'New\York'
SELECT id FROM pg.public.people WHERE name = $1 OR city = $2

-- case: a text with quotes and backslashes at MySQL
-- with: 'O''Hara', 'a\b', '\'
SELECT id FROM my.shop.customers WHERE name = $1 OR email = $2 OR code = $3

-- case: a negative number after a minus
-- with: -5
SELECT id, 1 -$1, - $1, -$1 FROM pg.public.items

-- case: a decimal
-- with: 10.50::DECIMAL(15,2)
SELECT id FROM pg.public.orders WHERE amount = $1

-- case: a date
-- with: DATE '2024-02-29'
SELECT id FROM my.shop.orders WHERE placed = $1

-- case: a timestamp
-- with: TIMESTAMP '2024-01-15 10:30:00'
SELECT id FROM my.shop.customers WHERE joined = $1

-- case: a double
-- with: 1.5::DOUBLE
SELECT id FROM pg.public.numbers WHERE f8 = $1

-- case: a boolean
-- with: TRUE
SELECT id FROM pg.public.people WHERE vip = $1

-- case: a pattern
-- with: 'an%'
SELECT id FROM my.shop.customers WHERE name LIKE $1

-- case: a limit
-- with: 2::BIGINT, 1::BIGINT
SELECT id FROM pg.public.people ORDER BY id LIMIT $1 OFFSET $2

-- case: in an IN list
-- with: 1, 3
SELECT id FROM pg.public.people WHERE id IN ($1, $2)

-- case: across sources
-- with: 1
SELECT p.name, c.name FROM pg.public.people p JOIN my.shop.customers c ON c.id = p.id WHERE p.id > $1 AND c.id < 5

-- case: in a subquery and outside
-- with: 2
SELECT id FROM pg.public.people WHERE id = $1 OR id IN (SELECT person FROM pg.public.orders WHERE qty = $1)

-- case: in an interval's place
-- with: DATE '2024-01-15'
SELECT id FROM pg.public.orders WHERE placed BETWEEN $1 AND $1 + INTERVAL 1 MONTH

-- case: in the output
-- with: 7::INTEGER, 'x'
SELECT $1::INTEGER AS a, $2::VARCHAR AS b, id FROM pg.public.items

-- case: a cast parameter
-- with: '3'
SELECT id FROM pg.public.people WHERE id = $1::INTEGER

-- case: text that looks like SQL
-- with: ''' OR 1=1 --'
SELECT id FROM my.shop.customers WHERE name = $1

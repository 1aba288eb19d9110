-- WHERE: three-valued logic, lists, constants, and expressions that one source cannot run.

-- case: equality with an integer
SELECT id, name FROM pg.public.people WHERE boss = 1

-- case: an inequality leaves NULLs out
SELECT id FROM pg.public.people WHERE boss <> 1

-- case: NOT of a comparison with NULL
SELECT id FROM pg.public.people WHERE NOT (boss = 1)

-- case: NOT of an OR with NULLs
SELECT id FROM my.shop.customers WHERE NOT (active = 1 OR credit > 0)

-- case: comparing with NULL finds nothing
SELECT id FROM pg.public.people WHERE boss = NULL

-- case: IS DISTINCT FROM
SELECT id FROM pg.public.people WHERE boss IS DISTINCT FROM 1

-- case: IS NOT DISTINCT FROM a NULL
SELECT id FROM my.shop.customers WHERE active IS NOT DISTINCT FROM NULL

-- case: a boolean column alone
SELECT id FROM pg.public.people WHERE vip

-- case: NOT a boolean column
SELECT id FROM pg.public.people WHERE NOT vip

-- case: IS TRUE, IS FALSE, IS NOT TRUE
SELECT id, vip IS TRUE, vip IS FALSE, vip IS NOT TRUE, vip IS NOT FALSE, vip IS UNKNOWN FROM pg.public.people

-- case: a predicate in the output
SELECT id, boss = 1, boss IN (1, 2), name LIKE 'A%', boss IS NULL FROM pg.public.people

-- case: a predicate in the output of MySQL is BOOLEAN
SELECT id, active = 1 AS a, credit > 5 AS b, name = 'Ana' AS c, active IS NULL AS d FROM my.shop.customers

-- case: IN with a NULL
SELECT id FROM pg.public.people WHERE boss IN (1, NULL)

-- case: NOT IN with a NULL finds nothing
SELECT id FROM pg.public.people WHERE boss NOT IN (1, NULL)

-- case: IN with one element
SELECT id FROM my.shop.customers WHERE id IN (3)

-- case: IN with text at MySQL compares bytes
SELECT id FROM my.shop.customers WHERE name IN ('ana', 'SS', 'Zoe')

-- case: NOT IN with text at MySQL compares bytes
SELECT id FROM my.shop.customers WHERE name NOT IN ('ana', 'ss', 'zoe')

-- case: IN with mixed number types
SELECT id FROM pg.public.numbers WHERE m IN (1.5, 2.5, 0)

-- case: BETWEEN
SELECT id FROM pg.public.orders WHERE amount BETWEEN 0 AND 20

-- case: BETWEEN with swapped bounds is empty
SELECT id FROM pg.public.orders WHERE amount BETWEEN 20 AND 0

-- case: NOT BETWEEN with NULLs
SELECT id FROM my.shop.orders WHERE price NOT BETWEEN 0 AND 2

-- case: BETWEEN on text at MySQL
SELECT id FROM my.shop.customers WHERE name BETWEEN 'A' AND 'Z'

-- case: row values are compared by their elements
SELECT a, b FROM pg.public.pairs WHERE (a, b) = (1, 2)

-- case: row values with less than
SELECT a, b FROM pg.public.pairs WHERE (a, b) < (2, 0)

-- case: row values IN a list with NULL
SELECT a, b FROM pg.public.pairs WHERE (a, b) IN ((1, 1), (2, NULL))

-- case: row values at MySQL
SELECT a, b FROM my.crm.pairs WHERE (a, b) IN ((1, 2), (NULL, 3))

-- case: CASE in a filter
SELECT id FROM pg.public.people WHERE CASE WHEN vip THEN balance ELSE weight END > 1

-- case: CASE without ELSE
SELECT id, CASE boss WHEN 1 THEN 'one' WHEN 2 THEN 'two' END FROM pg.public.people

-- case: CASE with a NULL branch compares by equality
SELECT id, CASE boss WHEN NULL THEN 'null' ELSE 'other' END FROM pg.public.people

-- case: coalesce and nullif
SELECT id, coalesce(nick, name, '-'), nullif(name, 'Bob') FROM pg.public.people

-- case: coalesce and nullif at MySQL compare bytes
SELECT id, coalesce(name, email, '-'), nullif(name, 'ana') FROM my.shop.customers

-- case: if with a NULL condition
SELECT id, if(vip, 1, 2) FROM pg.public.people

-- case: greatest and least skip NULLs
SELECT id, greatest(boss, 2, NULL), least(boss, 2) FROM pg.public.people

-- case: greatest and least at MySQL skip NULLs
SELECT id, greatest(active, 1), least(credit, 0) FROM my.shop.customers

-- case: a filter of constants only that is false
SELECT id FROM pg.public.people WHERE 1 = 0

-- case: a filter of constants only that is NULL
SELECT id FROM my.shop.customers WHERE NULL

-- case: AND with an expression that stays local
SELECT id FROM pg.public.people WHERE boss = 1 AND regexp_matches(name, '^[A-B]')

-- case: OR with an expression that stays local
SELECT id FROM pg.public.people WHERE boss = 2 OR regexp_matches(name, 'o')

-- case: a filter on a list column
SELECT id FROM pg.public.people WHERE list_contains(tags, 'x')

-- case: a filter over two sources in OR
SELECT p.id, c.id FROM pg.public.people p JOIN my.shop.customers c ON c.id = p.id WHERE p.vip OR c.active = 1

-- case: the same conjunct twice
SELECT id FROM pg.public.people WHERE id > 3 AND id > 3 AND id > 5

-- case: contradicting conjuncts
SELECT id FROM my.shop.customers WHERE id > 5 AND id < 3

-- case: a number compared with a text literal
SELECT id FROM pg.public.people WHERE boss = '1'

-- case: a date compared with a text literal
SELECT id FROM pg.public.people WHERE born > '1999-01-01'

-- case: an unsigned compared with a negative number
SELECT id FROM my.shop.customers WHERE big > -1

-- case: an unsigned compared with a number beyond its range
SELECT id FROM my.shop.customers WHERE small < 1000

-- case: an integer compared with a fraction
SELECT id FROM pg.public.people WHERE boss > 1.5

-- case: an integer equal to a fraction finds nothing
SELECT id FROM my.shop.customers WHERE id = 1.5

-- case: a decimal compared with a double constant
SELECT id FROM pg.public.numbers WHERE m = 1.5e0

-- case: a float compared with a decimal constant
SELECT id FROM pg.public.numbers WHERE f4 = 0.1

-- case: a float of MySQL compared with a decimal constant
SELECT id FROM my.shop.numbers WHERE f4 = 0.1

-- case: a double compared with a decimal constant
SELECT id FROM my.shop.numbers WHERE f8 = 0.1

-- case: a filter on TINYINT(1) with 7 in it
SELECT id, active FROM my.shop.customers WHERE active > 1

-- case: a filter on an enum of PostgreSQL
SELECT id FROM pg.public.people WHERE mood = 'ok'

-- case: an enum of PostgreSQL compares as text
SELECT id, mood FROM pg.public.people WHERE mood < 'ok'

-- case: an enum of PostgreSQL compared with no member of it
SELECT id FROM pg.public.people WHERE mood = 'OK'

-- case: an enum of MySQL compares as text
SELECT id, tier FROM my.shop.customers WHERE tier > 'low'

-- case: an enum of MySQL compares bytes
SELECT id FROM my.shop.customers WHERE tier = 'LOW'

-- case: an enum of a DuckDB source compares as text
SELECT id, lvl FROM lake.main.events WHERE lvl < 'info'

-- case: a filter on a UUID
SELECT id FROM lake.main.events WHERE uid = '00000000-0000-0000-0000-000000000002'

-- case: xor of booleans
SELECT id FROM pg.public.people WHERE vip <> (boss = 1)

-- case: a comparison of booleans
SELECT id, vip > FALSE FROM pg.public.people

-- case: a filter on an expression of two columns
SELECT id FROM pg.public.people WHERE boss * 2 >= id

-- case: a long IN list
SELECT id FROM pg.public.people WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32)

-- case: constant folding across types
SELECT id FROM pg.public.people WHERE born >= DATE '1999-12-31' + INTERVAL 1 DAY AND balance < 10 * 1.5

-- case: try_cast in a filter
SELECT id FROM pg.public.people WHERE try_cast(code AS INTEGER) IS NULL

-- case: text that its source pads, and a constant without blanks at its end
SELECT id, code FROM pg.public.people WHERE code = 'ab' OR code IN ('', 'x') OR code = (SELECT min(code) FROM pg.public.people)

-- case: text that its source pads, and constants with blanks at their ends
SELECT id, code FROM pg.public.people WHERE code = 'ab ' OR code IN ('x  ', 'ab')

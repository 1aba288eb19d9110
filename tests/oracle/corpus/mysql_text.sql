-- Text at MySQL and MariaDB, whose collations ignore case, accents and trailing blanks: here bytes decide.

-- case: equality under utf8mb4_general_ci
SELECT id FROM my.shop.customers WHERE name = 'ana'

-- case: equality with a trailing blank
SELECT id FROM my.shop.customers WHERE name = 'ana '

-- case: equality with an accent
SELECT id FROM my.shop.customers WHERE name = 'Zoë'

-- case: equality with sharp s
SELECT id FROM my.shop.customers WHERE name = 'ß' OR name = 'ss'

-- case: equality under latin1
SELECT id FROM my.shop.customers WHERE email = 'ana@x'

-- case: equality under latin1 with a non-latin1 literal
SELECT id FROM my.shop.customers WHERE email = '😀'

-- case: equality under latin1 with an accent
SELECT id FROM my.shop.customers WHERE email = 'zoë@x'

-- case: equality under utf8mb4_bin looks at trailing blanks
SELECT id FROM my.shop.customers WHERE city = 'Paris'

-- case: inequality
SELECT id FROM my.shop.customers WHERE name <> 'ana'

-- case: IS DISTINCT FROM
SELECT id FROM my.shop.customers WHERE name IS DISTINCT FROM 'ANA'

-- case: comparisons between columns of two collations
SELECT id FROM my.shop.customers WHERE name = city OR email = name

-- case: the empty text
SELECT id FROM my.shop.customers WHERE name = ''

-- case: CHAR(n)
SELECT id, code, length(code) FROM my.shop.customers WHERE code = 'ab' OR code = ''

-- case: group by under a case-insensitive collation
SELECT name, count(*) FROM my.shop.customers GROUP BY name

-- case: group by latin1
SELECT email, count(*), min(id) FROM my.shop.customers GROUP BY email

-- case: group by utf8mb4_bin
SELECT city, count(*) FROM my.shop.customers GROUP BY city

-- case: group by CHAR(n)
SELECT code, count(*) FROM my.shop.customers GROUP BY code

-- case: group by item and sum
SELECT item, sum(qty), sum(price) FROM my.shop.orders GROUP BY item

-- case: distinct
SELECT DISTINCT item FROM my.shop.orders

-- case: distinct of two columns
SELECT DISTINCT code, tier FROM my.shop.customers

-- case: count distinct
SELECT count(DISTINCT name), count(DISTINCT email), count(DISTINCT city), count(DISTINCT code) FROM my.shop.customers

-- case: min and max
SELECT min(name), max(name), min(email), max(email), min(city), max(city) FROM my.shop.customers

-- case: min and max by group
SELECT tier, min(name), max(name) FROM my.shop.customers GROUP BY tier

-- case: order by
SELECT id, name FROM my.shop.customers ORDER BY name, id

-- case: order by descending
SELECT id, email FROM my.shop.customers ORDER BY email DESC, id

-- case: top
SELECT id, name FROM my.shop.customers ORDER BY name NULLS FIRST, id LIMIT 4

-- case: top of latin1
SELECT email FROM my.shop.customers ORDER BY email DESC NULLS LAST LIMIT 3

-- case: less than
SELECT id FROM my.shop.customers WHERE name < 'a'

-- case: between a lower and an upper case letter
SELECT id FROM my.shop.customers WHERE name > 'Z' AND name < 'a'

-- case: LIKE looks at case
SELECT id FROM my.shop.customers WHERE name LIKE 'an%'

-- case: LIKE under latin1
SELECT id FROM my.shop.customers WHERE email LIKE '%@x'

-- case: LIKE has no default escape
SELECT id FROM my.shop.customers WHERE name LIKE '50\%%'

-- case: LIKE with a backslash
SELECT id FROM my.shop.customers WHERE name LIKE '%\_x' OR email LIKE 'a\b'

-- case: LIKE with an escape
SELECT id FROM my.shop.customers WHERE name LIKE '50!%%' ESCAPE '!'

-- case: LIKE with an underscore and a four-byte character
SELECT id FROM my.shop.customers WHERE name LIKE '_'

-- case: LIKE looks at trailing blanks
SELECT id FROM my.shop.customers WHERE name LIKE 'ana'

-- case: NOT LIKE
SELECT id FROM my.shop.customers WHERE name NOT LIKE '%a%'

-- case: ILIKE
SELECT id FROM my.shop.customers WHERE name ILIKE 'ana' OR email ILIKE 'ZOË%'

-- case: lower
SELECT id FROM my.shop.customers WHERE lower(name) = 'ana'

-- case: upper and lower in the output
SELECT id, upper(name), lower(name), upper(email) FROM my.shop.customers

-- case: length is characters
SELECT id, length(name), length(email) FROM my.shop.customers

-- case: substr
SELECT id, substr(name, 0, 2), substr(name, -1), substr(name, 2, 2), left(name, 1), right(name, 1) FROM my.shop.customers

-- case: concat and the operator
SELECT id, concat(name, email), name || email, name || '!' FROM my.shop.customers

-- case: trim, replace, reverse
SELECT id, '[' || trim(name) || ']', replace(name, 'a', 'x'), reverse(name) FROM my.shop.customers

-- case: strpos, starts_with, contains look at case
SELECT id, strpos(name, 'a'), starts_with(name, 'a'), contains(name, 'n') FROM my.shop.customers

-- case: an escaped quote and a backslash in literals
SELECT id FROM my.shop.customers WHERE name = 'O''Hara' OR email = 'a\b' OR email = 'q"q' OR code = '\'

-- case: CASE with text
SELECT id, CASE name WHEN 'ana' THEN 1 WHEN 'Ana' THEN 2 ELSE 3 END FROM my.shop.customers

-- case: IN a subquery of the same source
SELECT id FROM my.shop.orders WHERE item IN (SELECT name FROM my.shop.customers) OR item IN (SELECT item FROM my.shop.orders WHERE id = 1)

-- case: NOT IN a subquery
SELECT id FROM my.shop.orders WHERE item NOT IN (SELECT item FROM my.shop.orders WHERE id = 2)

-- case: EXISTS correlated over text
SELECT o.id FROM my.shop.orders o WHERE EXISTS (SELECT 1 FROM my.shop.orders i WHERE i.item = o.item AND i.id <> o.id)

-- case: union of text
SELECT item FROM my.shop.orders UNION SELECT name FROM my.shop.customers

-- case: except of text
SELECT item FROM my.shop.orders EXCEPT SELECT upper(item) FROM my.shop.orders

-- case: intersect with another source
SELECT name FROM my.shop.customers INTERSECT SELECT name FROM pg.public.people

-- case: windows partitioned by text
SELECT id, item, count(*) OVER (PARTITION BY item), row_number() OVER (PARTITION BY item ORDER BY id) FROM my.shop.orders

-- case: the order of an enum is by text
SELECT id, tier FROM my.shop.customers ORDER BY tier, id

-- case: min and max of an enum
SELECT min(tier), max(tier) FROM my.shop.customers

-- case: group by an enum
SELECT tier, count(*) FROM my.shop.customers GROUP BY tier ORDER BY tier NULLS FIRST

-- case: string_agg with an order
SELECT tier, string_agg(name, '|' ORDER BY id) FROM my.shop.customers GROUP BY tier

-- case: having over text
SELECT item FROM my.shop.orders GROUP BY item HAVING item > 'Z' OR min(item) = 'Ink'

-- case: a join of a collation with another source's text
SELECT t.region, s.region, t.q1, s.amount FROM my.shop.targets t JOIN pg.public.sales s ON s.region = t.region

-- case: a filter pushed through a join by equality of texts
SELECT t.region, s.amount FROM my.shop.targets t JOIN pg.public.sales s ON s.region = t.region WHERE s.region = 'south'

-- case: coalesce of two collations
SELECT id, coalesce(name, email) FROM my.shop.customers WHERE coalesce(email, name) <> ''

-- case: greatest and least of texts
SELECT id, greatest(name, 'b'), least(name, city) FROM my.shop.customers

-- case: distinct on
SELECT DISTINCT ON (item) item, id FROM my.shop.orders ORDER BY item, id

-- case: a case-insensitive comparison asked for by the client
SELECT id FROM my.shop.customers WHERE name COLLATE NOCASE = 'ANA'

-- Statements that have no answer: every way of running them must say so, none may wrap or saturate.
-- Where a source could give the exact value instead of the error, the case is not here (docs/semantics.md allows it).

-- case: multiplication of bigint overflows in the output
-- raises
SELECT id, i8 * i8 FROM pg.public.numbers

-- case: an integer cast that overflows
-- raises
SELECT i8::INTEGER FROM pg.public.numbers

-- case: an integer cast that overflows at MySQL
-- raises
SELECT u8::INTEGER FROM my.shop.numbers

-- case: a decimal cast that overflows
-- raises
SELECT n::DECIMAL(9,2) FROM pg.public.numbers

-- case: a decimal cast that overflows at MySQL
-- raises
SELECT n::DECIMAL(9,2) FROM my.shop.numbers

-- case: a text that is no number
-- raises
SELECT name::INTEGER FROM pg.public.people

-- case: a text that is no number at MySQL
-- raises
SELECT name::INTEGER FROM my.shop.customers

-- case: a text that is no date at MySQL
-- raises
SELECT city::DATE FROM my.shop.customers

-- case: a double that is no integer
-- raises
SELECT f8::INTEGER FROM pg.public.numbers

-- case: negation of the smallest integer
-- raises
SELECT -i8 FROM pg.public.numbers

-- case: abs of the smallest integer
-- raises
SELECT abs(i2) FROM pg.public.numbers

-- case: a syntax error
-- raises
SELECT FROM WHERE

-- case: types that do not fit
-- raises
SELECT id + name FROM pg.public.people WHERE name > DATE '2024-01-01'

-- case: an unknown function
-- raises
SELECT nofunction(id) FROM pg.public.people

-- case: set operations of different widths
-- raises
SELECT id FROM pg.public.items UNION SELECT id, label FROM my.shop.items

-- case: an aggregate in WHERE
-- raises
SELECT id FROM pg.public.people WHERE count(*) > 1

-- case: an unsigned below zero
-- raises
SELECT small - 200 FROM my.shop.customers WHERE small < 100

-- case: mod of zero digits of a modulo by NULL is no error
SELECT id % NULL FROM pg.public.items

-- case: an aggregate inside an aggregate
-- raises
SELECT sum(count(*)) FROM @deep

-- case: an aggregate inside an aggregate's FILTER
-- raises
SELECT count(*) FILTER (WHERE max(id) > 1) FROM @deep

-- case: an aggregate in a join condition
-- raises
SELECT a.id FROM @deep a JOIN @deep b ON count(*) = b.id

-- case: a window function in WHERE
-- raises
SELECT id FROM @deep WHERE row_number() OVER () = 1

-- case: a window function in a join condition
-- raises
SELECT a.id FROM @deep a JOIN @deep b ON row_number() OVER () = b.id

-- case: a window function in GROUP BY ALL
-- raises
SELECT id, sum(id) OVER () FROM @deep GROUP BY ALL

-- case: a window function in HAVING
-- raises
SELECT count(*) FROM @deep HAVING row_number() OVER () = 1

-- case: a window function inside an aggregate
-- raises
SELECT sum(row_number() OVER ()) FROM @deep

-- case: a window function inside another
-- raises
SELECT sum(row_number() OVER ()) OVER () FROM @deep

-- case: a frame that measures text
-- raises
SELECT sum(id) OVER (ORDER BY t RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM @deep

-- case: a frame that measures two keys
-- raises
SELECT sum(id) OVER (ORDER BY id, q RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM @deep

-- case: an ESCAPE of two characters
-- raises
SELECT id FROM @deep WHERE t LIKE 'a' ESCAPE 'xx'

-- case: a pattern that ends with its escape character
-- raises
SELECT id FROM @deep WHERE t LIKE 'a\' ESCAPE '\'

-- case: a column's number beyond those of FROM
-- raises
SELECT #7 FROM @deep

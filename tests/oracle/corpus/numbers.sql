-- Numbers: DuckDB's division, decimals, overflow, zeros and NaN wherever the work runs.

-- case: division of integers is a double
SELECT id, i4 / 2, 7 / 2, i2 / i4 FROM pg.public.numbers

-- case: division of integers at MySQL
SELECT id, i4 / 2, i1 / 3 FROM my.shop.numbers

-- case: division by zero
SELECT id, 1 / i4, i8 / i4, m / 0 FROM pg.public.numbers

-- case: division by zero at MySQL
SELECT id, 1 / i4, n / i4 FROM my.shop.numbers

-- case: division in a filter
SELECT id FROM pg.public.numbers WHERE i4 / 2 > 0.5

-- case: division of decimals is a double
SELECT 2.0 / 3.0 AS q, id, m / 3.0 AS r FROM pg.public.numbers

-- case: integer division
SELECT id, i8 // 2, 7 // 2, -7 // 2 FROM pg.public.numbers

-- case: integer division by zero
-- raises
SELECT id, i8 // i4 FROM pg.public.numbers WHERE i4 BETWEEN -5 AND 5

-- case: integer division at MySQL
SELECT id, i8 // 2, i1 // 2 FROM my.shop.numbers

-- case: modulo takes the dividend's sign
SELECT id, i8 % 3, -7 % 3, i2 % -3 FROM pg.public.numbers

-- case: modulo at MySQL
SELECT id, i8 % 3, i1 % -3 FROM my.shop.numbers

-- case: modulo by zero
-- raises
SELECT id, i8 % i4 FROM pg.public.numbers WHERE i4 BETWEEN -5 AND 5

-- case: addition, subtraction, multiplication of small integers
SELECT id, i2 + 1, i2 - 1, i2 * 2 FROM pg.public.numbers WHERE i2 BETWEEN -1000 AND 1000

-- case: arithmetic of unsigned at MySQL
SELECT id, u8 + 1, i2 - 1 FROM my.shop.numbers WHERE u8 < 1000 AND i2 > 0

-- case: decimal arithmetic
SELECT id, m + m, m - 1.25, m * m, m * 2, -m FROM pg.public.numbers

-- case: decimal arithmetic at MySQL
SELECT id, m + m, m - 1.25, m * m, m * 2, -m FROM my.shop.numbers

-- case: decimal arithmetic in a filter
SELECT id FROM my.shop.orders WHERE price * qty > 10 AND price * (1 - 0.1) < 100

-- case: decimal with an integer column
SELECT id, price * qty AS total, price + qty, price - qty FROM my.shop.orders

-- case: sum of integers is a hugeint
SELECT sum(i4), sum(i8), sum(i2) FROM pg.public.numbers WHERE id <> 6

-- case: sum of integers beyond bigint
SELECT sum(i8) FROM (SELECT i8 FROM pg.public.numbers WHERE i8 > 0 UNION ALL SELECT i8 FROM pg.public.numbers WHERE i8 > 0)

-- case: sum of integers at MySQL
SELECT sum(i4), sum(i1), sum(u8) FROM my.shop.numbers

-- case: sum of decimals
SELECT sum(m), sum(n) FROM pg.public.numbers

-- case: sum of decimals at MySQL
SELECT sum(m), sum(n) FROM my.shop.numbers

-- case: sum of doubles
SELECT sum(f8), sum(f4) FROM pg.public.numbers WHERE id IN (1, 2, 3, 12)

-- case: avg of integers
SELECT avg(i4), avg(i8), avg(i2) FROM pg.public.numbers WHERE id < 6

-- case: avg of integers by group
SELECT i2, avg(i4) AS a FROM pg.public.numbers GROUP BY i2

-- case: avg of decimals
SELECT avg(m), avg(n) FROM pg.public.numbers WHERE id NOT IN (6, 7)

-- case: avg of decimals by group at MySQL
SELECT item, avg(price), avg(qty) FROM my.shop.orders GROUP BY item

-- case: avg of amounts
SELECT person, avg(amount) FROM pg.public.orders GROUP BY person

-- case: avg of doubles
SELECT avg(f8), avg(f4) FROM pg.public.numbers WHERE id IN (1, 2, 3, 12)

-- case: sum and avg of booleans
SELECT count_if(vip), sum(vip::INTEGER) FROM pg.public.people

-- case: equality of zeros
SELECT id FROM pg.public.numbers WHERE f8 = 0

-- case: group by zeros
SELECT f8 = 0 AS zero, count(*) FROM pg.public.numbers GROUP BY f8, zero

-- case: distinct zeros
SELECT count(*) FROM (SELECT DISTINCT f8 FROM pg.public.numbers)

-- case: NaN equals itself
SELECT id FROM pg.public.numbers WHERE f8 = 'NaN'::DOUBLE

-- case: NaN is greatest
SELECT id FROM pg.public.numbers WHERE f8 > 'Infinity'::DOUBLE

-- case: order with NaN, infinities and NULL
SELECT id, f8 FROM pg.public.numbers ORDER BY f8, id

-- case: descending order with NaN
SELECT id, f8 FROM pg.public.numbers ORDER BY f8 DESC NULLS FIRST, id DESC

-- case: min and max with NaN and infinities
SELECT min(f8), max(f8), min(f4), max(f4) FROM pg.public.numbers

-- case: count distinct with zeros and NaN
SELECT count(DISTINCT f8), count(DISTINCT f4) FROM pg.public.numbers

-- case: negative zero comes through
SELECT id, f8, f4 FROM pg.public.numbers WHERE id IN (4, 5)

-- case: negative zero made of MySQL's zero
SELECT id, -f8, f8 * -1.0, f8 * -1e0, -f4 FROM my.shop.numbers WHERE id IN (4, 6)

-- case: negative zero made of PostgreSQL's zero
SELECT id, -f8, f8 * -1e0, abs(f8), f8 + 0.0 FROM pg.public.numbers WHERE id IN (4, 5)

-- case: isnan, isinf, isfinite
SELECT id, isnan(f8), isinf(f8), isfinite(f8) FROM pg.public.numbers

-- case: extremes come through
SELECT * FROM pg.public.numbers

-- case: extremes of MySQL come through
SELECT * FROM my.shop.numbers

-- case: extremes in a filter
SELECT id FROM pg.public.numbers WHERE i8 = 9223372036854775807 OR i8 = -9223372036854775808 OR i4 = -2147483648

-- case: extremes in a filter at MySQL
SELECT id FROM my.shop.numbers WHERE u8 = 18446744073709551615 OR i8 = -9223372036854775808

-- case: a wide decimal literal
SELECT id FROM pg.public.numbers WHERE n = 12345678901234567890.1234567891

-- case: a wide decimal compared
SELECT id FROM my.shop.numbers WHERE n > 9999999999999999999999999999.9 OR n < -1

-- case: round of decimals
SELECT id, round(m, 2), round(m), round(m, 0), round(n, 3) FROM pg.public.numbers

-- case: round of decimals at MySQL
SELECT id, round(m, 2), round(m) FROM my.shop.numbers

-- case: round of doubles is half away from zero
SELECT id, round(f8), round(f8, 1) FROM pg.public.numbers WHERE id < 6

-- case: floor, ceil, trunc
SELECT id, floor(m), ceil(m), trunc(m), floor(f8), ceil(f8) FROM pg.public.numbers

-- case: abs and sign
SELECT id, abs(i2), abs(m), sign(m), abs(f8), sign(f8) FROM pg.public.numbers WHERE i2 BETWEEN -1000 AND 32767

-- case: abs at MySQL
SELECT id, abs(i4), abs(m), sign(m) FROM my.shop.numbers WHERE i4 > -2147483648

-- case: sqrt, power, exp, ln, log
SELECT id, sqrt(abs(f8)), power(f8, 2), exp(least(f8, 10)), ln(abs(f8) + 1), log10(abs(f8) + 1) FROM pg.public.numbers WHERE id IN (1, 2, 3, 4, 12)

-- case: log of zero and sqrt of a negative number
SELECT id, ln(f8), sqrt(f8) FROM pg.public.numbers WHERE id < 5

-- case: exp that overflows
SELECT id, exp(f8 * 1000) FROM pg.public.numbers WHERE id IN (1, 3, 11)

-- case: a product of doubles that overflows
SELECT id, f8 * 1e308 * 10 FROM pg.public.numbers WHERE id IN (1, 2, 11)

-- case: power with a caret
SELECT id, i2 ^ 2, i2 ** 2, 2 ^ 3 FROM pg.public.numbers WHERE id < 6

-- case: bit operations
SELECT id, i4 & 6, i4 | 1, xor(i4, 3), ~i4, i2 << 1 FROM pg.public.numbers WHERE i2 BETWEEN 0 AND 100

-- case: bit operations at MySQL
SELECT id, i4 & 6, i4 | 1, xor(i4, 3), ~i4 FROM my.shop.numbers

-- case: bit aggregates over nothing
SELECT bit_and(i4), bit_or(i4), bit_xor(i4) FROM my.shop.numbers WHERE id > 100

-- case: bit aggregates
SELECT bit_and(i4), bit_or(i4), bit_xor(i4) FROM pg.public.numbers WHERE i4 >= 0

-- case: cast double to integer is half even
SELECT id, f8::INTEGER FROM pg.public.numbers WHERE id IN (1, 2, 3, 12)

-- case: cast decimal to integer is half away
SELECT id, m::INTEGER FROM pg.public.numbers WHERE id < 4

-- case: cast decimal to integer at MySQL
SELECT id, m::INTEGER, f8::BIGINT FROM my.shop.numbers WHERE id < 4

-- case: cast integer to double and decimal
SELECT id, i8::DOUBLE, i4::DECIMAL(18,4), i2::BIGINT FROM pg.public.numbers

-- case: cast decimal to a smaller scale
SELECT id, m::DECIMAL(9,1), n::DECIMAL(38,2) FROM pg.public.numbers WHERE id < 4

-- case: cast decimal to double
SELECT id, m::DOUBLE, n::DOUBLE FROM my.shop.numbers

-- case: cast text to a number
SELECT id, '1.5'::INTEGER, try_cast(name AS INTEGER), ' 12 '::INTEGER FROM pg.public.people

-- case: gcd, factorial
SELECT id, gcd(i4, 6), factorial(3) FROM pg.public.numbers WHERE i4 BETWEEN 0 AND 100

-- case: comparison of decimal with integer columns
SELECT id FROM pg.public.numbers WHERE m > i4

-- case: comparison of unsigned with signed columns
SELECT id FROM my.shop.numbers WHERE u8 > i8

-- case: comparison of double with bigint columns
SELECT id FROM pg.public.numbers WHERE f8 = i8

-- case: a large bigint compared with a double
SELECT id FROM pg.public.numbers WHERE i8 > 9.2e18

-- case: hugeint of a DuckDB source
SELECT id, big, big + 1 FROM lake.main.events WHERE big > 1 AND big < 100

-- case: sum of hugeint
SELECT sum(big) FROM lake.main.events

-- case: stddev and variance
SELECT stddev(i4), var_pop(i4) FROM pg.public.numbers WHERE id IN (1, 2)

-- case: median and quantiles
SELECT median(i4), quantile_disc(i4, 0.5), quantile_cont(m, 0.25) FROM pg.public.numbers WHERE id < 6

-- case: small negative literals keep the column's type
SELECT id, i2 * -1, i2 % -3, i2 - -1 FROM pg.public.numbers WHERE i2 > -100 AND i2 < 100

-- case: a filter with a negative literal
SELECT id FROM my.shop.numbers WHERE i1 > -100 AND i4 <> -2 AND m > -1.5

-- case: negative literals
SELECT id FROM pg.public.numbers WHERE i8 = - 7 OR i8 = -(-7) OR m = -1.5

-- case: a negative number subtracted
SELECT id, i2 - -1, - -i2, i2 -(-2) FROM pg.public.numbers WHERE i2 < 1000 AND i2 > -1000

-- case: scientific and hexadecimal literals
SELECT 1e3, 1.5e-2, 0x1F, 1_000 FROM pg.public.items

-- case: an integer literal beyond bigint
SELECT 99999999999999999999 AS wide, id FROM pg.public.items

-- case: random stays one call a row
-- count only
SELECT id, random() FROM pg.public.people WHERE random() >= 0

-- case: the sign of zero in a division
SELECT id, i4 / -4, i4 / 4 FROM pg.public.numbers WHERE i4 BETWEEN -10 AND 10

-- case: the sign of zero in a division at MySQL
SELECT id, active / -4, active / 4 FROM my.shop.customers

-- case: the sign of zero in a product and a sum at MySQL
SELECT id, score * -2e0, score + -0e0, score - score, -(score) FROM my.shop.customers WHERE score BETWEEN -5 AND 5

-- Dates, times, intervals and time zones.

-- case: all values come through
SELECT * FROM pg.public.stamps

-- case: a date in a filter
SELECT id FROM pg.public.orders WHERE placed = DATE '2024-02-29'

-- case: a date range
SELECT id FROM pg.public.orders WHERE placed >= DATE '2024-01-01' AND placed < DATE '2024-01-01' + INTERVAL 3 MONTH

-- case: a date range at MySQL
SELECT id FROM my.shop.orders WHERE placed >= '2024-01-15' AND placed < DATE '2024-02-29' + INTERVAL '1' DAY

-- case: a date before Christ
SELECT id, d FROM pg.public.stamps WHERE d < DATE '0001-01-01'

-- case: a date before Christ as a literal
SELECT id FROM pg.public.stamps WHERE d = '0044-03-15 (BC)'::DATE

-- case: the largest date
SELECT id FROM pg.public.stamps WHERE d = DATE '9999-12-31'

-- case: a literal beyond the year 9999
SELECT id FROM pg.public.stamps WHERE d < DATE '10000-01-01'

-- case: a literal that MySQL cannot hold
SELECT id FROM my.shop.customers WHERE born < DATE '10000-01-01' AND born > DATE '0001-01-01'

-- case: a timestamp with microseconds
SELECT id FROM pg.public.orders WHERE ts = TIMESTAMP '2024-01-15 23:59:59.999999'

-- case: a timestamp compared with a date
SELECT id FROM pg.public.orders WHERE ts >= DATE '2024-03-31'

-- case: a date compared with a timestamp
SELECT id FROM pg.public.orders WHERE placed < TIMESTAMP '2024-01-15 00:00:01'

-- case: a timestamp of MySQL with microseconds
SELECT id, joined FROM my.shop.customers WHERE joined > TIMESTAMP '2024-01-15 10:30:00'

-- case: extract from a date
SELECT id, extract(year FROM placed), extract(month FROM placed), extract(day FROM placed), extract(quarter FROM placed) FROM pg.public.orders

-- case: extract from a timestamp
SELECT id, extract(hour FROM ts), extract(minute FROM ts), extract(second FROM ts), extract(epoch FROM ts) FROM pg.public.orders

-- case: extract at MySQL
SELECT id, year(born), month(born), day(born), quarter(born), hour(joined), second(joined) FROM my.shop.customers

-- case: extract of years before Christ
SELECT id, year(d), extract(century FROM d), extract(decade FROM d) FROM pg.public.stamps

-- case: weekdays and weeks
SELECT id, dayofweek(d), isodow(d), week(d), isoyear(d), dayofyear(d), yearweek(d) FROM pg.public.stamps

-- case: weekdays and weeks at MySQL
SELECT id, dayofweek(born), isodow(born), week(born), dayofyear(born) FROM my.shop.customers

-- case: group by year
SELECT year(placed) AS y, count(*), sum(amount) FROM pg.public.orders GROUP BY y ORDER BY y

-- case: group by year and month at MySQL
SELECT year(placed), month(placed), sum(qty) FROM my.shop.orders GROUP BY ALL

-- case: date_trunc of a date
SELECT id, date_trunc('month', d), date_trunc('week', d), date_trunc('quarter', d) FROM pg.public.stamps

-- case: date_trunc of a timestamp
SELECT id, date_trunc('hour', ts), date_trunc('day', ts), date_trunc('year', ts) FROM pg.public.stamps

-- case: date_trunc in a group
SELECT date_trunc('month', placed) AS m, count(*) FROM pg.public.orders GROUP BY m

-- case: date_trunc at MySQL
SELECT date_trunc('month', placed) AS m, count(*) FROM my.shop.orders GROUP BY m

-- case: date plus and minus days
SELECT id, d + 1, d - 1 FROM pg.public.stamps WHERE d < DATE '9000-01-01'

-- case: date minus date
SELECT id, placed - DATE '2024-01-01' FROM pg.public.orders

-- case: date minus date at MySQL
SELECT id, placed - DATE '2024-01-01' FROM my.shop.orders

-- case: date plus an interval is a timestamp
SELECT id, placed + INTERVAL 1 MONTH, placed - INTERVAL 1 YEAR FROM pg.public.orders

-- case: the end of a month plus a month
SELECT id, born + INTERVAL 1 YEAR, born + INTERVAL 1 MONTH FROM my.shop.customers WHERE born = DATE '2024-02-29' OR born = DATE '1980-02-29'

-- case: an interval in a filter on a column
SELECT id FROM pg.public.orders WHERE placed + INTERVAL 2 MONTH > DATE '2024-03-30'

-- case: timestamp minus timestamp
SELECT id, ts - TIMESTAMP '2024-01-01 00:00:00' FROM pg.public.orders

-- case: an interval column made here
SELECT id, to_days(qty), INTERVAL (qty) HOUR FROM pg.public.orders WHERE abs(qty) < 100

-- case: date_diff and date_sub
SELECT id, date_diff('day', placed, DATE '2024-12-31'), date_sub('month', placed, DATE '2024-12-31') FROM pg.public.orders

-- case: last_day and monthname
SELECT id, last_day(placed), monthname(placed), dayname(placed) FROM pg.public.orders

-- case: make_date
SELECT id, make_date(2024, 1, qty) FROM pg.public.orders WHERE qty BETWEEN 1 AND 28

-- case: strftime and strptime
SELECT id, strftime(placed, '%Y/%m/%d'), strptime('2024-01-02', '%Y-%m-%d') FROM pg.public.orders

-- case: cast timestamp to date
SELECT id, ts::DATE, ts::TIME FROM pg.public.orders

-- case: cast timestamp to date in a filter and a group
SELECT ts::DATE AS day, count(*) FROM pg.public.orders WHERE ts::DATE > DATE '2024-01-01' GROUP BY day

-- case: cast date to timestamp
SELECT id, placed::TIMESTAMP FROM my.shop.orders

-- case: cast text to date
SELECT id, '2024-01-02'::DATE, try_cast(name AS DATE) FROM pg.public.people

-- case: time in a filter
SELECT id, t FROM pg.public.stamps WHERE t > TIME '12:00:00'

-- case: min and max of dates
SELECT min(d), max(d), min(ts), max(ts), min(t), max(t) FROM pg.public.stamps

-- case: min and max of dates at MySQL
SELECT min(born), max(born), min(joined), max(joined) FROM my.shop.customers

-- case: order by timestamps
SELECT id, ts FROM pg.public.stamps ORDER BY ts DESC NULLS FIRST, id

-- case: timestamptz compared with a literal in UTC
SELECT id FROM pg.public.stamps WHERE tz >= TIMESTAMPTZ '2024-03-31 01:00:00+00'

-- case: timestamptz in Berlin compared with a local literal
-- set: timezone = Europe/Berlin
SELECT id FROM pg.public.stamps WHERE tz = TIMESTAMPTZ '2024-03-31 03:00:00'

-- case: timestamptz around the change of summer time
-- set: timezone = Europe/Berlin
SELECT id, tz, tz::TIMESTAMP, tz::DATE FROM pg.public.stamps

-- case: extract from timestamptz in Berlin
-- set: timezone = Europe/Berlin
SELECT id, extract(hour FROM tz), extract(day FROM tz), date_trunc('day', tz) FROM pg.public.stamps WHERE id < 6

-- case: timestamp as timestamptz in Berlin
-- set: timezone = Europe/Berlin
SELECT id, ts::TIMESTAMPTZ FROM pg.public.stamps WHERE id < 6

-- case: timestamp compared with timestamptz in Berlin
-- set: timezone = Europe/Berlin
SELECT a.id, b.id FROM pg.public.stamps a JOIN pg.public.stamps b ON a.ts = b.tz

-- case: an interval added over the change of summer time
-- set: timezone = America/New_York
SELECT id, tz + INTERVAL 1 DAY, tz + INTERVAL 24 HOUR FROM pg.public.stamps WHERE id < 6

-- case: AT TIME ZONE
SELECT id, tz AT TIME ZONE 'Europe/Berlin', ts AT TIME ZONE 'America/New_York' FROM pg.public.stamps WHERE id < 6

-- case: group by timestamptz
SELECT date_trunc('month', tz) AS m, count(*) FROM pg.public.stamps GROUP BY m

-- case: epoch functions
SELECT id, epoch(ts), epoch_ms(ts), to_timestamp(0) FROM pg.public.stamps WHERE id < 7

-- case: now is one moment
SELECT now() = now() AS same, current_date = now()::DATE AS day FROM pg.public.items

-- case: age of dates
SELECT id, age(DATE '2024-12-31', placed) FROM pg.public.orders

-- case: time_bucket
SELECT id, time_bucket(INTERVAL '1 month', placed) FROM pg.public.orders

-- case: BETWEEN dates across sources
SELECT p.id, m.id FROM pg.public.orders p JOIN my.shop.orders m ON p.placed = m.placed

-- case: timestamps joined across sources
SELECT c.id, e.id FROM my.shop.customers c JOIN pg.public.orders e ON c.joined = e.ts

-- case: a date joined with a timestamp across sources
SELECT o.id, e.id FROM my.shop.orders o JOIN lake.main.events e ON o.placed = e.ts

-- case: count distinct of dates and timestamps
SELECT count(DISTINCT d), count(DISTINCT ts), count(DISTINCT tz), count(DISTINCT t) FROM pg.public.stamps

-- case: extract of a part that is written in capitals
SELECT id, extract(YEAR FROM d), extract(Month FROM ts), date_part('DOY', d), date_trunc('MONTH', d) FROM pg.public.stamps

-- case: extract in a group at MariaDB
SELECT extract(YEAR FROM placed) AS y, count(*) FROM my.shop.orders GROUP BY y

-- case: extract in a group beside a join of two sources
SELECT extract(YEAR FROM o.placed) AS y, count(*), sum(p.id) FROM my.shop.orders o JOIN pg.public.people p ON p.id = o.customer GROUP BY y

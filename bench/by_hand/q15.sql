-- pg
WITH revenue AS (
    SELECT l_suppkey, sum(l_extendedprice * (1 - l_discount)) AS total
    FROM lineitem
    WHERE l_shipdate >= DATE '1996-01-01' AND l_shipdate < DATE '1996-04-01'
    GROUP BY l_suppkey
)
SELECT l_suppkey, total
FROM revenue
WHERE total = (SELECT max(total) FROM revenue)
-- my
SELECT s_suppkey, s_name, s_address, s_phone FROM supplier

-- my
SELECT c_custkey
FROM customer
WHERE c_mktsegment = 'BUILDING'
-- pg
SELECT l_orderkey, o_orderdate, o_shippriority, o_custkey, sum(l_extendedprice * (1 - l_discount))
FROM orders
JOIN lineitem ON l_orderkey = o_orderkey
WHERE o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15'
GROUP BY l_orderkey, o_orderdate, o_shippriority, o_custkey

-- my
SELECT c_custkey, c_nationkey FROM customer
-- my
SELECT s_suppkey, s_nationkey FROM supplier
-- pg
SELECT o_custkey, l_suppkey, sum(l_extendedprice * (1 - l_discount))
FROM orders
JOIN lineitem ON l_orderkey = o_orderkey
WHERE o_orderdate >= DATE '1994-01-01' AND o_orderdate < DATE '1995-01-01'
GROUP BY o_custkey, l_suppkey
-- lake
SELECT n_nationkey, n_name
FROM nation
JOIN region ON r_regionkey = n_regionkey
WHERE r_name = 'ASIA'

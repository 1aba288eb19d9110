-- my
SELECT p_partkey FROM part WHERE p_type = 'ECONOMY ANODIZED STEEL'
-- my
SELECT s_suppkey, s_nationkey FROM supplier
-- my
SELECT c_custkey, c_nationkey FROM customer
-- pg
SELECT l_partkey, l_suppkey, o_custkey, extract(year FROM o_orderdate), sum(l_extendedprice * (1 - l_discount))
FROM lineitem
JOIN orders ON o_orderkey = l_orderkey
WHERE o_orderdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
GROUP BY l_partkey, l_suppkey, o_custkey, extract(year FROM o_orderdate)
-- lake: for the customers' nations and the suppliers'
SELECT n_nationkey, n_name, r_name
FROM nation
JOIN region ON r_regionkey = n_regionkey

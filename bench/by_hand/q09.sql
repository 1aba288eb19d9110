-- my
SELECT p_partkey, s_suppkey, s_nationkey, ps_supplycost
FROM part
JOIN partsupp ON ps_partkey = p_partkey
JOIN supplier ON s_suppkey = ps_suppkey
WHERE p_name LIKE '%green%'
-- pg
SELECT l_partkey, l_suppkey, extract(year FROM o_orderdate), sum(l_extendedprice * (1 - l_discount)), sum(l_quantity)
FROM lineitem
JOIN orders ON o_orderkey = l_orderkey
GROUP BY l_partkey, l_suppkey, extract(year FROM o_orderdate)
-- lake
SELECT n_nationkey, n_name FROM nation

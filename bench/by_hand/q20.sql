-- my
SELECT ps_partkey, ps_suppkey, ps_availqty, s_name, s_address, s_nationkey
FROM partsupp
JOIN part ON p_partkey = ps_partkey
JOIN supplier ON s_suppkey = ps_suppkey
WHERE p_name LIKE 'forest%'
-- pg
SELECT l_partkey, l_suppkey, sum(l_quantity)
FROM lineitem
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
GROUP BY l_partkey, l_suppkey
-- lake
SELECT n_nationkey FROM nation WHERE n_name = 'CANADA'

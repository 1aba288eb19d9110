-- my
SELECT s_suppkey, s_nationkey FROM supplier
-- my
SELECT c_custkey, c_nationkey FROM customer
-- pg
SELECT l_suppkey, o_custkey, extract(year FROM l_shipdate), sum(l_extendedprice * (1 - l_discount))
FROM lineitem
JOIN orders ON o_orderkey = l_orderkey
WHERE l_shipdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
GROUP BY l_suppkey, o_custkey, extract(year FROM l_shipdate)
-- lake
SELECT n_nationkey, n_name
FROM nation
WHERE n_name IN ('FRANCE', 'GERMANY')

-- my: for the parts and for the whole
SELECT ps_partkey, s_nationkey, sum(ps_supplycost * ps_availqty)
FROM partsupp
JOIN supplier ON s_suppkey = ps_suppkey
GROUP BY ps_partkey, s_nationkey
-- lake
SELECT n_nationkey FROM nation WHERE n_name = 'GERMANY'

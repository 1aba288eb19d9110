-- pg
SELECT o_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity)
FROM orders
JOIN lineitem ON l_orderkey = o_orderkey
GROUP BY o_custkey, o_orderkey, o_orderdate, o_totalprice
HAVING sum(l_quantity) > 300
-- my
SELECT c_custkey, c_name FROM customer

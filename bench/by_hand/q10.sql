-- my
SELECT c_custkey, c_name, c_acctbal, c_phone, c_address, c_comment, c_nationkey FROM customer
-- pg
SELECT o_custkey, sum(l_extendedprice * (1 - l_discount))
FROM orders
JOIN lineitem ON l_orderkey = o_orderkey
WHERE o_orderdate >= DATE '1993-10-01' AND o_orderdate < DATE '1994-01-01' AND l_returnflag = 'R'
GROUP BY o_custkey
-- lake
SELECT n_nationkey, n_name FROM nation

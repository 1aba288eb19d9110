-- my
SELECT c_custkey FROM customer
-- pg
SELECT o_custkey, count(*)
FROM orders
WHERE o_comment NOT LIKE '%special%requests%'
GROUP BY o_custkey

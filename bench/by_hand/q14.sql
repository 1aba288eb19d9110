-- pg
SELECT l_partkey, sum(l_extendedprice * (1 - l_discount))
FROM lineitem
WHERE l_shipdate >= DATE '1995-09-01' AND l_shipdate < DATE '1995-10-01'
GROUP BY l_partkey
-- my
SELECT p_partkey, p_type LIKE 'PROMO%' FROM part

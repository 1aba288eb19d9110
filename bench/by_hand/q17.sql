-- my
SELECT p_partkey FROM part WHERE p_brand = 'Brand#23' AND p_container = 'MED BOX'
-- pg
SELECT l.l_partkey, sum(l.l_extendedprice)
FROM lineitem l
JOIN (SELECT l_partkey, 0.2 * avg(l_quantity) AS few FROM lineitem GROUP BY l_partkey) a ON a.l_partkey = l.l_partkey
WHERE l.l_quantity < a.few
GROUP BY l.l_partkey

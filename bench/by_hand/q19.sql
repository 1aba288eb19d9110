-- pg: the quantity decides which of the three kinds of part is meant
SELECT l_partkey, l_quantity <= 11, l_quantity BETWEEN 10 AND 20, l_quantity >= 20, sum(l_extendedprice * (1 - l_discount))
FROM lineitem
WHERE l_quantity BETWEEN 1 AND 30 AND l_shipmode IN ('AIR', 'AIR REG') AND l_shipinstruct = 'DELIVER IN PERSON'
GROUP BY l_partkey, l_quantity <= 11, l_quantity BETWEEN 10 AND 20, l_quantity >= 20
-- my
SELECT p_partkey, p_brand
FROM part
WHERE (p_brand = 'Brand#12' AND p_container IN ('SM CASE', 'SM BOX', 'SM PACK', 'SM PKG') AND p_size BETWEEN 1 AND 5)
    OR (p_brand = 'Brand#23' AND p_container IN ('MED BAG', 'MED BOX', 'MED PKG', 'MED PACK') AND p_size BETWEEN 1 AND 10)
    OR (p_brand = 'Brand#34' AND p_container IN ('LG CASE', 'LG BOX', 'LG PACK', 'LG PKG') AND p_size BETWEEN 1 AND 15)

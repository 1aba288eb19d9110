-- pg
SELECT l1.l_suppkey, count(*)
FROM lineitem l1
JOIN orders ON o_orderkey = l1.l_orderkey
WHERE o_orderstatus = 'F' AND l1.l_receiptdate > l1.l_commitdate
    AND EXISTS (SELECT * FROM lineitem l2 WHERE l2.l_orderkey = l1.l_orderkey AND l2.l_suppkey <> l1.l_suppkey)
    AND NOT EXISTS (
        SELECT *
        FROM lineitem l3
        WHERE l3.l_orderkey = l1.l_orderkey AND l3.l_suppkey <> l1.l_suppkey AND l3.l_receiptdate > l3.l_commitdate
    )
GROUP BY l1.l_suppkey
-- my
SELECT s_suppkey, s_name, s_nationkey FROM supplier
-- lake
SELECT n_nationkey FROM nation WHERE n_name = 'SAUDI ARABIA'

-- my: what the parts cost at each supplier; the least is looked for among the same rows
SELECT p_partkey, p_mfgr, s_acctbal, s_name, s_address, s_phone, s_comment, s_nationkey, ps_supplycost
FROM part
JOIN partsupp ON ps_partkey = p_partkey
JOIN supplier ON s_suppkey = ps_suppkey
WHERE p_size = 15 AND p_type LIKE '%BRASS'
-- lake
SELECT n_nationkey, n_name
FROM nation
JOIN region ON r_regionkey = n_regionkey
WHERE r_name = 'EUROPE'

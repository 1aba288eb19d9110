-- my: those above the average
SELECT c_custkey, substring(c_phone, 1, 2), c_acctbal
FROM customer
WHERE substring(c_phone, 1, 2) IN ('13', '31', '23', '29', '30', '18', '17')
    AND c_acctbal > (
        SELECT avg(c_acctbal)
        FROM customer
        WHERE c_acctbal > 0 AND substring(c_phone, 1, 2) IN ('13', '31', '23', '29', '30', '18', '17')
    )
-- pg
SELECT DISTINCT o_custkey FROM orders

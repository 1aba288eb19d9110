from tests.clients.jdbc.bridge import Java, JavaError
def test_x(jdbc, jdbc_connect):
    s = jdbc.createStatement()
    for sql in ["200::UTINYINT","60000::USMALLINT","4000000000::UINTEGER",f"{2**64-1}::UBIGINT"]:
        r = s.executeQuery(f"SELECT {sql} AS a"); r.next()
        m = r.getMetaData()
        print(sql, m.getColumnType(1), m.getColumnTypeName(1), m.getColumnClassName(1), m.getPrecision(1), m.isSigned(1))
        for g in ("getByte","getShort","getInt","getLong","getFloat","getDouble","getBigDecimal","getString","getObject","getBoolean"):
            try: print("   ", g, getattr(r,g)(1))
            except JavaError as e: print("   ", g, "ERR", e)
    for i in range(3):
        c = jdbc_connect("&catalog=pg")
        try:
            st = c.createStatement(); st.executeQuery("SELECT 1").rows(); st.close()
            c.close(); print("closed ok")
        except JavaError as e:
            x = e
            while x: print(x.kind, x, x.state); x = x.cause
        print(c.isClosed())
        try: c.close(); print("second close ok")
        except JavaError as e: print("second", e)

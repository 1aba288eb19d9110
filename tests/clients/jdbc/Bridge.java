// Calls Java methods for a Python test: one JSON request a line on stdin, one answer a line on stdout, in any order.
//
//   {"id": 1, "on": {"class": "java.sql.DriverManager"}, "call": "getConnection", "args": ["jdbc:…", {"java": …}]}
//   {"id": 2, "on": {"handle": 1}, "call": "createStatement", "args": []}
//   {"id": 3, "on": {"handle": 2}, "rows": true}
//   {"id": 4, "on": {"class": "java.sql.Statement"}, "methods": true}
//
// A request runs in a thread of its own, so that a statement can be cancelled while it executes. What JSON cannot say
// comes as {"java": class, "value": text}, what is no value as {"handle": n, "java": class}. bridge.py is the other end.

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.Base64;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

public final class Bridge {
    private static final Gson GSON = new com.google.gson.GsonBuilder().serializeNulls().serializeSpecialFloatingPointValues().create();
    private static final Map<Integer, Object> HANDLES = new ConcurrentHashMap<>();
    private static final AtomicInteger NEXT = new AtomicInteger();
    /** What is sent as class and text; arrays of bytes too, everything else stays here under a handle. */
    private static final Set<String> TEXTUAL = Set.of(
        "java.math.BigDecimal", "java.sql.Date", "java.sql.Time", "java.sql.Timestamp", "java.util.UUID", "java.lang.Class",
        "java.lang.Byte", "java.lang.Short", "java.lang.Long", "java.lang.Float", "java.lang.Double");

    /** An argument that a parameter of this type cannot take. */
    private static final class Unfit extends Exception {
        Unfit(JsonElement value, Class<?> type) {
            super(value + " is no " + type.getName());
        }
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        System.setOut(System.err); // whatever a library prints is not an answer
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonObject request = GSON.fromJson(line, JsonObject.class);
            Thread thread = new Thread(() -> {
                String answer = GSON.toJson(answer(request));
                synchronized (out) {
                    out.println(answer);
                    out.flush();
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        System.exit(0); // the driver's own threads are no reason to stay
    }

    private static JsonObject answer(JsonObject request) {
        JsonObject answer = new JsonObject();
        answer.add("id", request.get("id"));
        try {
            answer.add("value", request.has("call") ? toJson(call(request)) : request.has("rows") ? rows(request) : methods(request));
        } catch (InvocationTargetException error) {
            error.getCause().printStackTrace();
            answer.add("error", error(error.getCause()));
        } catch (Throwable error) {
            error.printStackTrace();
            answer.add("error", error(error));
        }
        return answer;
    }

    /** An exception: its class, message and causes, and what an SQLException says besides. */
    private static JsonObject error(Throwable error) {
        JsonObject told = new JsonObject();
        told.addProperty("java", error.getClass().getName());
        told.addProperty("message", error.getMessage());
        if (error instanceof SQLException exception) {
            told.addProperty("state", exception.getSQLState());
            told.addProperty("vendor", exception.getErrorCode());
        }
        if (error.getCause() != null && error.getCause() != error) {
            told.add("cause", error(error.getCause()));
        }
        return told;
    }

    /** Every row of a ResultSet: by getObject, and timestamps with a zone, which Avatica's getObject cannot, by getTimestamp. */
    private static JsonElement rows(JsonObject request) throws Exception {
        ResultSet result = (ResultSet) HANDLES.get(request.getAsJsonObject("on").get("handle").getAsInt());
        int width = result.getMetaData().getColumnCount();
        JsonArray rows = new JsonArray();
        while (result.next()) {
            JsonArray row = new JsonArray();
            for (int column = 1; column <= width; column++) {
                boolean zoned = result.getMetaData().getColumnType(column) == Types.TIMESTAMP_WITH_TIMEZONE;
                row.add(toJson(zoned ? result.getTimestamp(column) : result.getObject(column)));
            }
            rows.add(row);
        }
        return rows;
    }

    /** The methods of a class: name, types of the parameters. */
    private static JsonElement methods(JsonObject request) throws ClassNotFoundException {
        JsonArray methods = new JsonArray();
        for (Method method : Class.forName(request.getAsJsonObject("on").get("class").getAsString()).getMethods()) {
            JsonArray types = new JsonArray();
            for (Class<?> type : method.getParameterTypes()) {
                types.add(type.getName());
            }
            JsonArray told = new JsonArray();
            told.add(method.getName());
            told.add(types);
            methods.add(told);
        }
        return methods;
    }

    // ------------------------------------------------------------ calling

    private static Object call(JsonObject request) throws Throwable {
        JsonObject on = request.getAsJsonObject("on");
        String name = request.get("call").getAsString();
        JsonArray given = request.getAsJsonArray("args");
        Object target = on.has("class") ? null : HANDLES.get(on.get("handle").getAsInt());
        Class<?> kind = on.has("class") ? Class.forName(on.get("class").getAsString()) : target.getClass();
        Method chosen = null;
        Object[] values = null;
        int best = Integer.MAX_VALUE;
        for (Class<?> type : publicTypes(kind)) {
            for (Method method : type.getMethods()) {
                boolean candidate = method.getName().equals(name) && method.getParameterCount() == given.size();
                if (!candidate || (target == null && !Modifier.isStatic(method.getModifiers()))) {
                    continue;
                }
                try {
                    int distance = 0;
                    Object[] converted = new Object[given.size()];
                    for (int i = 0; i < converted.length; i++) {
                        Class<?> wanted = method.getParameterTypes()[i];
                        converted[i] = fromJson(given.get(i), wanted);
                        distance += distance(given.get(i), wanted);
                    }
                    if (distance < best) {
                        best = distance;
                        chosen = method;
                        values = converted;
                    }
                } catch (Unfit ignored) {
                    continue; // another overload may take it
                }
            }
        }
        if (chosen == null) {
            throw new NoSuchMethodException(kind.getName() + "." + name + given);
        }
        return chosen.invoke(target, values);
    }

    /** The public classes and interfaces through which a method of this class can be called. */
    private static Set<Class<?>> publicTypes(Class<?> kind) {
        Set<Class<?>> found = new LinkedHashSet<>();
        for (Class<?> type = kind; type != null; type = type.getSuperclass()) {
            if (Modifier.isPublic(type.getModifiers())) {
                found.add(type);
            }
            for (Class<?> parent : type.getInterfaces()) {
                found.addAll(publicTypes(parent));
            }
        }
        return found;
    }

    /** How far an overload is from what was meant: 1.5 is a double rather than a float, "x" a String rather than an Object. */
    private static int distance(JsonElement value, Class<?> type) {
        if (type == Object.class) {
            return 10;
        }
        boolean number = value.isJsonPrimitive() && value.getAsJsonPrimitive().isNumber();
        return !number || type == int.class || type == double.class ? 0 : type == long.class ? 1 : 2;
    }

    // ------------------------------------------------------------ values

    private static Object fromJson(JsonElement value, Class<?> type) throws Unfit {
        if (value.isJsonNull()) {
            if (type.isPrimitive()) {
                throw new Unfit(value, type);
            }
            return null;
        }
        if (value.isJsonArray()) {
            if (!type.isArray()) {
                throw new Unfit(value, type);
            }
            JsonArray items = value.getAsJsonArray();
            Object array = Array.newInstance(type.getComponentType(), items.size());
            for (int i = 0; i < items.size(); i++) {
                Array.set(array, i, fromJson(items.get(i), type.getComponentType()));
            }
            return array;
        }
        Object made = value.isJsonObject() ? made(value.getAsJsonObject()) : primitive(value.getAsJsonPrimitive(), type);
        Class<?> boxed = Array.get(Array.newInstance(type, 1), 0) == null ? type : Array.get(Array.newInstance(type, 1), 0).getClass();
        if (!boxed.isInstance(made)) {
            throw new Unfit(value, type);
        }
        return made;
    }

    private static Object primitive(JsonPrimitive value, Class<?> type) {
        if (value.isBoolean()) {
            return value.getAsBoolean();
        }
        if (value.isString()) {
            return value.getAsString();
        }
        boolean whole = value.getAsString().matches("-?\\d+");
        if (type == double.class || (!whole && type != float.class)) {
            return value.getAsDouble();
        }
        if (type == float.class) {
            return value.getAsFloat();
        }
        if (type == long.class) {
            return value.getAsLong();
        }
        if (type == short.class) {
            return value.getAsShort();
        }
        return type == byte.class ? (Object) value.getAsByte() : (Object) value.getAsInt();
    }

    private static Object made(JsonObject value) {
        if (value.has("handle")) {
            return HANDLES.get(value.get("handle").getAsInt());
        }
        String kind = value.get("java").getAsString();
        if (kind.equals("byte[]")) {
            return Base64.getDecoder().decode(value.get("value").getAsString());
        }
        if (kind.equals("java.util.Properties")) {
            Properties properties = new Properties();
            value.getAsJsonObject("value").entrySet().forEach(entry -> properties.put(entry.getKey(), entry.getValue().getAsString()));
            return properties;
        }
        String text = value.get("value").getAsString();
        try {
            Class<?> type = Class.forName(kind);
            for (String factory : new String[] {"valueOf", "parse", "fromString", "forName"}) {
                for (Class<?> taken : new Class<?>[] {String.class, CharSequence.class}) {
                    try {
                        return type.getMethod(factory, taken).invoke(null, text);
                    } catch (NoSuchMethodException ignored) {
                        continue; // another name for the same thing
                    }
                }
            }
            Constructor<?> constructor = type.getConstructor(String.class);
            return constructor.newInstance(text);
        } catch (ReflectiveOperationException error) {
            throw new IllegalArgumentException("no " + kind + " from " + text, error);
        }
    }

    private static JsonElement toJson(Object value) {
        if (value == null) {
            return JsonNull.INSTANCE;
        }
        if (value instanceof Boolean truth) {
            return new JsonPrimitive(truth);
        }
        if (value instanceof Integer number) {
            return new JsonPrimitive(number);
        }
        if (value instanceof String text) {
            return new JsonPrimitive(text);
        }
        JsonObject told = new JsonObject();
        String kind = value.getClass().getName();
        if (value instanceof byte[] bytes) {
            told.addProperty("java", "byte[]");
            told.addProperty("value", Base64.getEncoder().encodeToString(bytes));
        } else if (TEXTUAL.contains(kind) || kind.startsWith("java.time.")) {
            told.addProperty("java", kind);
            told.addProperty("value", value instanceof Class<?> type ? type.getName() : value.toString());
        } else if (value.getClass().isArray()) {
            JsonArray items = new JsonArray();
            for (int i = 0; i < Array.getLength(value); i++) {
                items.add(toJson(Array.get(value, i)));
            }
            return items;
        } else {
            int handle = NEXT.incrementAndGet();
            HANDLES.put(handle, value);
            told.addProperty("java", kind);
            told.addProperty("handle", handle);
        }
        return told;
    }
}

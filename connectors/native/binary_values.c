/* PostgreSQL's binary formats: each type's …send function in its source, src/backend/utils/adt. */
#include "values.h"

#include <string.h>

enum {
    BOOL = 16, BYTEA = 17, CHAR = 18, NAME = 19, INT8 = 20, INT2 = 21, INT4 = 23, TEXT = 25, JSON = 114, FLOAT4 = 700,
    FLOAT8 = 701, UNKNOWN = 705, BPCHAR = 1042, VARCHAR = 1043, DATE = 1082, TIME = 1083, TIMESTAMP = 1114,
    TIMESTAMPTZ = 1184, INTERVAL = 1186, NUMERIC = 1700
};

static const struct { uint32_t array, item; } ARRAYS[] = {
    {1000, BOOL}, {1001, BYTEA}, {1002, CHAR}, {1003, NAME}, {1005, INT2}, {1007, INT4}, {1009, TEXT}, {1014, BPCHAR},
    {1015, VARCHAR}, {1016, INT8}, {1021, FLOAT4}, {1022, FLOAT8}, {199, JSON}, {1115, TIMESTAMP}, {1182, DATE},
    {1183, TIME}, {1185, TIMESTAMPTZ}, {1187, INTERVAL}, {1231, NUMERIC},
};

static const int64_t EPOCH_DAYS = 10957, EPOCH_MICROSECONDS = 946684800000000LL; /* from 1970 to 2000 */
static const int64_t FIRST_DAY = -2440588, FIRST_MOMENT = -210866803200000000LL; /* 4714-11-24 BC */
static const int64_t LAST_MOMENT = INT64_MAX - 1; /* one more is DuckDB's infinity */
static const int64_t DAY = 86400000000LL;

uint32_t binary_item(uint32_t type) {
    for (size_t i = 0; i < sizeof ARRAYS / sizeof *ARRAYS; i++)
        if (ARRAYS[i].array == type) return ARRAYS[i].item;
    return 0;
}

static bool is_integer(uint32_t type) { return type == INT2 || type == INT4 || type == INT8; }

static bool is_text(uint32_t type) {
    return type == TEXT || type == VARCHAR || type == BPCHAR || type == NAME || type == CHAR || type == UNKNOWN
        || type == JSON;
}

bool binary_reads(const Column *column, uint32_t type) {
    switch (column->kind) {
    case KIND_BOOL: return type == BOOL;
    case KIND_INT: return is_integer(type) || is_text(type); /* text: how the server types a bare NULL */
    case KIND_DECIMAL: return type == NUMERIC || is_integer(type);
    case KIND_FLOAT: return type == FLOAT4 || type == FLOAT8;
    case KIND_DATE: return type == DATE;
    case KIND_TIME: return type == TIME;
    case KIND_TIMESTAMP: return type == TIMESTAMP || type == TIMESTAMPTZ;
    case KIND_INTERVAL: return type == INTERVAL;
    case KIND_TEXT: return is_text(type);
    case KIND_BINARY: return type == BYTEA;
    case KIND_LIST: return binary_item(type) != 0 && binary_reads(column->item, binary_item(type));
    }
    return false;
}

/* ---------------------------------------------------------------- numbers in network order */

static uint16_t big16(const uint8_t *data) { return (uint16_t)(data[0] << 8 | data[1]); }
static uint32_t big32(const uint8_t *data) {
    uint32_t value;
    memcpy(&value, data, 4);
    return __builtin_bswap32(value);
}
static uint64_t big64(const uint8_t *data) {
    uint64_t value;
    memcpy(&value, data, 8);
    return __builtin_bswap64(value);
}

static Status integer(uint32_t type, const uint8_t *data, size_t size, int64_t *value) {
    if (type == INT2 && size == 2) *value = (int16_t)big16(data);
    else if (type == INT4 && size == 4) *value = (int32_t)big32(data);
    else if (type == INT8 && size == 8) *value = (int64_t)big64(data);
    else return MALFORMED;
    return OK;
}

/* Digits to the base of 10,000, the first of weight 10,000^weight; https://git.postgresql.org: numeric_send. */
static Status numeric(const uint8_t *data, size_t size, int scale, int128 *value) {
    if (size < 8) return MALFORMED;
    int digits = big16(data), weight = (int16_t)big16(data + 2);
    uint16_t sign = big16(data + 4);
    if (sign != 0 && sign != 0x4000) return MISFIT; /* NaN and the infinities */
    if (size != 8 + 2 * (size_t)digits) return MALFORMED;
    static const unsigned tens[] = {1, 10, 100, 1000, 10000};
    uint128 sum = 0;
    /* The power of ten that one unit of the sum is worth; below -scale a digit is cut where it is 0. */
    int unit = 4 * weight;
    for (int i = 0; i < digits; i++, unit -= 4) {
        unsigned digit = big16(data + 8 + 2 * i);
        if (digit > 9999) return MALFORMED;
        int below = -(unit + scale); /* decimal digits of this one beyond the scale */
        if (below >= 4) {
            if (digit) return MISFIT;
            continue;
        }
        int kept = below > 0 ? 4 - below : 4;
        unsigned cut = tens[4 - kept];
        if (digit % cut) return MISFIT;
        if (!shifted(&sum, tens[kept], digit / cut)) return MISFIT;
    }
    /* What the digits do not say are zeros: down to the scale. */
    for (int left = unit + 4 + scale; left > 0 && sum; left--) {
        if (!shifted(&sum, 10, 0)) return MISFIT;
    }
    *value = sign ? -(int128)sum : (int128)sum;
    return OK;
}

static Status decimal(Column *column, uint32_t type, const uint8_t *data, size_t size) {
    int128 value;
    Status status;
    if (type == NUMERIC) {
        if ((status = numeric(data, size, column->scale, &value)) != OK) return status;
    } else {
        int64_t whole;
        if ((status = integer(type, data, size, &whole)) != OK) return status;
        value = whole;
        for (int i = 0; i < column->scale; i++)
            if (__builtin_mul_overflow(value, (int128)10, &value)) return MISFIT;
    }
    if (!decimal_fits(value, column->precision)) return MISFIT;
    return column_fixed(column, &value, 16) ? OK : NO_MEMORY;
}

static Status real(Column *column, uint32_t type, const uint8_t *data, size_t size) {
    double value;
    if (type == FLOAT4 && size == 4) {
        uint32_t bits = big32(data);
        float narrow;
        memcpy(&narrow, &bits, 4);
        if (column->width == 4) return column_fixed(column, &narrow, 4) ? OK : NO_MEMORY;
        value = narrow;
    } else if (type == FLOAT8 && size == 8) {
        uint64_t bits = big64(data);
        memcpy(&value, &bits, 8);
    } else {
        return MALFORMED;
    }
    if (column->width == 4) {
        float narrow = (float)value;
        return column_fixed(column, &narrow, 4) ? OK : NO_MEMORY;
    }
    return column_fixed(column, &value, 8) ? OK : NO_MEMORY;
}

/* ---------------------------------------------------------------- dates and times */

static Status moment(Column *column, const uint8_t *data, size_t size) {
    if (column->kind == KIND_DATE) {
        if (size != 4) return MALFORMED;
        int64_t days = (int64_t)(int32_t)big32(data) + EPOCH_DAYS;
        if (days < FIRST_DAY || days > INT32_MAX - 1) return MISFIT;
        int32_t value = (int32_t)days;
        return column_fixed(column, &value, 4) ? OK : NO_MEMORY;
    }
    if (size != 8) return MALFORMED;
    int64_t value = (int64_t)big64(data);
    if (column->kind == KIND_TIME) {
        if (value < 0 || value >= DAY) return MISFIT;
    } else if (__builtin_add_overflow(value, EPOCH_MICROSECONDS, &value) || value < FIRST_MOMENT || value > LAST_MOMENT) {
        return MISFIT;
    }
    return column_fixed(column, &value, 8) ? OK : NO_MEMORY;
}

static Status interval(Column *column, const uint8_t *data, size_t size) {
    struct { int32_t months, days; int64_t nanoseconds; } value;
    if (size != 16) return MALFORMED;
    if (__builtin_mul_overflow((int64_t)big64(data), (int64_t)1000, &value.nanoseconds)) return MISFIT;
    value.days = (int32_t)big32(data + 8);
    value.months = (int32_t)big32(data + 12);
    return column_fixed(column, &value, sizeof value) ? OK : NO_MEMORY;
}

/* Dimensions, whether NULLs are among the items, the items' type; for each dimension its length and lower bound. */
static Status list(Column *column, uint32_t type, const uint8_t *data, size_t size) {
    if (size < 12) return MALFORMED;
    uint32_t dimensions = big32(data), item = big32(data + 8);
    const uint8_t *end = data + size;
    if (dimensions == 0) return column_list(column) ? OK : NO_MEMORY;
    if (dimensions != 1 || size < 20 || item != binary_item(type)) return MALFORMED;
    uint32_t length = big32(data + 12);
    data += 20;
    for (uint32_t i = 0; i < length; i++) {
        if (end - data < 4) return MALFORMED;
        int32_t bytes = (int32_t)big32(data);
        data += 4;
        if (bytes < 0) {
            if (!column_null(column->item)) return NO_MEMORY;
            continue;
        }
        if (end - data < bytes) return MALFORMED;
        Status status = binary_value(column->item, item, data, (size_t)bytes);
        if (status == MISFIT) {
            column->misfit = data;
            column->misfit_size = (size_t)bytes;
        }
        if (status != OK) return status;
        data += bytes;
    }
    if (data != end) return MALFORMED;
    return column_list(column) ? OK : NO_MEMORY;
}

Status binary_value(Column *column, uint32_t type, const uint8_t *data, size_t size) {
    int64_t whole;
    Status status;
    switch (column->kind) {
    case KIND_BOOL:
        if (size != 1) return MALFORMED;
        return column_bool(column, *data != 0) ? OK : NO_MEMORY;
    case KIND_INT:
        if (is_text(type)) return text_value(column, data, size);
        if ((status = integer(type, data, size, &whole)) != OK) return status;
        if (!column_holds(column, whole)) return MISFIT;
        return column_integer(column, whole) ? OK : NO_MEMORY;
    case KIND_DECIMAL: return decimal(column, type, data, size);
    case KIND_FLOAT: return real(column, type, data, size);
    case KIND_DATE:
    case KIND_TIME:
    case KIND_TIMESTAMP: return moment(column, data, size);
    case KIND_INTERVAL: return interval(column, data, size);
    case KIND_TEXT:
        if (!utf8_valid(data, size)) return MALFORMED; /* the session speaks UTF-8 */
        return column_bytes(column, data, size) ? OK : NO_MEMORY;
    case KIND_BINARY: return column_bytes(column, data, size) ? OK : NO_MEMORY;
    case KIND_LIST: return list(column, type, data, size);
    }
    return MALFORMED;
}

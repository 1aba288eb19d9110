/* MySQL and MariaDB send every value of a text result as characters. */
#include "values.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Howard Hinnant's algorithm, of the proleptic Gregorian calendar: https://howardhinnant.github.io/date_algorithms.html */
int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

bool decimal_fits(int128 value, int precision) {
    uint128 bound = 1, size = value < 0 ? (uint128)0 - (uint128)value : (uint128)value;
    for (int i = 0; i < precision; i++) bound *= 10;
    return size < bound;
}

bool shifted(uint128 *sum, unsigned by, unsigned digit) {
    return !__builtin_mul_overflow(*sum, (uint128)by, sum) && !__builtin_add_overflow(*sum, (uint128)digit, sum)
        && *sum >> 127 == 0;
}

/* An optional sign, digits, and a fraction of which no more than `scale` digits are not zero. */
static Status scaled(const uint8_t *text, size_t size, int scale, int128 *value) {
    const uint8_t *end = text + size;
    bool negative = text < end && *text == '-';
    if (negative) text++;
    if (text == end) return MISFIT;
    uint128 sum = 0;
    bool digits = false;
    for (; text < end && *text >= '0' && *text <= '9'; text++) {
        if (!shifted(&sum, 10, *text - '0')) return MISFIT;
        digits = true;
    }
    int left = scale;
    if (text < end && *text == '.') {
        for (text++; text < end && *text >= '0' && *text <= '9'; text++) {
            digits = true;
            if (left == 0) {
                if (*text != '0') return MISFIT;
                continue;
            }
            if (!shifted(&sum, 10, *text - '0')) return MISFIT;
            left--;
        }
    }
    if (text != end || !digits) return MISFIT;
    for (; left > 0; left--) {
        if (!shifted(&sum, 10, 0)) return MISFIT;
    }
    *value = negative ? -(int128)sum : (int128)sum;
    return OK;
}

/* Exact in double arithmetic as long as the digits and the power of ten are: 53 bits, 10^22. */
static bool simple_double(const char *text, size_t size, double *value) {
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *end = text + size;
    bool negative = text < end && *text == '-';
    if (negative) text++;
    uint64_t sum = 0;
    int digits = 0, after = 0;
    bool point = false;
    for (; text < end; text++) {
        if (*text == '.' && !point) { point = true; continue; }
        if (*text < '0' || *text > '9' || digits >= 18) return false;
        sum = sum * 10 + (uint64_t)(*text - '0');
        digits++;
        after += point;
    }
    if (!digits || sum > (1ULL << 53) || after > 22) return false;
    *value = (double)sum / powers[after];
    if (negative) *value = -*value;
    return true;
}

static Status real(const uint8_t *text, size_t size, double *value) {
    if (simple_double((const char *)text, size, value)) return OK;
    char copy[512];
    if (size == 0 || size >= sizeof copy) return MISFIT;
    memcpy(copy, text, size);
    copy[size] = 0;
    if (strspn(copy, "0123456789+-.eE") != size) return MISFIT;
    char *end;
    *value = strtod(copy, &end); /* Python leaves LC_NUMERIC at "C" */
    return *end == 0 && isfinite(*value) ? OK : MISFIT;
}

static bool number(const uint8_t **text, const uint8_t *end, int digits, unsigned *value) {
    if (end - *text < digits) return false;
    *value = 0;
    for (int i = 0; i < digits; i++) {
        uint8_t digit = (uint8_t)(*(*text)++ - '0');
        if (digit > 9) return false;
        *value = *value * 10 + digit;
    }
    return true;
}

static bool literally(const uint8_t **text, const uint8_t *end, char wanted) {
    return *text < end && *(*text)++ == (uint8_t)wanted;
}

static bool date(const uint8_t **text, const uint8_t *end, int64_t *days) {
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    if (!number(text, end, 4, &year) || !literally(text, end, '-') || !number(text, end, 2, &month)
        || !literally(text, end, '-') || !number(text, end, 2, &day)) return false;
    if (month < 1 || month > 12 || day < 1) return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > lengths[month - 1] + (month == 2 && leap)) return false;
    *days = days_from_civil(year, month, day);
    return true;
}

/* HH:MM:SS with up to six digits of a second, within one day. */
static bool time_of_day(const uint8_t **text, const uint8_t *end, int64_t *microseconds) {
    unsigned hour, minute, second, fraction = 0;
    if (!number(text, end, 2, &hour) || !literally(text, end, ':') || !number(text, end, 2, &minute)
        || !literally(text, end, ':') || !number(text, end, 2, &second)) return false;
    if (hour > 23 || minute > 59 || second > 59) return false;
    if (*text < end) {
        if (!literally(text, end, '.')) return false;
        int digits = 0;
        for (; *text < end && digits < 6; digits++) {
            unsigned digit;
            if (!number(text, end, 1, &digit)) return false;
            fraction = fraction * 10 + digit;
        }
        if (!digits) return false;
        for (; digits < 6; digits++) fraction *= 10;
    }
    *microseconds = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000 + fraction;
    return *text == end;
}

static Status moment(Column *column, const uint8_t *text, size_t size) {
    const uint8_t *end = text + size;
    int64_t days = 0, within = 0;
    if (column->kind == KIND_TIME) {
        if (!time_of_day(&text, end, &within)) return MISFIT;
        return column_fixed(column, &within, 8) ? OK : NO_MEMORY;
    }
    if (!date(&text, end, &days)) return MISFIT;
    if (column->kind == KIND_DATE) {
        if (text != end) return MISFIT;
        int32_t value = (int32_t)days;
        return column_fixed(column, &value, 4) ? OK : NO_MEMORY;
    }
    if (text != end && (!literally(&text, end, ' ') || !time_of_day(&text, end, &within))) return MISFIT;
    int64_t value = days * 86400000000LL + within;
    return column_fixed(column, &value, 8) ? OK : NO_MEMORY;
}

Status text_value(Column *column, const uint8_t *text, size_t size) {
    int128 whole;
    double inexact;
    Status status;
    switch (column->kind) {
    case KIND_BOOL:
        if (size != 1 || (*text != '0' && *text != '1')) return MISFIT;
        return column_bool(column, *text == '1') ? OK : NO_MEMORY;
    case KIND_INT:
        if ((status = scaled(text, size, 0, &whole)) != OK) return status;
        if (!column_holds(column, whole)) return MISFIT;
        return column_integer(column, whole) ? OK : NO_MEMORY;
    case KIND_DECIMAL:
        if ((status = scaled(text, size, column->scale, &whole)) != OK) return status;
        if (!decimal_fits(whole, column->precision)) return MISFIT;
        return column_fixed(column, &whole, 16) ? OK : NO_MEMORY;
    case KIND_FLOAT:
        if ((status = real(text, size, &inexact)) != OK) return status;
        if (column->width == 4) {
            float narrow = (float)inexact;
            if (!isfinite(narrow)) return MISFIT;
            return column_fixed(column, &narrow, 4) ? OK : NO_MEMORY;
        }
        return column_fixed(column, &inexact, 8) ? OK : NO_MEMORY;
    case KIND_DATE:
    case KIND_TIME:
    case KIND_TIMESTAMP:
        return moment(column, text, size);
    case KIND_TEXT:
        if (!utf8_valid(text, size)) return MISFIT;
        return column_bytes(column, text, size) ? OK : NO_MEMORY;
    case KIND_BINARY:
        return column_bytes(column, text, size) ? OK : NO_MEMORY;
    default:
        return MALFORMED; /* no column of a MySQL source is announced as a list or an interval */
    }
}

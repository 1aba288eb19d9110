/* One value as a source sends it -> one row of a column. */
#ifndef WATERSMEET_VALUES_H
#define WATERSMEET_VALUES_H

#include "columns.h"

/* A value of MySQL's text protocol. */
Status text_value(Column *column, const uint8_t *text, size_t size);

/* A value of PostgreSQL's binary format; `type` is the oid of its type. */
Status binary_value(Column *column, uint32_t type, const uint8_t *data, size_t size);

/* The oid of an array type's items; 0 for other types. */
uint32_t binary_item(uint32_t type);

/* Whether values of a PostgreSQL type can be read into a column. */
bool binary_reads(const Column *column, uint32_t type);

int64_t days_from_civil(int64_t year, unsigned month, unsigned day);
/* sum * by + digit, as long as that stays below 2^127. */
bool shifted(uint128 *sum, unsigned by, unsigned digit);
bool decimal_fits(int128 value, int precision);

#endif

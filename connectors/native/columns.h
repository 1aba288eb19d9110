/* Columns of Arrow data that grow row by row, and their way out through the Arrow C data interface.

   Nothing here knows Python: decoding runs without the interpreter lock. */
#ifndef WATERSMEET_COLUMNS_H
#define WATERSMEET_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef __int128 int128;
typedef unsigned __int128 uint128;

/* https://arrow.apache.org/docs/format/CDataInterface.html */
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

typedef enum {
    KIND_BOOL, KIND_INT, KIND_DECIMAL, KIND_FLOAT, KIND_DATE, KIND_TIME, KIND_TIMESTAMP, KIND_INTERVAL,
    KIND_TEXT, KIND_BINARY, KIND_LIST
} Kind;

typedef enum {
    OK = 0,
    MISFIT,     /* the value has no place in the announced type */
    MALFORMED,  /* what came does not follow the protocol */
    NO_MEMORY
} Status;

typedef struct { uint8_t *data; size_t size, capacity; } Buffer;

typedef struct Column {
    Kind kind;
    int width;          /* bytes of a number */
    bool is_signed;
    int precision, scale;
    int64_t rows, nulls;
    Buffer validity, values, offsets;
    struct Column *item; /* of a list */
    /* of a list whose item had no place: that item */
    const uint8_t *misfit;
    size_t misfit_size;
} Column;

/* Read a column's Arrow format ("i", "d:12,2", "tsu", "+l" and the item's …); false for one that is not known here. */
bool column_init(Column *column, const char *format);
void column_free(Column *column);

bool buffer_reserve(Buffer *buffer, size_t more);
bool column_null(Column *column);
bool column_bool(Column *column, bool value);
bool column_fixed(Column *column, const void *value, size_t width);
bool column_bytes(Column *column, const uint8_t *data, size_t size);
bool column_list(Column *column); /* one list that ends at the item's last row */

/* Whether an integer has a place in a column's width. */
bool column_holds(const Column *column, int128 value);
bool column_integer(Column *column, int128 value);

/* Move the rows of the columns into a struct array; the columns are empty afterwards. */
bool columns_take(Column *columns, int count, int64_t rows, struct ArrowArray *out);

bool utf8_valid(const uint8_t *text, size_t size);

#endif

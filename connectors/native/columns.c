#include "columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool buffer_reserve(Buffer *buffer, size_t more) {
    if (more > SIZE_MAX / 4 - buffer->size) return false;
    size_t wanted = buffer->size + more;
    if (wanted <= buffer->capacity) return true;
    size_t capacity = buffer->capacity ? buffer->capacity : 1024;
    while (capacity < wanted) capacity *= 2;
    uint8_t *data = realloc(buffer->data, capacity);
    if (!data) return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

static void buffer_free(Buffer *buffer) {
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

static bool has_offsets(const Column *column) {
    return column->kind == KIND_TEXT || column->kind == KIND_BINARY || column->kind == KIND_LIST;
}

/* ---------------------------------------------------------------- formats */

static bool integer_format(Column *column, char format) {
    static const char signed_[] = "csil", unsigned_[] = "CSIL";
    const char *at = strchr(signed_, format);
    column->is_signed = at != NULL;
    if (!at) at = strchr(unsigned_, format);
    if (!at) return false;
    column->kind = KIND_INT;
    column->width = 1 << (at - (column->is_signed ? signed_ : unsigned_));
    return true;
}

bool column_init(Column *column, const char *format) {
    memset(column, 0, sizeof *column);
    column->is_signed = true;
    if (!strcmp(format, "b")) { column->kind = KIND_BOOL; return true; }
    if (!strcmp(format, "f")) { column->kind = KIND_FLOAT; column->width = 4; return true; }
    if (!strcmp(format, "g")) { column->kind = KIND_FLOAT; column->width = 8; return true; }
    if (!strcmp(format, "u")) { column->kind = KIND_TEXT; return true; }
    if (!strcmp(format, "z")) { column->kind = KIND_BINARY; return true; }
    if (!strcmp(format, "tdD")) { column->kind = KIND_DATE; column->width = 4; return true; }
    if (!strcmp(format, "ttu")) { column->kind = KIND_TIME; column->width = 8; return true; }
    if (!strncmp(format, "tsu:", 4)) { column->kind = KIND_TIMESTAMP; column->width = 8; return true; }
    if (!strcmp(format, "tin")) { column->kind = KIND_INTERVAL; column->width = 16; return true; }
    if (!strncmp(format, "d:", 2)) {
        column->kind = KIND_DECIMAL;
        column->width = 16;
        return sscanf(format, "d:%d,%d", &column->precision, &column->scale) == 2 && column->precision >= 1
            && column->precision <= 38 && column->scale >= 0 && column->scale <= column->precision;
    }
    if (!strncmp(format, "+l", 2)) {
        column->kind = KIND_LIST;
        column->item = calloc(1, sizeof *column->item);
        return column->item && column_init(column->item, format + 2) && column->item->kind != KIND_LIST;
    }
    return format[0] && !format[1] && integer_format(column, format[0]);
}

void column_free(Column *column) {
    buffer_free(&column->validity);
    buffer_free(&column->values);
    buffer_free(&column->offsets);
    if (column->item) {
        column_free(column->item);
        free(column->item);
        column->item = NULL;
    }
}

/* ---------------------------------------------------------------- rows */

/* Room for a row: its validity bit, cleared, and its end, still that of the row before. */
static bool row_begin(Column *column) {
    if ((column->rows & 7) == 0) {
        if (!buffer_reserve(&column->validity, 1)) return false;
        column->validity.data[column->validity.size++] = 0;
    }
    if (has_offsets(column)) {
        if (!buffer_reserve(&column->offsets, 8)) return false;
        if (column->rows == 0) {
            memset(column->offsets.data, 0, 4);
            column->offsets.size = 4;
        }
    }
    return true;
}

static void row_valid(Column *column) {
    column->validity.data[column->rows >> 3] |= (uint8_t)(1u << (column->rows & 7));
}

static bool row_end_offset(Column *column, size_t end) {
    if (end > INT32_MAX) return false;
    int32_t offset = (int32_t)end;
    memcpy(column->offsets.data + column->offsets.size, &offset, 4);
    column->offsets.size += 4;
    column->rows++;
    return true;
}

bool column_null(Column *column) {
    if (!row_begin(column)) return false;
    column->nulls++;
    if (column->kind == KIND_LIST) return row_end_offset(column, (size_t)column->item->rows);
    if (has_offsets(column)) return row_end_offset(column, column->values.size);
    size_t width = (size_t)column->width;
    if (column->kind == KIND_BOOL) {
        if ((column->rows & 7) == 0) {
            if (!buffer_reserve(&column->values, 1)) return false;
            column->values.data[column->values.size++] = 0;
        }
    } else {
        if (!buffer_reserve(&column->values, width)) return false;
        memset(column->values.data + column->values.size, 0, width);
        column->values.size += width;
    }
    column->rows++;
    return true;
}

bool column_bool(Column *column, bool value) {
    if (!row_begin(column)) return false;
    if ((column->rows & 7) == 0) {
        if (!buffer_reserve(&column->values, 1)) return false;
        column->values.data[column->values.size++] = 0;
    }
    if (value) column->values.data[column->rows >> 3] |= (uint8_t)(1u << (column->rows & 7));
    row_valid(column);
    column->rows++;
    return true;
}

bool column_fixed(Column *column, const void *value, size_t width) {
    if (!row_begin(column) || !buffer_reserve(&column->values, width)) return false;
    memcpy(column->values.data + column->values.size, value, width);
    column->values.size += width;
    row_valid(column);
    column->rows++;
    return true;
}

bool column_bytes(Column *column, const uint8_t *data, size_t size) {
    if (!row_begin(column) || !buffer_reserve(&column->values, size)) return false;
    if (size) memcpy(column->values.data + column->values.size, data, size);
    column->values.size += size;
    row_valid(column);
    return row_end_offset(column, column->values.size);
}

bool column_list(Column *column) {
    if (!row_begin(column)) return false;
    row_valid(column);
    return row_end_offset(column, (size_t)column->item->rows);
}

bool column_holds(const Column *column, int128 value) {
    int bits = column->width * 8;
    if (column->is_signed) {
        int128 half = (int128)1 << (bits - 1);
        return value >= -half && value < half;
    }
    return value >= 0 && value < (int128)1 << bits;
}

bool column_integer(Column *column, int128 value) {
    uint64_t low = (uint64_t)value; /* little-endian: the low bytes come first */
    return column_fixed(column, &low, (size_t)column->width);
}

/* ---------------------------------------------------------------- the way out */

typedef struct { const void *buffers[3]; struct ArrowArray **children; int64_t count; } Owned;

static void release(struct ArrowArray *array) {
    Owned *owned = array->private_data;
    for (int i = 0; i < 3; i++) free((void *)owned->buffers[i]);
    for (int64_t i = 0; i < owned->count; i++) {
        if (owned->children[i]) {
            if (owned->children[i]->release) owned->children[i]->release(owned->children[i]);
            free(owned->children[i]);
        }
    }
    free(owned->children);
    free(owned);
    array->release = NULL;
}

static bool array_init(struct ArrowArray *out, int64_t length, int64_t children) {
    memset(out, 0, sizeof *out);
    Owned *owned = calloc(1, sizeof *owned);
    if (!owned) return false;
    if (children) {
        owned->children = calloc((size_t)children, sizeof *owned->children);
        if (!owned->children) { free(owned); return false; }
    }
    owned->count = children;
    out->length = length;
    out->buffers = owned->buffers;
    out->children = owned->children;
    out->n_children = children;
    out->private_data = owned;
    out->release = release;
    return true;
}

/* Arrow wants a buffer where there are values, even of no bytes. */
static const void *give(Buffer *buffer, bool needed) {
    if (needed && !buffer->data) buffer_reserve(buffer, 8);
    const void *data = buffer->data;
    memset(buffer, 0, sizeof *buffer);
    return data;
}

static bool column_take(Column *column, struct ArrowArray *out) {
    if (!array_init(out, column->rows, column->kind == KIND_LIST)) return false;
    Owned *owned = out->private_data;
    out->null_count = column->nulls;
    if (column->nulls) owned->buffers[0] = give(&column->validity, true);
    else { column->validity.size = 0; }
    if (has_offsets(column)) {
        if (column->rows == 0 && buffer_reserve(&column->offsets, 4)) memset(column->offsets.data, 0, 4);
        owned->buffers[1] = give(&column->offsets, true);
        out->n_buffers = 2;
        if (column->kind != KIND_LIST) {
            owned->buffers[2] = give(&column->values, true);
            out->n_buffers = 3;
        }
    } else {
        owned->buffers[1] = give(&column->values, true);
        out->n_buffers = 2;
    }
    column->rows = column->nulls = 0;
    if (column->kind == KIND_LIST) {
        owned->children[0] = calloc(1, sizeof(struct ArrowArray));
        return owned->children[0] && column_take(column->item, owned->children[0]);
    }
    return true;
}

bool columns_take(Column *columns, int count, int64_t rows, struct ArrowArray *out) {
    if (!array_init(out, rows, count)) return false;
    Owned *owned = out->private_data;
    out->n_buffers = 1;
    for (int i = 0; i < count; i++) {
        owned->children[i] = calloc(1, sizeof(struct ArrowArray));
        if (!owned->children[i] || !column_take(&columns[i], owned->children[i])) {
            out->release(out);
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- text */

bool utf8_valid(const uint8_t *text, size_t size) {
    size_t at = 0;
    while (at < size) {
        uint64_t word;
        while (at + 8 <= size && (memcpy(&word, text + at, 8), (word & 0x8080808080808080ULL) == 0)) at += 8;
        if (at >= size) break;
        uint8_t lead = text[at];
        if (lead < 0x80) { at++; continue; }
        size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || size - at <= more) return false;
        uint8_t second = text[at + 1];
        if ((second & 0xC0) != 0x80 || (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)
            || (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return false;
        for (size_t i = 2; i <= more; i++)
            if ((text[at + i] & 0xC0) != 0x80) return false;
        at += more + 1;
    }
    return true;
}

#include "decoder.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

#define MOST 0xFFFFFFu /* a packet of this length goes on in the next one */

static Fed failed(Status status) { return status == NO_MEMORY ? FEED_NO_MEMORY : FEED_MALFORMED; }

static Fed misfit(Decoder *decoder, int column, const uint8_t *data, size_t size) {
    const Column *own = &decoder->columns[column];
    bool inside = own->kind == KIND_LIST;
    uint32_t type = decoder->types[column];
    decoder->misfit_column = column;
    decoder->misfit_type = inside ? binary_item(type) : type;
    decoder->misfit = inside ? own->misfit : data;
    decoder->misfit_size = inside ? own->misfit_size : size;
    return FEED_MISFIT;
}

/* ---------------------------------------------------------------- MySQL
   https://mariadb.com/kb/en/result-set-packets/#resultset-row: values with their lengths before them. */

static Fed mysql_row(Decoder *decoder, const uint8_t *data, size_t size) {
    const uint8_t *end = data + size;
    for (int i = 0; i < decoder->count; i++) {
        if (data == end) return FEED_MALFORMED;
        uint64_t length = *data++;
        if (length == 0xFB) {
            if (!column_null(&decoder->columns[i])) return FEED_NO_MEMORY;
            continue;
        }
        if (length > 0xFB) {
            int bytes = length == 0xFC ? 2 : length == 0xFD ? 3 : length == 0xFE ? 8 : 0;
            if (bytes == 0 || end - data < bytes) return FEED_MALFORMED;
            length = 0;
            for (int j = 0; j < bytes; j++) length |= (uint64_t)data[j] << (8 * j);
            data += bytes;
        }
        if ((uint64_t)(end - data) < length) return FEED_MALFORMED;
        Status status = text_value(&decoder->columns[i], data, (size_t)length);
        if (status == MISFIT) return misfit(decoder, i, data, (size_t)length);
        if (status != OK) return failed(status);
        data += length;
    }
    return data == end ? FEED_MORE : FEED_MALFORMED;
}

/* The next packet, joined if it spans several; its size, or -1 if it is not whole yet, -2 without memory. */
static int64_t mysql_packet(Decoder *decoder, const uint8_t **payload, size_t *consumed) {
    const uint8_t *data = decoder->bytes.data + decoder->at;
    size_t left = decoder->bytes.size - decoder->at, at = 0;
    uint32_t length;
    decoder->joined.size = 0;
    do {
        if (left - at < 4) return -1;
        length = data[at] | (uint32_t)data[at + 1] << 8 | (uint32_t)data[at + 2] << 16;
        if (left - at - 4 < length) return -1;
        if (at == 0 && length < MOST) {
            *payload = data + 4;
            *consumed = 4 + length;
            return length;
        }
        at += 4 + length;
    } while (length == MOST);
    /* All parts are there: only now are they put together. */
    for (size_t from = 0; from < at; from += 4 + length) {
        length = data[from] | (uint32_t)data[from + 1] << 8 | (uint32_t)data[from + 2] << 16;
        if (!buffer_reserve(&decoder->joined, length)) return -2;
        memcpy(decoder->joined.data + decoder->joined.size, data + from + 4, length);
        decoder->joined.size += length;
    }
    *payload = decoder->joined.data;
    *consumed = at;
    return (int64_t)decoder->joined.size;
}

static Fed mysql_feed(Decoder *decoder) {
    for (;;) {
        const uint8_t *payload;
        size_t consumed;
        int64_t size = mysql_packet(decoder, &payload, &consumed);
        if (size == -1) return FEED_MORE;
        if (size == -2) return FEED_NO_MEMORY;
        if (size == 0) return FEED_MALFORMED;
        decoder->at += consumed;
        if (payload[0] == 0xFF || (payload[0] == 0xFE && size < 9)) {
            decoder->message_type = payload[0];
            decoder->message = payload;
            decoder->message_size = (size_t)size;
            return FEED_MESSAGE;
        }
        if (decoder->discarding) continue;
        Fed fed = mysql_row(decoder, payload, (size_t)size);
        if (fed != FEED_MORE) return fed;
        decoder->rows++;
        decoder->size += (size_t)size;
    }
}

/* ---------------------------------------------------------------- PostgreSQL
   https://www.postgresql.org/docs/current/protocol-message-formats.html, DataRow: values with their lengths before them. */

static uint32_t big32(const uint8_t *data) {
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static Fed postgres_row(Decoder *decoder, const uint8_t *data, size_t size) {
    const uint8_t *end = data + size;
    if (size < 2 || (data[0] << 8 | data[1]) != decoder->count) return FEED_MALFORMED;
    data += 2;
    for (int i = 0; i < decoder->count; i++) {
        if (end - data < 4) return FEED_MALFORMED;
        int32_t length = (int32_t)big32(data);
        data += 4;
        if (length < 0) {
            if (!column_null(&decoder->columns[i])) return FEED_NO_MEMORY;
            continue;
        }
        if (end - data < length) return FEED_MALFORMED;
        Status status = binary_value(&decoder->columns[i], decoder->types[i], data, (size_t)length);
        if (status == MISFIT) return misfit(decoder, i, data, (size_t)length);
        if (status != OK) return failed(status);
        data += length;
    }
    return data == end ? FEED_MORE : FEED_MALFORMED;
}

static Fed postgres_feed(Decoder *decoder) {
    for (;;) {
        const uint8_t *data = decoder->bytes.data + decoder->at;
        size_t left = decoder->bytes.size - decoder->at;
        if (left < 5) return FEED_MORE;
        uint32_t length = big32(data + 1);
        if (length < 4 || length > INT32_MAX) return FEED_MALFORMED;
        if (left - 1 < length) return FEED_MORE;
        decoder->at += 1 + (size_t)length;
        if (data[0] != 'D') {
            decoder->message_type = data[0];
            decoder->message = data + 5;
            decoder->message_size = length - 4;
            return FEED_MESSAGE;
        }
        if (decoder->discarding) continue;
        Fed fed = postgres_row(decoder, data + 5, length - 4);
        if (fed != FEED_MORE) return fed;
        decoder->rows++;
        decoder->size += length - 4;
    }
}

/* ---------------------------------------------------------------- both */

Fed decoder_feed(Decoder *decoder, const uint8_t *data, size_t size) {
    Buffer *bytes = &decoder->bytes;
    if (decoder->at) {
        memmove(bytes->data, bytes->data + decoder->at, bytes->size - decoder->at);
        bytes->size -= decoder->at;
        decoder->at = 0;
    }
    if (size) {
        if (!buffer_reserve(bytes, size)) return FEED_NO_MEMORY;
        memcpy(bytes->data + bytes->size, data, size);
        bytes->size += size;
    }
    return decoder->protocol == MYSQL ? mysql_feed(decoder) : postgres_feed(decoder);
}

void decoder_free(Decoder *decoder) {
    for (int i = 0; i < decoder->count; i++) column_free(&decoder->columns[i]);
    free(decoder->columns);
    free(decoder->types);
    free(decoder->bytes.data);
    free(decoder->joined.data);
    memset(decoder, 0, sizeof *decoder);
}

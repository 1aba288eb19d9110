/* A stream of bytes from a server -> rows in columns, as many as are whole. */
#ifndef WATERSMEET_DECODER_H
#define WATERSMEET_DECODER_H

#include "columns.h"

typedef enum { MYSQL, POSTGRES } Protocol;

typedef struct {
    Protocol protocol;
    int count;
    Column *columns;
    uint32_t *types;     /* PostgreSQL: the oids of the columns' types */
    int64_t rows;
    size_t size;         /* bytes of the rows that stand in the columns */
    Buffer bytes;        /* what is not decoded yet */
    size_t at;           /* where that begins in `bytes` */
    Buffer joined;       /* MySQL: a row that spans packets */
    bool discarding;     /* rows are passed over */
    /* What feed() stopped at: a message that is no row, or a value. */
    uint8_t message_type;
    const uint8_t *message;
    size_t message_size;
    int misfit_column;
    uint32_t misfit_type;
    const uint8_t *misfit;
    size_t misfit_size;
} Decoder;

typedef enum { FEED_MORE, FEED_MESSAGE, FEED_MISFIT, FEED_MALFORMED, FEED_NO_MEMORY } Fed;

/* Take what is new and decode all whole rows, up to the first message that is none. */
Fed decoder_feed(Decoder *decoder, const uint8_t *data, size_t size);
void decoder_free(Decoder *decoder);

#endif

/* writer.h — writes protobuf from its end to its start, so that a message's length is known when it
 * is written.
 *
 * What stands last is put first: a caller writes the fields of a message in reverse and then closes
 * it with its mark. */
#ifndef XI_EXPORT_WRITER_H
#define XI_EXPORT_WRITER_H

#include "base/arena.h"
#include "base/file.h"
#include "base/string.h"

typedef struct xi_writer {
    xinf_allocator alloc;
    xi_arena arena; /* of the chunks */
    uint8_t *chunk;
    size_t start, end;     /* chunk[start … end) is written; new bytes go before start */
    xi_file_piece *pieces; /* last first */
    size_t count, capacity;
    uint64_t total; /* bytes written so far */
    bool failed;    /* memory has ended: stays set */
} xi_writer;

void xi_writer_init(xi_writer *w, const xinf_allocator *alloc);
void xi_writer_free(xi_writer *w);
/* Turns the pieces into file order; nothing may be written after it. */
void xi_writer_finish(xi_writer *w);

/* Bytes as they are: copied, or kept as a view that must live until the file is written. */
void xi_writer_copy(xi_writer *w, const void *bytes, size_t size);
void xi_writer_view(xi_writer *w, const void *bytes, size_t size);

/* Fields. */
void xi_writer_int(xi_writer *w, uint32_t field, int64_t value);
void xi_writer_float(xi_writer *w, uint32_t field, float value);
void xi_writer_bytes(xi_writer *w, uint32_t field, xi_str bytes);
void xi_writer_text(xi_writer *w, uint32_t field, const char *text);
/* Long contents, not copied. */
void xi_writer_payload(xi_writer *w, uint32_t field, const void *bytes, size_t size);
/* Length and number before all that was written since `mark`, a value of w->total. */
void xi_writer_close(xi_writer *w, uint32_t field, uint64_t mark);

#endif

#include "export/writer.h"

#include "base/allocator.h"

#define WRITER_CHUNK ((size_t)64 * 1024)

void xi_writer_init(xi_writer *w, const xinf_allocator *alloc)
{
    *w = (xi_writer){.alloc = *alloc};
    xi_arena_init(&w->arena, alloc, 0);
}

void xi_writer_free(xi_writer *w)
{
    xi_free(&w->alloc, w->pieces, w->capacity * sizeof *w->pieces);
    xi_arena_reset(&w->arena);
}

static void writer_piece(xi_writer *w, const void *data, size_t size)
{
    if (w->failed || size == 0) return;
    if (!xi_grow(&w->alloc, (void **)&w->pieces, &w->capacity, w->count + 1, sizeof *w->pieces)) {
        w->failed = true;
        return;
    }
    w->pieces[w->count++] = (xi_file_piece){data, size};
}

static void writer_flush(xi_writer *w)
{
    writer_piece(w, w->chunk + w->start, w->end - w->start);
    w->end = w->start;
}

void xi_writer_finish(xi_writer *w)
{
    if (w->chunk) writer_flush(w);
    for (size_t i = 0; i < w->count / 2; i++) {
        xi_file_piece swap = w->pieces[i];
        w->pieces[i] = w->pieces[w->count - 1 - i];
        w->pieces[w->count - 1 - i] = swap;
    }
}

void xi_writer_copy(xi_writer *w, const void *bytes, size_t size)
{
    if (w->failed || size == 0) return;
    if (size > w->start) {
        size_t room = size > WRITER_CHUNK ? size : WRITER_CHUNK;
        if (w->chunk) writer_flush(w);
        w->chunk = xi_arena_alloc(&w->arena, room);
        w->start = w->end = room;
        if (!w->chunk) {
            w->failed = true;
            return;
        }
    }
    w->start -= size;
    memcpy(w->chunk + w->start, bytes, size);
    w->total += size;
}

void xi_writer_view(xi_writer *w, const void *bytes, size_t size)
{
    if (w->failed || size == 0) return;
    if (w->chunk) writer_flush(w);
    writer_piece(w, bytes, size);
    w->total += size;
}

static void writer_varint(xi_writer *w, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;
    for (; value > 127; value >>= 7) bytes[size++] = (uint8_t)(value | 128);
    bytes[size++] = (uint8_t)value;
    xi_writer_copy(w, bytes, size);
}

void xi_writer_int(xi_writer *w, uint32_t field, int64_t value)
{
    writer_varint(w, (uint64_t)value);
    writer_varint(w, field << 3);
}

void xi_writer_float(xi_writer *w, uint32_t field, float value)
{
    xi_writer_copy(w, &value, sizeof value);
    writer_varint(w, field << 3 | 5);
}

void xi_writer_bytes(xi_writer *w, uint32_t field, xi_str bytes)
{
    xi_writer_copy(w, bytes.ptr, bytes.len);
    writer_varint(w, bytes.len);
    writer_varint(w, field << 3 | 2);
}

void xi_writer_text(xi_writer *w, uint32_t field, const char *text)
{
    xi_writer_bytes(w, field, xi_str_of(text));
}

void xi_writer_payload(xi_writer *w, uint32_t field, const void *bytes, size_t size)
{
    xi_writer_view(w, bytes, size);
    writer_varint(w, size);
    writer_varint(w, field << 3 | 2);
}

void xi_writer_close(xi_writer *w, uint32_t field, uint64_t mark)
{
    writer_varint(w, w->total - mark);
    writer_varint(w, field << 3 | 2);
}

#undef WRITER_CHUNK

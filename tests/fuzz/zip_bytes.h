/* zip_bytes.h — a zip archive around bytes of a fuzzer, with the checksums that a reader asks for.
 */
#ifndef FUZZ_ZIP_BYTES_H
#define FUZZ_ZIP_BYTES_H

#include <string.h>

#include "load/crc.h"

typedef struct fuzz_zip {
    uint8_t *data;
    size_t size, directory_size, count;
    uint8_t directory[1024];
} fuzz_zip;

static inline void fuzz_put(uint8_t *at, size_t *size, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) at[(*size)++] = i < 8 ? (uint8_t)(v >> 8 * i) : 0;
}

/* data has room for it: 256 bytes beyond the contents for each. */
static inline void fuzz_add(fuzz_zip *z, const xi_crc *crc, const char *name, const void *data,
                            size_t size)
{
    uint8_t fields[26] = {20};
    size_t at = 10, offset = z->size, *end = &z->directory_size;
    fuzz_put(fields, &at, xi_crc_add(crc, 0, data, size), 4);
    fuzz_put(fields, &at, size, 4);
    fuzz_put(fields, &at, size, 4);
    fuzz_put(fields, &at, strlen(name), 2);
    fuzz_put(z->data, &z->size, 0x04034b50, 4);
    memcpy(z->data + z->size, fields, sizeof fields);
    memcpy(z->data + z->size + sizeof fields, name, strlen(name));
    z->size += sizeof fields + strlen(name);
    memcpy(z->data + z->size, data, size);
    z->size += size;
    fuzz_put(z->directory, end, 0x02014b50, 4);
    fuzz_put(z->directory, end, 20, 2);
    memcpy(z->directory + *end, fields, sizeof fields);
    *end += sizeof fields;
    fuzz_put(z->directory, end, 0, 10);
    fuzz_put(z->directory, end, offset, 4);
    memcpy(z->directory + *end, name, strlen(name));
    *end += strlen(name);
    z->count++;
}

/* Writes the directory: data[0 … size) is the archive then. */
static inline void fuzz_end(fuzz_zip *z)
{
    size_t start = z->size;
    memcpy(z->data + z->size, z->directory, z->directory_size);
    z->size += z->directory_size;
    fuzz_put(z->data, &z->size, 0x06054b50, 8);
    fuzz_put(z->data, &z->size, z->count | z->count << 16, 4);
    fuzz_put(z->data, &z->size, z->directory_size, 4);
    fuzz_put(z->data, &z->size, start, 4);
    fuzz_put(z->data, &z->size, 0, 2);
}

#endif

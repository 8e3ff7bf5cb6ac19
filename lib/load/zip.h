/* zip.h — reads a zip archive that lies in memory: stored and deflated entries, zip64.
 *
 * The central directory is believed only where the local headers say the same. Refused: entries
 * that overlap one another or the directory, names that climb or are absolute, names that occur
 * twice, encryption, archives in several parts, other packings. */
#ifndef XI_LOAD_ZIP_H
#define XI_LOAD_ZIP_H

#include "base/arena.h"
#include "base/string.h"
#include "load/crc.h"

typedef struct xi_zip_entry {
    xi_str name;          /* in the archive's bytes */
    const uint8_t *start; /* of its header */
    const uint8_t *packed;
    size_t packed_size, size;
    uint32_t crc;
    bool deflated;
} xi_zip_entry;

typedef struct xi_zip {
    const xi_zip_entry *entries; /* sorted by name, bytewise; in the arena */
    size_t count;
    const xi_crc *crc;
    xi_arena *arena;
} xi_zip;

/* Reads the directory of the archive in data[0..size), which outlives *out. Everything it makes
 * lives in `arena`. */
xinf_status xi_zip_open(xi_zip *out, xi_arena *arena, const uint8_t *data, size_t size,
                        xinf_error *err);
/* NULL when there is no such entry. */
const xi_zip_entry *xi_zip_find(const xi_zip *z, xi_str name);
/* The contents: a view of the archive when stored, unpacked into the arena when deflated; the
 * checksum must hold. */
xinf_status xi_zip_read(const uint8_t **out, const xi_zip *z, const xi_zip_entry *entry,
                        xinf_error *err);

#endif

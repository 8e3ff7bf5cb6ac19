/* crc.h — reflected 32-bit cyclic redundancy checks, eight bytes a step. */
#ifndef XI_LOAD_CRC_H
#define XI_LOAD_CRC_H

#include <stddef.h>
#include <stdint.h>

#define XI_CRC_ZIP 0xedb88320u /* zip, gzip, PNG */

typedef struct xi_crc {
    uint32_t table[8][256];
} xi_crc;

/* Tables for one polynomial (reflected). */
void xi_crc_init(xi_crc *c, uint32_t polynomial);
/* The checksum of bytes that follow those which gave `crc` (0: none before). */
uint32_t xi_crc_add(const xi_crc *c, uint32_t crc, const uint8_t *data, size_t size);

#endif

#include "load/crc.h"

#include <string.h>

void xi_crc_init(xi_crc *c, uint32_t polynomial)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t r = i;
        for (int bit = 0; bit < 8; bit++) r = r >> 1 ^ (polynomial & (0u - (r & 1)));
        c->table[0][i] = r;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++) {
            uint32_t before = c->table[k - 1][i];
            c->table[k][i] = before >> 8 ^ c->table[0][before & 0xff];
        }
}

uint32_t xi_crc_add(const xi_crc *c, uint32_t crc, const uint8_t *data, size_t size)
{
    const uint32_t(*t)[256] = c->table;
    uint32_t r = ~crc;
    for (; size >= 8; data += 8, size -= 8) {
        uint32_t a, b;
        memcpy(&a, data, 4);
        memcpy(&b, data + 4, 4);
        a ^= r;
        r = t[7][a & 0xff] ^ t[6][a >> 8 & 0xff] ^ t[5][a >> 16 & 0xff] ^ t[4][a >> 24] ^
            t[3][b & 0xff] ^ t[2][b >> 8 & 0xff] ^ t[1][b >> 16 & 0xff] ^ t[0][b >> 24];
    }
    for (; size; data++, size--) r = r >> 8 ^ t[0][(r ^ *data) & 0xff];
    return ~r;
}

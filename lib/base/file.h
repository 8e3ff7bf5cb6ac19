/* file.h — files as bytes: mapped where the system can, else read. One of the few files with OS
 * calls. */
#ifndef XI_BASE_FILE_H
#define XI_BASE_FILE_H

#include <stdbool.h>

#include "xinf.h"

/* Bytes of a file, of memory or of a source. `mapped`: pages belong to the file and can be dropped.
 */
typedef struct xi_file {
    xinf_allocator alloc;
    const uint8_t *data;
    size_t size;
    bool mapped, owned;
} xi_file;

/* Opens a regular file read-only. map=false reads it into memory of `alloc`.
 * The size is taken again after mapping; a file that shrank is refused. Refuses folders, pipes and
 * devices. */
xinf_status xi_file_open(xi_file *out, const xinf_allocator *alloc, const char *path, bool map,
                         xinf_error *err);
/* False for what is not there, too. */
bool xi_file_is_folder(const char *path);
/* Memory of the caller, borrowed. */
void xi_file_borrow(xi_file *out, const void *data, size_t size);
void xi_file_close(xi_file *f);
/* Lets the system take back the resident pages that lie wholly inside the range; contents stay
 * readable. No-op unless mapped. */
void xi_file_drop(const xi_file *f, size_t offset, size_t size);

/* Writes a whole file: a temporary beside it, then renamed over it. */
xinf_status xi_file_write(const char *path, const void *data, size_t size, xinf_error *err);

/* The same from pieces that stand one after another in the file. */
typedef struct xi_file_piece {
    const void *data;
    size_t size;
} xi_file_piece;
xinf_status xi_file_write_pieces(const char *path, const xi_file_piece *pieces, size_t count,
                                 xinf_error *err);

/* Opens `name` below folder `base` for external data: refuses absolute names, drive letters, NUL
 * bytes, empty components, "..", symbolic links on the last component, and anything that is not a
 * regular file. */
xinf_status xi_file_open_below(xi_file *out, const xinf_allocator *alloc, const char *base,
                               const char *name, size_t name_len, bool map, xinf_error *err);

/* Asks the system to back those huge pages that lie wholly inside a block of memory as such: fewer
 * page faults at first use, fewer misses of the address cache later. A wish, never an error. */
void xi_pages_huge(void *ptr, size_t size);

#endif

/* file.c — files and pages, over POSIX or Win32. */
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/allocator.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/string.h"
#include "base/thread.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#define FILE_PATH_BYTES 4096
/* One system call moves at most this much; some systems refuse 2 GiB and more. */
#define FILE_CHUNK ((size_t)1 << 30)
#define FILE_HUGE_PAGE ((size_t)2 << 20)

static const uint8_t file_no_bytes[1] = {0};

void xi_file_borrow(xi_file *out, const void *data, size_t size)
{
    memset(out, 0, sizeof *out);
    out->data = data ? data : file_no_bytes;
    out->size = size;
}

bool xi_file_is_folder(const char *path)
{
#if defined(_WIN32)
    DWORD attributes = GetFileAttributesA(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
#else
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
#endif
}

/* ---- names of external data
 * ------------------------------------------------------------------------------------------ */

static bool file_is_separator(char c)
{
#if defined(_WIN32)
    return c == '/' || c == '\\';
#else
    return c == '/';
#endif
}

/* What is wrong with one component, or NULL. */
static const char *file_component_fault(const char *s, size_t len)
{
    if (len == 0) return "has an empty component";
    if (len > 255) return "has a component of more than 255 bytes";
    if (len == 2 && s[0] == '.' && s[1] == '.') return "leaves its folder with \"..\"";
#if defined(_WIN32)
    /* Windows drops dots and spaces at the end, so that ".. " would be "..". */
    if (len > 1 && (s[len - 1] == '.' || s[len - 1] == ' '))
        return "has a component that ends in a dot or a space";
    if (memchr(s, ':', len)) return "names a stream of a file";
#endif
    return NULL;
}

/* What is wrong with the whole name, or NULL. */
static const char *file_name_fault(const char *name, size_t len)
{
    bool drive;
    if (len == 0) return "is empty";
    if (len >= FILE_PATH_BYTES) return "is too long";
    if (memchr(name, 0, len)) return "has a NUL byte";
    if (name[0] == '/' || name[0] == '\\') return "is absolute";
    drive = len > 1 && name[1] == ':' && ((name[0] | 32) >= 'a' && (name[0] | 32) <= 'z');
    if (drive) return "begins with a drive letter";
    for (size_t i = 0; i <= len;) {
        size_t n = 0;
        const char *fault;
        while (i + n < len && !file_is_separator(name[i + n])) n++;
        fault = file_component_fault(name + i, n);
        if (fault) return fault;
        i += n + 1;
    }
    return NULL;
}

#if !defined(_WIN32)
/* ---- POSIX
 * -----------------------------------------------------------------------------------------------------------
 */

static const char *file_error_text(int number)
{
    switch (number) {
    case ENOENT: return "no such file";
    case EACCES:
    case EPERM: return "permission denied";
    case EISDIR: return "it is a folder";
    case ENOTDIR: return "a component of the path is not a folder";
    case ELOOP: return "symbolic links are not followed here";
    case ENAMETOOLONG: return "the name is too long";
    case EMFILE:
    case ENFILE: return "too many open files";
    case ENOSPC:
    case EDQUOT: return "the disk is full";
    case EROFS: return "the file system is read-only";
    case EIO: return "the device failed";
    case EFBIG: return "the file is too large";
    default: return NULL;
    }
}

static xinf_status file_fail(xinf_error *err, const char *verb, xi_str path, int number)
{
    const char *text = file_error_text(number);
    if (text) return xi_fail(err, XINF_IO, "cannot %s \"%.*s\": %s", verb, XI_STR_ARG(path), text);
    return xi_fail(err, XINF_IO, "cannot %s \"%.*s\": system error %d", verb, XI_STR_ARG(path),
                   number);
}

/* The size of a regular file that fits the address space. */
static xinf_status file_size(size_t *out, int fd, xi_str path, xinf_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return file_fail(err, "open", path, errno);
    if (S_ISDIR(st.st_mode))
        return xi_fail(err, XINF_IO, "cannot open \"%.*s\": it is a folder", XI_STR_ARG(path));
    if (!S_ISREG(st.st_mode))
        return xi_fail(err, XINF_IO, "cannot open \"%.*s\": it is not a regular file",
                       XI_STR_ARG(path));
    if (st.st_size < 0 || (uint64_t)st.st_size > SIZE_MAX / 2)
        return xi_fail(err, XINF_IO, "\"%.*s\" is too large for this machine's address space",
                       XI_STR_ARG(path));
    *out = (size_t)st.st_size;
    return XINF_OK;
}

static xinf_status file_read_all(int fd, uint8_t *data, size_t size, xi_str path, xinf_error *err)
{
    size_t done = 0;
    while (done < size) {
        size_t want = size - done < FILE_CHUNK ? size - done : FILE_CHUNK;
        ssize_t n = read(fd, data + done, want);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return file_fail(err, "read", path, errno);
        if (n == 0)
            return xi_fail(err, XINF_IO, "\"%.*s\" became shorter while it was read",
                           XI_STR_ARG(path));
        done += (size_t)n;
    }
    return XINF_OK;
}

/* Maps; *out stays unmapped when the system cannot map this file. */
static xinf_status file_map(xi_file *out, int fd, size_t size, xi_str path, xinf_error *err)
{
    size_t now = 0;
    xinf_status status;
    void *pages = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (pages == MAP_FAILED) return XINF_OK;
    /* Touching a page behind the end of a shorter file would kill the process. */
    status = file_size(&now, fd, path, err);
    if (status == XINF_OK && now < size)
        status = xi_fail(err, XINF_IO, "\"%.*s\" became shorter while it was opened",
                         XI_STR_ARG(path));
    if (status != XINF_OK) {
        munmap(pages, size);
        return status;
    }
    out->data = pages;
    out->mapped = true;
    return XINF_OK;
}

/* Fills *out from an open file, which stays the caller's to close. */
static xinf_status file_take(xi_file *out, const xinf_allocator *alloc, int fd, bool map,
                             xi_str path, xinf_error *err)
{
    xinf_status status;
    uint8_t *copy = NULL;
    size_t size = 0;
    XI_TRY(file_size(&size, fd, path, err));
    out->size = size;
    if (size == 0) {
        out->data = file_no_bytes;
        return XINF_OK;
    }
    if (map) XI_TRY(file_map(out, fd, size, path, err));
    if (out->mapped) return XINF_OK;
    copy = xi_alloc(alloc, size);
    if (!copy) {
        status = xi_fail_memory(err, size);
        goto cleanup;
    }
    XI_TRY(file_read_all(fd, copy, size, path, err));
    out->data = copy;
    out->owned = true;
    return XINF_OK;
cleanup:
    xi_free(alloc, copy, size);
    memset(out, 0, sizeof *out);
    return status;
}

xinf_status xi_file_open(xi_file *out, const xinf_allocator *alloc, const char *path, bool map,
                         xinf_error *err)
{
    xinf_status status;
    int fd;
    memset(out, 0, sizeof *out);
    out->alloc = alloc ? *alloc : xi_allocator_default();
    /* O_NONBLOCK: opening a pipe must not wait for its writer. */
    do fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return file_fail(err, "open", xi_str_of(path), errno);
    status = file_take(out, alloc, fd, map, xi_str_of(path), err);
    close(fd);
    return status;
}

void xi_file_close(xi_file *f)
{
    if (f->mapped) munmap((void *)(uintptr_t)f->data, f->size);
    if (f->owned) xi_free(&f->alloc, (void *)(uintptr_t)f->data, f->size);
    memset(f, 0, sizeof *f);
}

void xi_file_drop(const xi_file *f, size_t offset, size_t size)
{
    uintptr_t page, begin, end;
    if (!f->mapped || offset > f->size) return;
    if (size > f->size - offset) size = f->size - offset;
    page = (uintptr_t)sysconf(_SC_PAGESIZE);
    begin = ((uintptr_t)f->data + offset + page - 1) & ~(page - 1);
    end = ((uintptr_t)f->data + offset + size) & ~(page - 1);
    if (end > begin) madvise((void *)begin, end - begin, MADV_DONTNEED);
}

xinf_status xi_file_open_below(xi_file *out, const xinf_allocator *alloc, const char *base,
                               const char *name, size_t name_len, bool map, xinf_error *err)
{
    const char *fault = file_name_fault(name, name_len), *folder = base && *base ? base : ".";
    xi_str whole = {name, name_len};
    xinf_status status;
    size_t at = 0;
    int fd;
    memset(out, 0, sizeof *out);
    out->alloc = alloc ? *alloc : xi_allocator_default();
    if (fault)
        return xi_fail(err, XINF_MALFORMED, "the external file name \"%.*s\" %s", XI_STR_ARG(whole),
                       fault);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return file_fail(err, "open the folder", xi_str_of(folder), errno);
    while (at < name_len) {
        char part[256];
        size_t n = 0;
        int next, flags, number;
        while (at + n < name_len && name[at + n] != '/') n++;
        memcpy(part, name + at, n);
        part[n] = 0;
        at += n + 1;
        flags = at < name_len ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY;
        /* No component may be a link: one in the middle could lead out of the folder. */
        do next = openat(fd, part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags);
        while (next < 0 && errno == EINTR);
        number = errno;
        close(fd);
        if (next < 0) return file_fail(err, "open the external file", whole, number);
        fd = next;
    }
    status = file_take(out, alloc, fd, map, whole, err);
    close(fd);
    return status;
}

static xinf_status file_write_all(int fd, const uint8_t *data, size_t size, xi_str path,
                                  xinf_error *err)
{
    size_t done = 0;
    while (done < size) {
        size_t want = size - done < FILE_CHUNK ? size - done : FILE_CHUNK;
        ssize_t n = write(fd, data + done, want);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return file_fail(err, "write", path, errno);
        done += (size_t)n;
    }
    return XINF_OK;
}

xinf_status xi_file_write_pieces(const char *path, const xi_file_piece *pieces, size_t count,
                                 xinf_error *err)
{
    char temporary[FILE_PATH_BYTES];
    xi_str name = xi_str_of(path);
    xinf_status status;
    struct stat before;
    bool exists = stat(path, &before) == 0;
    int fd = -1;
    /* Renaming over a device or a pipe would replace it. */
    if (exists && !S_ISREG(before.st_mode))
        return xi_fail(err, XINF_IO, "cannot write \"%.*s\": it is not a regular file",
                       XI_STR_ARG(name));
    for (int attempt = 0; fd < 0 && attempt < 16; attempt++) {
        int n = snprintf(temporary, sizeof temporary, "%s.%llx%llx", path,
                         (unsigned long long)xi_process_id(), (unsigned long long)xi_clock_ns());
        if (n < 0 || (size_t)n >= sizeof temporary)
            return file_fail(err, "write", name, ENAMETOOLONG);
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    if (fd < 0) return file_fail(err, "write", name, errno);
    for (size_t i = 0; i < count; i++)
        XI_TRY(file_write_all(fd, pieces[i].data, pieces[i].size, name, err));
    /* A file that only its owner may read stays so. */
    if (exists) fchmod(fd, before.st_mode & 07777);
    if (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP) {
        status = file_fail(err, "write", name, errno);
        goto cleanup;
    }
    if (close(fd) != 0) {
        fd = -1;
        status = file_fail(err, "write", name, errno);
        goto cleanup;
    }
    fd = -1;
    if (rename(temporary, path) != 0) {
        status = file_fail(err, "write", name, errno);
        goto cleanup;
    }
    return XINF_OK;
cleanup:
    if (fd >= 0) close(fd);
    unlink(temporary);
    return status;
}

void xi_pages_huge(void *ptr, size_t size)
{
#if defined(MADV_HUGEPAGE)
    uintptr_t begin = ((uintptr_t)ptr + FILE_HUGE_PAGE - 1) & ~(uintptr_t)(FILE_HUGE_PAGE - 1),
              end = ((uintptr_t)ptr + size) & ~(uintptr_t)(FILE_HUGE_PAGE - 1);
    if (end > begin) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)ptr;
    (void)size;
#endif
}

#else
/* ---- Win32
 * -----------------------------------------------------------------------------------------------------------
 */

static const char *file_error_text(DWORD number)
{
    switch (number) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND: return "no such file";
    case ERROR_ACCESS_DENIED: return "permission denied";
    case ERROR_SHARING_VIOLATION: return "another program uses it";
    case ERROR_DISK_FULL: return "the disk is full";
    case ERROR_FILENAME_EXCED_RANGE: return "the name is too long";
    case ERROR_NO_UNICODE_TRANSLATION: return "the name is not UTF-8";
    default: return NULL;
    }
}

static xinf_status file_fail(xinf_error *err, const char *verb, xi_str path, DWORD number)
{
    const char *text = file_error_text(number);
    if (text) return xi_fail(err, XINF_IO, "cannot %s \"%.*s\": %s", verb, XI_STR_ARG(path), text);
    return xi_fail(err, XINF_IO, "cannot %s \"%.*s\": system error %lu", verb, XI_STR_ARG(path),
                   (unsigned long)number);
}

static bool file_path_wide(wchar_t *wide, const char *path)
{
    return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, FILE_PATH_BYTES) > 0;
}

static xinf_status file_size(size_t *out, HANDLE file, xi_str path, xinf_error *err)
{
    BY_HANDLE_FILE_INFORMATION info;
    uint64_t size;
    if (GetFileType(file) != FILE_TYPE_DISK)
        return xi_fail(err, XINF_IO, "cannot open \"%.*s\": it is not a regular file",
                       XI_STR_ARG(path));
    if (!GetFileInformationByHandle(file, &info))
        return file_fail(err, "open", path, GetLastError());
    if (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
        return xi_fail(err, XINF_IO, "cannot open \"%.*s\": it is a folder", XI_STR_ARG(path));
    size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    if (size > SIZE_MAX / 2)
        return xi_fail(err, XINF_IO, "\"%.*s\" is too large for this machine's address space",
                       XI_STR_ARG(path));
    *out = (size_t)size;
    return XINF_OK;
}

static xinf_status file_read_all(HANDLE file, uint8_t *data, size_t size, xi_str path,
                                 xinf_error *err)
{
    size_t done = 0;
    while (done < size) {
        DWORD want = (DWORD)(size - done < FILE_CHUNK ? size - done : FILE_CHUNK), n = 0;
        if (!ReadFile(file, data + done, want, &n, NULL))
            return file_fail(err, "read", path, GetLastError());
        if (n == 0)
            return xi_fail(err, XINF_IO, "\"%.*s\" became shorter while it was read",
                           XI_STR_ARG(path));
        done += n;
    }
    return XINF_OK;
}

/* Maps; *out stays unmapped when the system cannot. A mapped file cannot be made shorter on
 * Windows. */
static void file_map(xi_file *out, HANDLE file)
{
    HANDLE mapping = CreateFileMappingW(file, NULL, PAGE_READONLY, 0, 0, NULL);
    void *view;
    if (!mapping) return;
    view = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, out->size);
    CloseHandle(mapping);
    if (!view) return;
    out->data = view;
    out->mapped = true;
}

static xinf_status file_take(xi_file *out, const xinf_allocator *alloc, HANDLE file, bool map,
                             xi_str path, xinf_error *err)
{
    xinf_status status;
    uint8_t *copy = NULL;
    size_t size = 0;
    XI_TRY(file_size(&size, file, path, err));
    out->size = size;
    if (size == 0) {
        out->data = file_no_bytes;
        return XINF_OK;
    }
    if (map) file_map(out, file);
    if (out->mapped) return XINF_OK;
    copy = xi_alloc(alloc, size);
    if (!copy) {
        status = xi_fail_memory(err, size);
        goto cleanup;
    }
    XI_TRY(file_read_all(file, copy, size, path, err));
    out->data = copy;
    out->owned = true;
    return XINF_OK;
cleanup:
    xi_free(alloc, copy, size);
    memset(out, 0, sizeof *out);
    return status;
}

static xinf_status file_open_wide(xi_file *out, const xinf_allocator *alloc, const wchar_t *wide,
                                  DWORD flags, bool map, xi_str path, xinf_error *err)
{
    HANDLE file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL | flags, NULL);
    xinf_status status;
    if (file == INVALID_HANDLE_VALUE) return file_fail(err, "open", path, GetLastError());
    status = file_take(out, alloc, file, map, path, err);
    CloseHandle(file);
    return status;
}

xinf_status xi_file_open(xi_file *out, const xinf_allocator *alloc, const char *path, bool map,
                         xinf_error *err)
{
    wchar_t wide[FILE_PATH_BYTES];
    memset(out, 0, sizeof *out);
    out->alloc = alloc ? *alloc : xi_allocator_default();
    if (!file_path_wide(wide, path)) return file_fail(err, "open", xi_str_of(path), GetLastError());
    return file_open_wide(out, alloc, wide, 0, map, xi_str_of(path), err);
}

void xi_file_close(xi_file *f)
{
    if (f->mapped) UnmapViewOfFile(f->data);
    if (f->owned) xi_free(&f->alloc, (void *)(uintptr_t)f->data, f->size);
    memset(f, 0, sizeof *f);
}

void xi_file_drop(const xi_file *f, size_t offset, size_t size)
{
    uintptr_t page, begin, end;
    SYSTEM_INFO info;
    if (!f->mapped || offset > f->size) return;
    if (size > f->size - offset) size = f->size - offset;
    GetSystemInfo(&info);
    page = info.dwPageSize;
    begin = ((uintptr_t)f->data + offset + page - 1) & ~(page - 1);
    end = ((uintptr_t)f->data + offset + size) & ~(page - 1);
    /* Unlocking pages that are not locked takes them out of the working set. */
    if (end > begin) VirtualUnlock((void *)begin, end - begin);
}

xinf_status xi_file_open_below(xi_file *out, const xinf_allocator *alloc, const char *base,
                               const char *name, size_t name_len, bool map, xinf_error *err)
{
    char path[FILE_PATH_BYTES];
    wchar_t wide[FILE_PATH_BYTES];
    const char *fault = file_name_fault(name, name_len), *folder = base && *base ? base : ".";
    xi_str whole = {name, name_len};
    size_t at;
    int n;
    memset(out, 0, sizeof *out);
    out->alloc = alloc ? *alloc : xi_allocator_default();
    if (fault)
        return xi_fail(err, XINF_MALFORMED, "the external file name \"%.*s\" %s", XI_STR_ARG(whole),
                       fault);
    n = snprintf(path, sizeof path, "%s/%.*s", folder, (int)name_len, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return file_fail(err, "open", whole, ERROR_FILENAME_EXCED_RANGE);
    /* Every component below the folder is looked at: none may be a link. */
    for (at = strlen(folder) + 1; at <= (size_t)n; at++) {
        char kept = path[at];
        DWORD attributes;
        if (kept && !file_is_separator(kept)) continue;
        path[at] = 0;
        if (!file_path_wide(wide, path)) return file_fail(err, "open", whole, GetLastError());
        attributes = GetFileAttributesW(wide);
        path[at] = kept;
        if (attributes == INVALID_FILE_ATTRIBUTES)
            return file_fail(err, "open the external file", whole, GetLastError());
        if (attributes & FILE_ATTRIBUTE_REPARSE_POINT)
            return xi_fail(
                err, XINF_IO,
                "cannot open the external file \"%.*s\": symbolic links are not followed here",
                XI_STR_ARG(whole));
    }
    return file_open_wide(out, alloc, wide, FILE_FLAG_OPEN_REPARSE_POINT, map, whole, err);
}

static xinf_status file_write_all(HANDLE file, const uint8_t *data, size_t size, xi_str path,
                                  xinf_error *err)
{
    size_t done = 0;
    while (done < size) {
        DWORD want = (DWORD)(size - done < FILE_CHUNK ? size - done : FILE_CHUNK), n = 0;
        if (!WriteFile(file, data + done, want, &n, NULL))
            return file_fail(err, "write", path, GetLastError());
        done += n;
    }
    return XINF_OK;
}

xinf_status xi_file_write_pieces(const char *path, const xi_file_piece *pieces, size_t count,
                                 xinf_error *err)
{
    char temporary[FILE_PATH_BYTES];
    wchar_t wide[FILE_PATH_BYTES], wide_temporary[FILE_PATH_BYTES];
    xi_str name = xi_str_of(path);
    xinf_status status;
    HANDLE file;
    int n = snprintf(temporary, sizeof temporary, "%s.%llx%llx", path,
                     (unsigned long long)xi_process_id(), (unsigned long long)xi_clock_ns());
    if (n < 0 || (size_t)n >= sizeof temporary)
        return file_fail(err, "write", name, ERROR_FILENAME_EXCED_RANGE);
    if (!file_path_wide(wide, path) || !file_path_wide(wide_temporary, temporary))
        return file_fail(err, "write", name, GetLastError());
    file = CreateFileW(wide_temporary, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL,
                       NULL);
    if (file == INVALID_HANDLE_VALUE) return file_fail(err, "write", name, GetLastError());
    status = XINF_OK;
    for (size_t i = 0; i < count && status == XINF_OK; i++)
        status = file_write_all(file, pieces[i].data, pieces[i].size, name, err);
    if (status == XINF_OK && !FlushFileBuffers(file))
        status = file_fail(err, "write", name, GetLastError());
    CloseHandle(file);
    if (status == XINF_OK && !MoveFileExW(wide_temporary, wide, MOVEFILE_REPLACE_EXISTING))
        status = file_fail(err, "write", name, GetLastError());
    if (status != XINF_OK) DeleteFileW(wide_temporary);
    return status;
}

void xi_pages_huge(void *ptr, size_t size)
{
    (void)ptr;
    (void)size;
}
#endif

xinf_status xi_file_write(const char *path, const void *data, size_t size, xinf_error *err)
{
    xi_file_piece piece = {data, size};
    return xi_file_write_pieces(path, &piece, 1, err);
}

#undef FILE_PATH_BYTES
#undef FILE_CHUNK
#undef FILE_HUGE_PAGE

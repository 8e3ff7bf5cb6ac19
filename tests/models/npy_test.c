/* npy_test.c — .npy files: what is written reads back, what is broken is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "npy.h"

static int npy_passed, npy_failed;
static char npy_path[64] = "/tmp/xinf-npy-XXXXXX";

static void npy_check(int good, const char *what)
{
    if (good)
        npy_passed++;
    else
        npy_failed++, fprintf(stderr, "npy: %s\n", what);
}

static void npy_bytes(const char *head, size_t text_size, size_t data_size)
{
    FILE *f = fopen(npy_path, "wb");
    size_t size = strlen(head);
    unsigned char magic[10] = {0x93,
                               'N',
                               'U',
                               'M',
                               'P',
                               'Y',
                               1,
                               0,
                               (unsigned char)(text_size & 255),
                               (unsigned char)(text_size >> 8)};
    if (!f) exit(1);
    fwrite(magic, 1, sizeof magic, f);
    fwrite(head, 1, size, f);
    for (size_t i = 0; i < data_size; i++) fputc((int)i, f);
    fclose(f);
}

static void npy_round_trip(xinf_env *env, xinf_dtype dtype, const int64_t *shape, int32_t rank)
{
    xinf_tensor *t = NULL, *back = NULL;
    xinf_error err = XINF_ERROR_INIT;
    int good = xinf_tensor_create(&t, env, dtype, shape, rank, &err) == XINF_OK;
    unsigned char *data = good ? xinf_tensor_data(t) : NULL;
    for (size_t i = 0; good && i < xinf_tensor_size(t); i++)
        data[i] = (unsigned char)(dtype == XINF_BOOL ? i & 1 : i * 37);
    good = good && npy_write(npy_path, t, &err) == 0 &&
           npy_read(&back, env, npy_path, dtype, &err) == 0;
    good = good && xinf_tensor_dtype(back) == dtype && xinf_tensor_rank(back) == rank &&
           xinf_tensor_size(back) == xinf_tensor_size(t);
    good = good &&
           (rank == 0 || memcmp(xinf_tensor_shape(back), shape, (size_t)rank * sizeof *shape) == 0);
    good = good && (xinf_tensor_size(t) == 0 ||
                    memcmp(xinf_tensor_data(back), data, xinf_tensor_size(t)) == 0);
    npy_check(good, xinf_dtype_name(dtype));
    xinf_tensor_destroy(back);
    xinf_tensor_destroy(t);
}

static void npy_refused(xinf_env *env, const char *what, const char *head, size_t text_size,
                        size_t data_size)
{
    xinf_tensor *t = NULL;
    xinf_error err = XINF_ERROR_INIT;
    npy_bytes(head, text_size, data_size);
    npy_check(npy_read(&t, env, npy_path, XINF_UNDEFINED, &err) != 0 && !t && err.message[0], what);
    xinf_tensor_destroy(t);
}

static void npy_columns(xinf_env *env)
{
    const char *head = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }";
    const unsigned char rows[6] = {0, 2, 4, 1, 3, 5};
    xinf_tensor *t = NULL;
    npy_bytes(head, strlen(head), 6);
    npy_check(npy_read(&t, env, npy_path, XINF_UNDEFINED, NULL) == 0 &&
                  memcmp(xinf_tensor_data(t), rows, 6) == 0,
              "column order");
    xinf_tensor_destroy(t);
}

static void npy_refusals(xinf_env *env)
{
    const char *good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    const char *huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, "
                       "4611686018427387904), }";
    const char *minus = "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }";
    const char *big = "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }";
    const char *object = "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }";
    const char *open = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3";
    const char *deep =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1), }";
    npy_refused(env, "data that ends early", good, strlen(good), 23);
    npy_refused(env, "a header that ends early", good, strlen(good) + 40, 0);
    npy_refused(env, "a shape past every memory", huge, strlen(huge), 24);
    npy_refused(env, "a negative size", minus, strlen(minus), 24);
    npy_refused(env, "big-endian numbers", big, strlen(big), 24);
    npy_refused(env, "objects", object, strlen(object), 48);
    npy_refused(env, "a shape without an end", open, strlen(open), 0);
    npy_refused(env, "thirteen axes", deep, strlen(deep), 4);
    npy_refused(env, "no header", "", 0, 0);
}

int main(void)
{
    static const int64_t matrix[2] = {3, 5}, empty[3] = {2, 0, 4},
                         many[12] = {1, 2, 1, 2, 1, 1, 1, 3, 1, 1, 1, 2};
    xinf_env *env = NULL;
    xinf_tensor *t = NULL;
    int file = mkstemp(npy_path);
    if (file < 0 || xinf_env_create(&env, NULL, NULL) != XINF_OK) return 1;
    close(file);
    for (xinf_dtype d = XINF_FLOAT32; d <= XINF_INT2; d++)
        if (d != XINF_STRING) npy_round_trip(env, d, matrix, 2);
    npy_round_trip(env, XINF_FLOAT32, NULL, 0);
    npy_round_trip(env, XINF_FLOAT64, empty, 3);
    npy_round_trip(env, XINF_INT16, many, 12);
    npy_columns(env);
    npy_refusals(env);
    npy_check(npy_read(&t, env, "/nonexistent/file.npy", XINF_UNDEFINED, NULL) != 0 && !t,
              "a missing file");
    unlink(npy_path);
    xinf_env_destroy(env);
    printf("npy: %d passed, %d failed\n", npy_passed, npy_failed);
    return npy_failed ? 1 : 0;
}

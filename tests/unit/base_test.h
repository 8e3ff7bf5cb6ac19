/* base_test.h — what base_test.c and base_pool.c share. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <stdbool.h>

#define CHECK(e) base_check(!!(e), #e, __FILE__, __LINE__)

/* Counts one check and prints a failed one. From one thread at a time. */
void base_check(bool ok, const char *what, const char *file, int line);
extern int base_passed, base_failed;

/* with_fork false leaves out the children that start threads of their own. */
void base_pool_tests(bool with_fork);

#endif

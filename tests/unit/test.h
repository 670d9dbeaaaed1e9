/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmocka with the headers it asks for. */
#ifndef WEIR_TEST_H
#define WEIR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define WEIR_RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif

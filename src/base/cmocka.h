/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file cmocka: the unit test library with the headers it wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

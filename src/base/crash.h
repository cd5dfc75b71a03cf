/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * crash: places at which a test may end the process as kill -9 would. tests/crash/points.tsv lists
 * them.
 *
 *     NR_CRASH_POINT("journal.commit.written");
 *
 * Nothing at all unless the program is built for it (meson -Dcrash_points=true, or the kill
 * harness, which compiles what it tests by itself). Then NOROSHI_CRASH=NAME:N ends the process
 * when it comes to the place NAME for the N-th time.
 */
#ifdef NR_CRASH_POINTS
void nr_crash_point(const char *name);
#define NR_CRASH_POINT(name) nr_crash_point(name)
#else
#define NR_CRASH_POINT(name) ((void)0)
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file embedded: text files that are part of the program; tools/embed makes the tables. */

struct nr_embedded {
	const char *name; /* of the file, without folders; NULL ends a table */
	const char *text;
};

-- SPDX-License-Identifier: Apache-2.0
-- DIR/rollup.duckdb: sums that add up: any number of rows may stand for one key. docs/internals/store.md
CREATE TABLE recent (
	start UINTEGER NOT NULL,
	label UINTEGER NOT NULL,
	sensor UINTEGER NOT NULL,
	kind UTINYINT NOT NULL,
	key UBIGINT NOT NULL,
	packets UBIGINT NOT NULL,
	bytes UBIGINT NOT NULL,
	flows UBIGINT NOT NULL,
	sources BLOB NOT NULL
);
CREATE TABLE minute (
	start UINTEGER NOT NULL,
	label UINTEGER NOT NULL,
	sensor UINTEGER NOT NULL,
	kind UTINYINT NOT NULL,
	key UBIGINT NOT NULL,
	packets UBIGINT NOT NULL,
	bytes UBIGINT NOT NULL,
	flows UBIGINT NOT NULL,
	sources BLOB NOT NULL
);
CREATE TABLE hour (
	start UINTEGER NOT NULL,
	label UINTEGER NOT NULL,
	sensor UINTEGER NOT NULL,
	kind UTINYINT NOT NULL,
	key UBIGINT NOT NULL,
	packets UBIGINT NOT NULL,
	bytes UBIGINT NOT NULL,
	flows UBIGINT NOT NULL,
	sources BLOB NOT NULL
);
CREATE TABLE day (
	start UINTEGER NOT NULL,
	label UINTEGER NOT NULL,
	sensor UINTEGER NOT NULL,
	kind UTINYINT NOT NULL,
	key UBIGINT NOT NULL,
	packets UBIGINT NOT NULL,
	bytes UBIGINT NOT NULL,
	flows UBIGINT NOT NULL,
	sources BLOB NOT NULL
);
-- The largest of each hour (day), sensor and kind, ports and AS only, so that a top need not read all keys. floor: packets of the
-- smallest of them, what no other key of that cell exceeds; 0: the cell has no others, or the row came late.
CREATE TABLE hour_head (
	start UINTEGER NOT NULL,
	label UINTEGER NOT NULL,
	sensor UINTEGER NOT NULL,
	kind UTINYINT NOT NULL,
	key UBIGINT NOT NULL,
	packets UBIGINT NOT NULL,
	bytes UBIGINT NOT NULL,
	flows UBIGINT NOT NULL,
	sources BLOB NOT NULL,
	floor UBIGINT NOT NULL
);
CREATE TABLE day_head (
	start UINTEGER NOT NULL,
	label UINTEGER NOT NULL,
	sensor UINTEGER NOT NULL,
	kind UTINYINT NOT NULL,
	key UBIGINT NOT NULL,
	packets UBIGINT NOT NULL,
	bytes UBIGINT NOT NULL,
	flows UBIGINT NOT NULL,
	sources BLOB NOT NULL,
	floor UBIGINT NOT NULL
);
CREATE TABLE top_source (
	start UINTEGER NOT NULL,
	label UINTEGER NOT NULL,
	sensor UINTEGER NOT NULL,
	src UINTEGER NOT NULL,
	src6 UHUGEINT,
	asn UINTEGER NOT NULL,
	economy USMALLINT NOT NULL,
	packets UBIGINT NOT NULL,
	bytes UBIGINT NOT NULL,
	flows UBIGINT NOT NULL
);
CREATE TABLE sensors (
	number UINTEGER NOT NULL,
	id UHUGEINT NOT NULL
);
CREATE TABLE meta (
	format UINTEGER NOT NULL,
	store UHUGEINT NOT NULL,
	place UBIGINT NOT NULL,
	hours_end UINTEGER NOT NULL,
	days_end UINTEGER NOT NULL,
	first_day UINTEGER NOT NULL,
	newest UINTEGER NOT NULL,
	refused UBIGINT NOT NULL
);
CREATE TABLE no_observations (
	place UBIGINT NOT NULL,
	"row" UINTEGER NOT NULL,
	sensor UINTEGER NOT NULL,
	tick UINTEGER NOT NULL,
	src UINTEGER NOT NULL,
	src6 UHUGEINT,
	dst UINTEGER NOT NULL,
	dst6 UHUGEINT,
	sport USMALLINT NOT NULL,
	dport USMALLINT NOT NULL,
	proto UTINYINT NOT NULL,
	class UTINYINT NOT NULL,
	packets UINTEGER NOT NULL,
	bytes UBIGINT NOT NULL,
	first_us UINTEGER NOT NULL,
	first_ns USMALLINT NOT NULL,
	lasts_ns UINTEGER NOT NULL,
	tcp_flags UTINYINT NOT NULL,
	ttl_min UTINYINT NOT NULL,
	ttl_span UTINYINT NOT NULL,
	win USMALLINT NOT NULL,
	opt_hash UINTEGER NOT NULL,
	payload UTINYINT NOT NULL,
	payload_hash UINTEGER NOT NULL,
	flags UTINYINT NOT NULL,
	quoted_dst UINTEGER,
	quoted_dst6 UHUGEINT,
	quoted_dport USMALLINT NOT NULL,
	quoted_proto UTINYINT NOT NULL,
	marks UBIGINT NOT NULL,
	marks_more UINTEGER NOT NULL,
	asn UINTEGER NOT NULL,
	economy USMALLINT NOT NULL
);

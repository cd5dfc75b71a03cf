-- SPDX-License-Identifier: Apache-2.0
-- A day of observations: DIR/raw/YYYY-MM-DD.duckdb. Rows stand in order of (place, row). docs/internals/store.md
CREATE TABLE observations (
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
CREATE TABLE meta (
	format UINTEGER NOT NULL,
	store UHUGEINT NOT NULL,
	day UINTEGER NOT NULL,
	place UBIGINT NOT NULL,
	n_rows UBIGINT NOT NULL
);

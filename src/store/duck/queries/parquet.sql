-- SPDX-License-Identifier: Apache-2.0
-- parquet: columns of the files that nr_store_parquet() makes, of a page of rows; not for people
SELECT sensor, make_timestamp_ns(tick::BIGINT * 1000000000 + first_us::BIGINT * 1000 + first_ns) AS "time",
	make_timestamp_ns(tick::BIGINT * 1000000000 + first_us::BIGINT * 1000 + first_ns + lasts_ns) AS "last",
	address(src, src6) AS src, address(dst, dst6) AS dst, sport, dport, proto,
	(['scan', 'backscatter', 'amplify', 'other'])[class + 1] AS class, packets, bytes, tcp_flags, ttl_min,
	(ttl_min + ttl_span)::UTINYINT AS ttl_max, win AS "window", opt_hash, payload, payload_hash, flags,
	CASE WHEN quoted_dst IS NULL THEN NULL ELSE address(quoted_dst, quoted_dst6) END AS quoted_dst, quoted_dport, quoted_proto,
	marks, marks_more, asn,
	CASE WHEN economy = 0 THEN NULL ELSE chr((economy >> 8)::INTEGER) || chr((economy & 255)::INTEGER) END AS economy
FROM page ORDER BY place, "row"

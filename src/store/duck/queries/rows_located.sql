-- SPDX-License-Identifier: Apache-2.0
-- rows_located: what nr_store_parquet() takes; not for people
SELECT place, "row", sensor, tick, src, src6, dst, dst6, sport, dport, proto, class, packets, bytes, first_us, first_ns,
	lasts_ns, tcp_flags, ttl_min, ttl_span, win, opt_hash, payload, payload_hash, flags, quoted_dst, quoted_dst6,
	quoted_dport, quoted_proto, marks, marks_more, asn, economy
FROM raw
WHERE tick >= $since AND tick < $until
	AND place >= $after_at AND (place > $after_at OR "row" > $after_row)
	AND src BETWEEN $src_lo AND $src_hi
	AND ($src6_lo IS NULL OR src6 BETWEEN $src6_lo AND $src6_hi)
	AND dport BETWEEN $port_lo AND $port_hi
	AND ($sensors IS NULL OR list_contains($sensors::UINTEGER[], sensor))
ORDER BY place, "row"
LIMIT $limit

-- SPDX-License-Identifier: Apache-2.0
-- top_ports_raw: the ports that received most, from the observations themselves (sources: 2 % error)
-- raw
-- $since time = 24h: first second
-- $until time = 0s: end, not included
-- $n number 1..1000 = 20: how many
WITH rows AS NOT MATERIALIZED (
	SELECT proto::UINTEGER * 65536 + dport AS key, packets, bytes, src, src6
	FROM raw WHERE tick >= $since AND tick < $until
), top AS (
	SELECT key, sum(packets) AS total FROM rows GROUP BY key ORDER BY total DESC, key LIMIT $n
)
SELECT (key >> 16)::UTINYINT AS proto, (key & 65535)::USMALLINT AS port, sum(packets)::UBIGINT AS packets,
	sum(bytes)::UBIGINT AS bytes, count(*)::UBIGINT AS flows, count_sources(src, src6) AS sources
FROM rows SEMI JOIN top USING (key)
GROUP BY key ORDER BY 3 DESC, key

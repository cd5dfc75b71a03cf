-- SPDX-License-Identifier: Apache-2.0
-- economy_ports_raw: different sources of each economy at each port, from the observations themselves (sources: 2 % error)
-- raw
-- $since time = 24h: first second
-- $until time = 0s: end, not included
-- $n number 1..10000 = 100: how many
WITH rows AS NOT MATERIALIZED (
	SELECT economy::UBIGINT * 16777216 + proto::UBIGINT * 65536 + dport AS key, packets,
		src, src6
	FROM raw WHERE tick >= $since AND tick < $until
), top AS (
	SELECT key, sum(packets) AS total FROM rows GROUP BY key ORDER BY total DESC, key LIMIT $n
)
SELECT CASE WHEN key >> 24 = 0 THEN NULL ELSE chr((key >> 32)::INTEGER) || chr((key >> 24 & 255)::INTEGER) END AS economy,
	(key >> 16 & 255)::UTINYINT AS proto, (key & 65535)::USMALLINT AS port, sum(packets)::UBIGINT AS packets,
	count(*)::UBIGINT AS flows, count_sources(src, src6) AS sources
FROM rows SEMI JOIN top USING (key)
GROUP BY key ORDER BY 4 DESC, key

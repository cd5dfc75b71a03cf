-- SPDX-License-Identifier: Apache-2.0
-- economy_ports: different sources of each economy at each port (2 % error), the most active pairs
-- $since time = 24h: first hour
-- $until time = 0s: end; an hour that it cuts is in
-- $n number 1..10000 = 100: how many
WITH sums AS NOT MATERIALIZED (
	SELECT key, packets, flows, sources FROM rollup.hour
	WHERE kind = 6 AND start >= $since - $since % 3600 AND start < $until
	UNION ALL
	SELECT key, packets, flows, sources FROM rollup.recent
	WHERE kind = 6 AND start >= $since - $since % 3600 AND start < $until
), top AS (
	SELECT key, sum(packets) AS total FROM sums GROUP BY key ORDER BY total DESC, key LIMIT $n
)
SELECT CASE WHEN key >> 24 = 0 THEN NULL ELSE chr((key >> 32)::INTEGER) || chr((key >> 24 & 255)::INTEGER) END AS economy,
	(key >> 16 & 255)::UTINYINT AS proto, (key & 65535)::USMALLINT AS port, sum(packets)::UBIGINT AS packets,
	sum(flows)::UBIGINT AS flows, sources(sources) AS sources
FROM sums SEMI JOIN top USING (key)
GROUP BY key ORDER BY 4 DESC, key

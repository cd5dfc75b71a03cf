-- SPDX-License-Identifier: Apache-2.0
-- top_as: the autonomous systems that sent most, with the number of different sources (2 % error)
-- $since time = 24h: first hour
-- $until time = 0s: end; an hour that it cuts is in
-- $n number 1..1000 = 20: how many
WITH sums AS NOT MATERIALIZED (
	SELECT key, packets, bytes, flows, sources FROM rollup.hour
	WHERE kind = 3 AND start >= $since - $since % 3600 AND start < $until
	UNION ALL
	SELECT key, packets, bytes, flows, sources FROM rollup.recent
	WHERE kind = 3 AND start >= $since - $since % 3600 AND start < $until
), top AS (
	SELECT key, sum(packets) AS total FROM sums GROUP BY key ORDER BY total DESC, key LIMIT $n
)
SELECT key AS asn, sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes, sum(flows)::UBIGINT AS flows,
	sources(sources) AS sources
FROM sums SEMI JOIN top USING (key)
GROUP BY key ORDER BY 2 DESC, key

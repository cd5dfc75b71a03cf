-- SPDX-License-Identifier: Apache-2.0
-- top_sources: the addresses that sent most; counts are lower bounds
-- $since time = 24h: first hour
-- $until time = 0s: end; an hour that it cuts is in
-- $n number 1..1000 = 100: how many
SELECT address(src, src6) AS source, max(asn) AS asn,
	CASE WHEN max(economy) = 0 THEN NULL ELSE chr((max(economy) >> 8)::INTEGER) || chr((max(economy) & 255)::INTEGER) END AS economy,
	sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes, sum(flows)::UBIGINT AS flows,
	count(DISTINCT start)::UBIGINT AS hours
FROM rollup.top_source
WHERE start >= $since - $since % 3600 AND start < $until
GROUP BY src, src6 ORDER BY 4 DESC, 1
LIMIT $n

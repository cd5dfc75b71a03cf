-- SPDX-License-Identifier: Apache-2.0
-- top_as_raw: the autonomous systems that sent most, from the observations themselves (sources: 2 % error)
-- raw
-- $since time = 24h: first second
-- $until time = 0s: end, not included
-- $n number 1..1000 = 20: how many
WITH top AS (
	SELECT asn, sum(packets) AS total FROM raw WHERE tick >= $since AND tick < $until
	GROUP BY asn ORDER BY total DESC, asn LIMIT $n
)
SELECT asn, sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes, count(*)::UBIGINT AS flows,
	count_sources(src, src6) AS sources
FROM raw SEMI JOIN top USING (asn)
WHERE tick >= $since AND tick < $until
GROUP BY asn ORDER BY 2 DESC, asn

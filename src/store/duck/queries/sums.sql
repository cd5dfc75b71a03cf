-- SPDX-License-Identifier: Apache-2.0
-- sums: all that was received, hour by hour
-- $since time = 24h: first hour
-- $until time = 0s: end; an hour that it cuts is in
SELECT make_timestamp_ns((start - start % 3600)::BIGINT * 1000000000) AS "time", sum(packets)::UBIGINT AS packets,
	sum(bytes)::UBIGINT AS bytes, sum(flows)::UBIGINT AS flows, sources(sources) AS sources
FROM (
	SELECT start, packets, bytes, flows, sources FROM rollup.hour
	WHERE kind = 5 AND start >= $since - $since % 3600 AND start < $until
	UNION ALL
	SELECT start, packets, bytes, flows, sources FROM rollup.recent
	WHERE kind = 5 AND start >= $since - $since % 3600 AND start < $until
)
GROUP BY start - start % 3600 ORDER BY start - start % 3600
LIMIT 100000

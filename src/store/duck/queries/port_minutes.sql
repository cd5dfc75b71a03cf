-- SPDX-License-Identifier: Apache-2.0
-- port_minutes: what one port received, minute by minute
-- $port number 0..65535: destination port
-- $proto number 0..255 = 6: IP protocol: 6 TCP, 17 UDP
-- $since time = 24h: first minute
-- $until time = 0s: end, not included
SELECT make_timestamp_ns(start::BIGINT * 1000000000) AS "time", sum(packets)::UBIGINT AS packets,
	sum(bytes)::UBIGINT AS bytes, sum(flows)::UBIGINT AS flows, sources(sources) AS sources
FROM (
	SELECT start, packets, bytes, flows, sources FROM rollup.minute
	WHERE kind = 1 AND key = $proto * 65536 + $port AND start >= $since AND start < $until
	UNION ALL
	SELECT start, packets, bytes, flows, sources FROM rollup.recent
	WHERE kind = 1 AND key = $proto * 65536 + $port AND start >= $since AND start < $until
)
GROUP BY start ORDER BY start
LIMIT 100000

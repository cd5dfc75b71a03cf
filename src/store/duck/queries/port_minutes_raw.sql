-- SPDX-License-Identifier: Apache-2.0
-- port_minutes_raw: what one port received, minute by minute, from the observations themselves (sources: 2 % error)
-- raw
-- $port number 0..65535: destination port
-- $proto number 0..255 = 6: IP protocol: 6 TCP, 17 UDP
-- $since time = 24h: first minute
-- $until time = 0s: end, not included
SELECT make_timestamp_ns((tick - tick % 60)::BIGINT * 1000000000) AS "time", sum(packets)::UBIGINT AS packets,
	sum(bytes)::UBIGINT AS bytes, count(*)::UBIGINT AS flows,
	count_sources(src, src6) AS sources
FROM raw
WHERE proto = $proto AND dport = $port AND tick >= $since AND tick < $until
GROUP BY tick - tick % 60 ORDER BY tick - tick % 60
LIMIT 100000

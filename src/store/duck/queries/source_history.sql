-- SPDX-License-Identifier: Apache-2.0
-- source_history: what one address sent, hour by hour and port by port
-- raw
-- $address ip: the source
-- $since time = 30d: first second
-- $until time = 0s: end, not included
-- $n number 1..100000 = 10000: rows at most, the earliest
SELECT make_timestamp_ns((tick - tick % 3600)::BIGINT * 1000000000) AS "time", proto, dport AS port,
	sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes, count(*)::UBIGINT AS flows,
	count(DISTINCT dst)::UBIGINT AS destinations, count(DISTINCT sensor)::UBIGINT AS sensors
FROM raw
WHERE src = $address AND ($address6 IS NULL OR src6 = $address6) AND tick >= $since AND tick < $until
GROUP BY tick - tick % 3600, proto, dport ORDER BY tick - tick % 3600, packets DESC, proto, dport
LIMIT $n

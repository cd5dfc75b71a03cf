-- SPDX-License-Identifier: Apache-2.0
-- figures_raw_ports: the ports that some addresses sent to, from the observations themselves; not for people
-- raw
-- figures key: packets, bytes, flows, sources
-- then ORDER BY packets DESC, key LIMIT $n
	SELECT proto::UBIGINT * 65536 + dport AS key, sensor, sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes,
		count(*)::UBIGINT AS flows, sketch_sources(src, src6) AS sources
	FROM raw
{rows}
	GROUP BY key, sensor

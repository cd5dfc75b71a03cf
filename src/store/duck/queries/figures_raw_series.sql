-- SPDX-License-Identifier: Apache-2.0
-- figures_raw_series: what some addresses sent, from the observations themselves; not for people
-- raw
-- figures time: packets, bytes, flows, sources
-- then ORDER BY time LIMIT $n
	SELECT (tick - tick % $step::UINTEGER) AS time, sensor, sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes,
		count(*)::UBIGINT AS flows, sketch_sources(src, src6) AS sources
	FROM raw
{rows}
	GROUP BY time, sensor

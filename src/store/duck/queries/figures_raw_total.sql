-- SPDX-License-Identifier: Apache-2.0
-- figures_raw_total: all that some addresses sent, from the observations themselves; not for people
-- raw
-- figures key: packets, bytes, flows, sources
-- then LIMIT 1
	SELECT 0 AS key, sensor, sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes,
		count(*)::UBIGINT AS flows, sketch_sources(src, src6) AS sources
	FROM raw
{rows}
	GROUP BY sensor

-- SPDX-License-Identifier: Apache-2.0
-- figures_raw_sources: the addresses that sent most, from the observations themselves; not for people
-- raw
-- figures source: packets, bytes, flows
-- then ORDER BY packets DESC, source LIMIT $n
	SELECT address(src, src6) AS source, sensor, packets, bytes, flows
	FROM (
	SELECT src, src6, sensor, sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes, count(*)::UBIGINT AS flows
	FROM raw
{rows}
	GROUP BY src, src6, sensor
	)

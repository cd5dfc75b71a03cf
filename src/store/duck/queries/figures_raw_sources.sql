-- SPDX-License-Identifier: Apache-2.0
-- figures_raw_sources: the addresses that sent most, from the observations themselves; not for people
-- raw
-- figures src, src6: packets, bytes, flows
-- then ORDER BY packets DESC, src, src6 LIMIT $n
-- show address(src, src6) AS source
	SELECT src, src6, sensor, packets::UBIGINT AS packets, bytes, 1::UBIGINT AS flows
	FROM raw
{rows}

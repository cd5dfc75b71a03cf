-- SPDX-License-Identifier: Apache-2.0
-- figures_raw_marks: packets that bear the mark of a tool, of the one who owns the sensors; not for people
-- raw
-- figures key: packets, flows
-- then ORDER BY packets DESC, key LIMIT $n
	SELECT mark::UBIGINT AS key, sensor, sum(n)::UBIGINT AS packets, count(*)::UBIGINT AS flows
	FROM (
	SELECT mark, sensor, CASE WHEN mark < 8 THEN (marks >> (8 * mark)::UBIGINT) & 255
		ELSE (marks_more >> (8 * (mark - 8))::UINTEGER) & 255 END AS n
	FROM (
	SELECT sensor, marks, marks_more FROM raw
{rows}
		AND (marks <> 0 OR marks_more <> 0)
	), range(12) AS marked(mark)
	)
	WHERE n > 0
	GROUP BY mark, sensor

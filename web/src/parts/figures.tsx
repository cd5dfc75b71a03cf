// SPDX-License-Identifier: Apache-2.0
// What stands behind figures, and lists of them: each row leads to its thing.
import type { components } from "../api/schema";
import { economy, number, short, t, time, tOr } from "../i18n/i18n";
import { thingLink } from "../state/route";
import type { Point } from "./series";

type Head = Pick<components["schemas"]["Top"], "scope" | "sensors" | "quorum" | "newest" | "partial" | "partial_why">;
export type Row = components["schemas"]["FiguresRow"];
export type Measure = "packets" | "bytes" | "flows" | "sources";

/** The key as people write it. */
export function named(by: string, row: { key: string }): string {
  if (by === "economies") return row.key === "ZZ" ? "?" : economy(row.key);
  if (by === "classes") return tOr(`class.${row.key}`, row.key);
  return row.key;
}

export function Behind({ of }: { of: Head }) {
  if (of.scope === "shared" && of.quorum === 0) return <p class="note">{t("obs.few", { n: 3 })}</p>;
  return (
    <p class="faint">
      {of.scope === "shared" && `${t("obs.shared.words", { quorum: of.quorum, sensors: of.sensors })} `}
      {of.newest && t("state.stale", { time: time(of.newest) })}
      {of.partial && ` ${t("state.partial", { why: of.partial_why ?? "" })}`}
    </p>
  );
}

export function Rows({ rows, by, measure = "packets" }: { rows: readonly Row[]; by: string; measure?: Measure }) {
  const most = Math.max(1, ...rows.map((row) => row[measure] ?? 0));

  if (rows.length === 0) return <p class="quiet">{t("state.empty")}</p>;
  return (
    <table>
      <thead><tr><th>{tOr(`obs.${by}`, by)}</th><th class="number">{t("obs.of.packets")}</th><th class="number">{t("obs.of.sources")}</th></tr></thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <td><a href={thingLink(row.key)}>{named(by, row)}</a>{row.asn && <span class="faint"> {row.asn} {row.economy}</span>}<span class="fill" style={{ width: `${(100 * (row[measure] ?? 0)) / most}%` }} aria-hidden="true" /></td>
            <td class="number" title={number(row.packets)}>{short(row.packets)}</td>
            <td class="number">{row.sources === undefined ? "–" : short(row.sources)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Steps that the hub left out are gaps: nothing is known of them. */
export function points(steps: readonly components["schemas"]["FiguresStep"][], step: number, since: string, until: string, of: Measure): Point[] {
  const known = new Map(steps.map((one) => [Date.parse(one.time), one[of] ?? null]));
  const out: Point[] = [];

  for (let at = Math.ceil(Date.parse(since) / (step * 1000)) * step * 1000; at < Date.parse(until) && out.length < 10000; at += step * 1000)
    out.push({ time: new Date(at).toISOString().replace(".000Z", "Z"), value: known.get(at) ?? null });
  return out;
}

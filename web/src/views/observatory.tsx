// SPDX-License-Identifier: Apache-2.0
// What the sensors receive: over time, by port, network, economy. A click on anything leads to it; every choice stands in the URL.
import { get } from "../api/client";
import { t } from "../i18n/i18n";
import { Behind, points, Rows, type Measure } from "../parts/figures";
import { WorldMap } from "../parts/map";
import { Series } from "../parts/series";
import { Choice, Sheet, Shown } from "../parts/state";
import { go, route, turn } from "../state/route";
import { useAnswer } from "../state/use";

export const spans = ["1h", "24h", "7d", "30d", "365d"] as const;
export type Span = (typeof spans)[number];
const hours: Record<Span, number> = { "1h": 1, "24h": 24, "7d": 168, "30d": 720, "365d": 8760 };
const steps: Record<Span, "1m" | "1h" | "1d"> = { "1h": "1m", "24h": "1h", "7d": "1h", "30d": "1d", "365d": "1d" };

export interface Period {
  span: Span;
  since: string;
  until: string | undefined;
  step: "1m" | "1h" | "1d";
  scope: "own" | "shared" | undefined;
}

/** What the URL says of time and scope; a period that was drawn by hand wins over a span. */
export function periodOf(query: URLSearchParams): Period {
  const span = spans.find((one) => one === query.get("span")) ?? "24h";
  const since = query.get("since"), until = query.get("until"), scope = query.get("scope");
  const drawn = since && until ? (Date.parse(until) - Date.parse(since)) / 3600000 : 0;

  return {
    span,
    since: drawn > 0 && since ? since : `-${hours[span]}h`,
    until: drawn > 0 && until ? until : undefined,
    step: drawn > 0 ? (drawn <= 6 ? "1m" : drawn <= 24 * 14 ? "1h" : "1d") : steps[span],
    scope: scope === "own" || scope === "shared" ? scope : undefined,
  };
}

export function PeriodChoice({ is }: { is: Period }) {
  return (
    <div class="row">
      <Choice label={t("obs.since")} is={is.until ? ("" as Span) : is.span} choose={(span) => turn({ span, since: undefined, until: undefined })}
        of={spans.map((span) => [span, t(`obs.span.${span}`)] as const)} />
      <Choice label={t("obs.scope")} is={is.scope ?? ("" as "own")} choose={(scope) => turn({ scope: scope === is.scope ? undefined : scope })}
        of={[["own", t("obs.scope.own")], ["shared", t("obs.scope.shared")]]} />
    </div>
  );
}

function Tops({ by, period, measure, wide }: { by: "ports" | "asns" | "economies" | "classes" | "sources"; period: Period; measure: Measure; wide?: boolean }) {
  const { since, until, scope } = period;
  const answer = useAnswer((signal) => get("/api/v1/top", { query: { by, n: by === "economies" ? 250 : 15, since, ...(until ? { until } : {}), ...(scope ? { scope } : {}) }, signal }), [by, since, until, scope]);

  return (
    <Sheet title={t(by === "economies" && wide ? "obs.map" : `obs.${by}`)} {...(wide ? { wide } : {})}>
      <Shown of={answer}>
        {(top) => by === "economies" && wide
          ? <WorldMap label={t("obs.map")} values={new Map(top.rows.map((row) => [row.key, row[measure] ?? 0]))} choose={(code) => go(`thing/${code}`)} />
          : <Rows rows={top.rows.slice(0, 15)} by={by} measure={measure} />}
      </Shown>
    </Sheet>
  );
}

export function Observatory() {
  const query = route.value.query;
  const period = periodOf(query);
  const of = (["packets", "sources", "flows", "bytes"] as const).find((one) => one === query.get("of")) ?? "packets";
  const { since, until, step, scope } = period;
  const series = useAnswer((signal) => get("/api/v1/series", { query: { step, since, ...(until ? { until } : {}), ...(scope ? { scope } : {}) }, signal }), [step, since, until, scope]);

  return (
    <>
      <div class="row" style={{ marginBottom: "0.75rem" }}>
        <PeriodChoice is={period} />
        <Choice label={t("obs.data")} is={of} choose={(word) => turn({ of: word })} of={(["packets", "sources", "flows", "bytes"] as const).map((word) => [word, t(`obs.of.${word}`)] as const)} />
      </div>
      <div class="sheets">
        <Sheet title={t(`obs.of.${of}`)} wide>
          <Shown of={series}>
            {(got) => (
              <>
                <Series points={points(got.rows, got.step, got.since, got.until, of)} label={t(`obs.of.${of}`)} height={220} zoom={(from, to) => turn({ since: from, until: to })} />
                <Behind of={got} />
              </>
            )}
          </Shown>
        </Sheet>
        <Tops by="economies" period={period} measure={of} wide />
        <Tops by="ports" period={period} measure={of} />
        <Tops by="asns" period={period} measure={of} />
        <Tops by="economies" period={period} measure={of} />
        <Tops by="sources" period={period} measure={of} />
        <Tops by="classes" period={period} measure={of} />
      </div>
    </>
  );
}

// SPDX-License-Identifier: Apache-2.0
// Everything about one thing: an address, a prefix, an AS, an economy, a port, a kind of traffic, a sensor.
import { get } from "../api/client";
import { ago, economy, number, percent, short, t, time, tOr } from "../i18n/i18n";
import { Behind, points, Rows } from "../parts/figures";
import { Series } from "../parts/series";
import { Sheet, Shown } from "../parts/state";
import { link, route, turn } from "../state/route";
import { useAnswer } from "../state/use";
import { PeriodChoice, periodOf } from "./observatory";
import { words } from "./findings";

export function Thing() {
  const what = route.value.rest;
  const period = periodOf(route.value.query);
  const { since, until, scope } = period;
  const answer = useAnswer((signal) => get("/api/v1/show", { query: { what, since, ...(until ? { until } : {}), ...(scope ? { scope } : {}) }, signal }), [what, since, until, scope]);
  const isAddress = answer.value?.kind === "address" || answer.value?.kind === "prefix";
  const findings = useAnswer((signal) => (isAddress ? get("/api/v1/findings", { query: { subject: what, limit: 50 }, signal }) : Promise.resolve(undefined)), [what, isAddress]);

  return (
    <>
      <div class="row" style={{ marginBottom: "0.75rem" }}><PeriodChoice is={period} /><a href={link("asks", { what })}>{t("thing.ask")}</a></div>
      <Shown of={answer}>
        {(thing) => (
          <div class="sheets">
            <Sheet title={tOr(`kind.${thing.kind}`, thing.kind)}>
              <dl class="facts">
                {thing.origin && <><dt>AS</dt><dd><a href={link(`thing/${thing.origin.asn}`)}>{thing.origin.asn}</a> {thing.origin.name}</dd><dt>{t("obs.economies")}</dt><dd>{economy(thing.origin.economy)}</dd></>}
                {thing.totals && <><dt>{t("obs.of.packets")}</dt><dd>{number(thing.totals.packets ?? 0)}</dd></>}
                {thing.totals?.sources !== undefined && <><dt>{t("obs.of.sources")}</dt><dd>{short(thing.totals.sources)}</dd></>}
                {thing.totals?.bytes !== undefined && <><dt>{t("obs.of.bytes")}</dt><dd>{short(thing.totals.bytes)}</dd></>}
              </dl>
              {!thing.totals && thing.quorum !== 0 && <p class="quiet">{t("thing.none", { what })}</p>}
              <Behind of={thing} />
            </Sheet>
            {isAddress && <Sheet title={t("thing.findings")}>
              <Shown of={findings} empty={(page) => !page?.findings.length}>
                {(page) => (
                  <ul class="plain">
                    {page?.findings.map((one) => <li key={one.id}><a href={link("findings", { open: one.id })}>{words(one)}</a> <span class="faint">{percent(one.confidence)} · {ago(one.last)}</span></li>)}
                  </ul>
                )}
              </Shown>
            </Sheet>}
            <Sheet title={t("thing.series")} wide>
              <Series points={points(thing.series, thing.step, thing.since, thing.until, "packets")} label={`${what}: ${time(thing.since)} – ${time(thing.until)}`} zoom={(from, to) => turn({ since: from, until: to })} />
            </Sheet>
            {thing.tops.map((top) => <Sheet key={top.by} title={tOr(`obs.${top.by}`, top.by)}><Rows rows={top.rows} by={top.by} /></Sheet>)}
          </div>
        )}
      </Shown>
    </>
  );
}

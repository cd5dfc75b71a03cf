// SPDX-License-Identifier: Apache-2.0
// Within ten seconds: what is happening, what is new, whom it touches, what waits. A quiet day looks quiet.
import { get } from "../api/client";
import type { components } from "../api/schema";
import { ago, number, percent, short, t } from "../i18n/i18n";
import { Behind, named, points } from "../parts/figures";
import { Series } from "../parts/series";
import { Sheet, Shown } from "../parts/state";
import { told } from "../state/live";
import { link, thingLink } from "../state/route";
import { useAnswer } from "../state/use";
import { copyOf, triageOf, words, type Finding } from "./findings";
import { isAlive } from "./sensors";

const SHOWN = 8, NOISE = 20; // rows; packets below which a change says nothing

interface Change {
  key: string;
  name: string;
  now: number;
  text: string;
  weight: number;
}

/** Only what is far from the period before, and more than noise. */
function change(by: string, pair: components["schemas"]["FiguresPair"]): Change | undefined {
  const now = pair.now?.packets ?? 0, before = pair.before?.packets ?? 0;
  const ratio = (now + 1) / (before + 1);

  if (Math.max(now, before) < NOISE || (ratio < 2 && ratio > 0.5)) return undefined;
  return {
    key: pair.key,
    name: named(by, pair),
    now,
    text: before === 0 ? t("now.changed.new") : ratio >= 2 ? t("now.changed.up", { times: number(Number(ratio.toPrecision(2))) }) : t("now.changed.down", { part: percent(ratio) }),
    weight: Math.abs(Math.log(ratio)) * Math.log(Math.max(now, before)),
  };
}

function Changed() {
  const words = { since: "-1h", before_since: "-25h", before_until: "-24h", n: 30 } as const;
  const answer = useAnswer((signal) => Promise.all([
    get("/api/v1/compare", { query: { by: "ports", ...words }, signal }),
    get("/api/v1/compare", { query: { by: "economies", ...words }, signal }),
  ]), [told.status.value]);

  return (
    <Sheet title={t("now.changed")} more={<a href={link("observatory")}>{t("nav.observatory")}</a>}>
      <Shown of={answer}>
        {(both) => {
          const changes = both.flatMap((one) => one.rows.map((pair) => change(one.by, pair))).filter((one) => one !== undefined)
            .sort((a, b) => b.weight - a.weight).slice(0, SHOWN);
          const head = both[0];

          return (
            <>
              {changes.length === 0 ? <p class="quiet">{t("now.quiet")}</p> : (
                <table>
                  <thead><tr><th>{t("now.changed.what")}</th><th class="number">{t("now.changed.hour")}</th><th class="number">{t("now.before")}</th></tr></thead>
                  <tbody>{changes.map((one) => <tr key={one.key}><td><a href={thingLink(one.key)}>{one.name}</a></td><td class="number">{short(one.now)}</td><td class="number">{one.text}</td></tr>)}</tbody>
                </table>
              )}
              {head && <Behind of={head} />}
            </>
          );
        }}
      </Shown>
    </Sheet>
  );
}

function rank(finding: Finding): number {
  return (copyOf(finding) === "warned" ? 10 : 0) + (finding.confidence);
}

function Waiting() {
  const answer = useAnswer((signal) => get("/api/v1/findings", { query: { order: "newest", limit: 200 }, signal }), [told.finding.value]);

  return (
    <Sheet title={t("now.waiting")} more={<a href={link("findings")}>{t("nav.findings")}</a>}>
      <Shown of={answer}>
        {(page) => {
          const open = page.findings.filter((one) => triageOf(one) === "open" && one.state !== "ended" && one.state !== "withdrawn").sort((a, b) => rank(b) - rank(a));

          if (open.length === 0) return <p class="quiet">{t("now.waiting.none")}</p>;
          return (
            <>
              <ul class="plain">
                {open.slice(0, SHOWN).map((one) => (
                  <li key={one.id}>
                    <a href={link("findings", { open: one.id })}>{words(one)}</a>{" "}
                    <span class="faint">{copyOf(one) === "warned" && <span class="tag hot">{t("findings.copy.warned")}</span>} {percent(one.confidence)} · {ago(one.last)}</span>
                  </li>
                ))}
              </ul>
              {open.length > SHOWN && <p><a href={link("findings")}>{t("findings.more")} ({number(open.length - SHOWN)}{page.more ? "+" : ""})</a></p>}
            </>
          );
        }}
      </Shown>
    </Sheet>
  );
}

function Watch() {
  const sensors = useAnswer((signal) => get("/api/v1/sensors", { signal }), [told.sensor.value]);
  const status = useAnswer((signal) => get("/api/v1/status", { signal }), [told.status.value]);

  return (
    <Sheet title={t("now.sensors")} more={<a href={link("sensors")}>{t("nav.sensors")}</a>}>
      <Shown of={sensors}>
        {(page) => {
          const enrolled = page.sensors.filter((one) => one.state === "enrolled");
          const silent = enrolled.filter((one) => !isAlive(one.live?.heard));

          return (
            <>
              {enrolled.length > 0 && <p>{t("now.sensors.alive", { n: enrolled.length - silent.length, all: enrolled.length })}</p>}
              <ul class="plain">{silent.map((one) => <li key={one.uuid}><span class="tag hot">{t("sensors.blind")}</span> {one.name} <span class="faint">{one.live?.heard ? ago(one.live.heard) : t("sensors.never")}</span></li>)}</ul>
              {page.shared_with_you !== undefined && <p class="faint">{t("now.shared", { n: page.shared_with_you })}</p>}
            </>
          );
        }}
      </Shown>
      <h2 style={{ marginTop: "0.75rem" }}>{t("now.hub")}</h2>
      <Shown of={status}>
        {(hub) => <p>{hub.name}: {hub.engine && hub.engine.behind > 0 ? t("now.behind", { n: number(hub.engine.behind) }) : t("now.uptodate")}</p>}
      </Shown>
    </Sheet>
  );
}

function Day() {
  const answer = useAnswer((signal) => get("/api/v1/series", { query: { step: "1h", since: "-24h" }, signal }), [told.status.value]);

  return (
    <Sheet title={t("now.lasthours")} wide>
      <Shown of={answer}>
        {(got) => <Series points={points(got.rows, got.step, got.since, got.until, "packets")} label={t("now.lasthours")} height={150} />}
      </Shown>
    </Sheet>
  );
}

export function Now() {
  return (
    <div class="sheets">
      <Waiting />
      <Changed />
      <Watch />
      <Day />
    </div>
  );
}

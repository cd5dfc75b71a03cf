// SPDX-License-Identifier: Apache-2.0
// Findings and what is to be done about them: the list on the left hand's keys, one of them open beside it.
import { useEffect, useState } from "preact/hooks";
import { get, post, Problem } from "../api/client";
import type { components } from "../api/schema";
import { ago, percent, t, time, tOr } from "../i18n/i18n";
import { Evidence } from "../parts/evidence";
import { Choice, Sheet, Shown } from "../parts/state";
import { told } from "../state/live";
import { route, thingLink, turn } from "../state/route";
import { useAnswer } from "../state/use";

export type Finding = components["schemas"]["AnyFinding"];

export function copyOf(finding: Finding): "all" | "own" | "shared" | "warned" {
  return "copy" in finding ? finding.copy : "all";
}

export function triageOf(finding: Finding): string {
  const triage = (finding as { triage?: { state?: string } }).triage;
  return triage?.state ?? "open";
}

export function words(finding: Finding): string {
  return ("summary" in finding && finding.summary) || `${finding.kind} · ${finding.subject}`;
}

const PAGE = 50;

const acts = { a: "acknowledge", f: "false", c: "close", r: "reopen" } as const;
type Act = (typeof acts)[keyof typeof acts];
const actWords = { acknowledge: "triage.ack", false: "triage.mark.false", close: "triage.close", reopen: "triage.reopen" } as const;

function One({ id, done }: { id: string; done: () => void }) {
  const answer = useAnswer((signal) => get("/api/v1/findings/{finding}", { parts: [id], signal }), [id, told.finding.value]);
  const comments = useAnswer((signal) => get("/api/v1/findings/{finding}/comments", { parts: [id], signal }), [id]);
  const [said, setSaid] = useState("");

  async function comment(event: Event) {
    event.preventDefault();
    await post("/api/v1/findings/{finding}/comments", { parts: [id], body: { words: said } });
    setSaid("");
    comments.again();
    done();
  }

  return (
    <Shown of={answer}>
      {(finding) => (
        <>
          <h3>{words(finding)}</h3>
          <p class="faint">{t(`findings.copy.${copyOf(finding)}`)}</p>
          <dl class="facts">
            <dt>{t("findings.subject")}</dt><dd><a class="code" href={thingLink(finding.subject)}>{finding.subject}</a></dd>
            <dt>{t("findings.kind")}</dt><dd>{finding.kind} <span class="faint">{finding.detector}</span></dd>
            <dt>{t("findings.confidence")}</dt><dd>{percent(finding.confidence)}</dd>
            <dt>{t("findings.first")}</dt><dd>{time(finding.first, true)}</dd>
            <dt>{t("findings.last")}</dt><dd>{time(finding.last, true)}</dd>
          </dl>
          {"warned" in finding && finding.warned && <p class="note bad">{finding.warned.what_to_do}</p>}
          {finding.evidence && <><h2>{t("findings.evidence")}</h2><Evidence of={finding.evidence as Record<string, unknown>} /></>}
          <h2>{t("triage.comment")}</h2>
          <Shown of={comments} empty={(page) => page.comments.length === 0}>
            {(page) => <ul class="plain">{page.comments.map((one) => <li key={one.uuid}><span class="faint">{one.by ?? one.member} · {time(one.made)}</span><br />{one.words}</li>)}</ul>}
          </Shown>
          <form class="row" onSubmit={(event) => void comment(event)}>
            <label class="visually-hidden" for="comment">{t("triage.comment")}</label>
            <input id="comment" class="grow" required maxLength={2000} value={said} onInput={(event) => setSaid(event.currentTarget.value)} />
            <button>{t("triage.comment.go")}</button>
          </form>
        </>
      )}
    </Shown>
  );
}

export function Findings() {
  const query = route.value.query;
  const state = (query.get("state") ?? "") as "" | "new" | "continuing" | "ended";
  const open = query.get("open") ?? "", since = query.get("since") ?? "";
  const page = useAnswer((signal) => get("/api/v1/findings", { query: { order: "newest", limit: PAGE, ...(state ? { state } : {}), ...(since ? { since } : {}) }, signal }), [state, since, told.finding.value]);
  const [at, setAt] = useState(0);
  const [wrong, setWrong] = useState("");
  const list = page.value?.findings ?? [];

  async function mark(finding: Finding | undefined, act: Act) {
    if (!finding) return;
    try {
      await post("/api/v1/findings/{finding}/triage", { parts: [finding.id], body: { action: act } });
      setWrong("");
      page.again();
    } catch (why) {
      setWrong(why instanceof Problem && why.status === 412 ? t("triage.changed") : `${t("state.failed")} ${why instanceof Error ? why.message : ""}`);
    }
  }

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "j" || event.key === "k") setAt((was) => Math.max(0, Math.min(list.length - 1, was + (event.key === "j" ? 1 : -1))));
      else if (event.key === "Enter" && !(event.target instanceof Element && event.target.closest("main a, main button"))) turn({ open: list[at]?.id });
      else if (event.key in acts) void mark(list[at], acts[event.key as keyof typeof acts]);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  });
  useEffect(() => document.querySelector("tr.chosen")?.scrollIntoView({ block: "nearest" }), [at]);
  return (
    <>
      <div class="row">
        <Choice label={t("findings.state")} is={state} choose={(word) => turn({ state: word, since: undefined })}
          of={[["", t("findings.all")], ["new", t("state.new")], ["continuing", t("state.continuing")], ["ended", t("state.ended")]]} />
        <span class="faint hint">{t("findings.keys")}</span>
      </div>
      {wrong && <p class="note bad" role="alert">{wrong}</p>}
      <div class="sheets" style={{ marginTop: "0.75rem" }}>
        <section class={open ? "sheet" : "sheet wide"} aria-label={t("findings.title")}>
          <Shown of={page} empty={() => list.length === 0}>
            {(got) => (
              <div class="wide-table">
                {"partial" in got && got.partial && <p class="note">{t("state.partial", { why: got.partial_why ?? "" })}</p>}
                <table>
                  <thead><tr><th>{t("findings.subject")}</th><th>{t("findings.kind")}</th><th>{t("findings.state")}</th><th class="number">{t("findings.confidence")}</th><th>{t("findings.last")}</th></tr></thead>
                  <tbody>
                    {list.map((finding, row) => (
                      <tr key={finding.id} class={row === at ? "chosen" : ""} aria-selected={row === at} onClick={() => {
                        setAt(row);
                        turn({ open: finding.id });
                      }}>
                        <td><a class="code" href={thingLink(finding.subject)} onClick={(event) => event.stopPropagation()}>{finding.subject}</a>{!open && <div class="faint">{words(finding)}</div>}</td>
                        <td>{finding.kind}</td>
                        <td><span class={finding.state === "new" ? "tag hot" : "tag"}>{tOr(`state.${finding.state}`, finding.state)}</span> {triageOf(finding) !== "open" && <span class="tag done">{tOr(`triage.${triageOf(finding)}`, triageOf(finding))}</span>}</td>
                        <td class="number">{percent(finding.confidence)}</td>
                        <td title={time(finding.last, true)}>{ago(finding.last)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                <p class="row">
                  {since && <button type="button" onClick={() => turn({ since: undefined })}>{t("findings.newest")}</button>}
                  {got.more && <button type="button" onClick={() => turn({ since: got.next })}>{t("findings.more")}</button>}
                </p>
              </div>
            )}
          </Shown>
        </section>
        {open && (
          <Sheet title={t("findings.one")} more={<button type="button" aria-label="×" onClick={() => turn({ open: undefined })}>×</button>}>
            <One id={open} done={page.again} />
            <div class="row" style={{ marginTop: "0.75rem" }}>
              {(Object.values(acts)).map((act) => <button type="button" key={act} onClick={() => void mark(list.find((one) => one.id === open), act)}>{t(actWords[act])}</button>)}
            </div>
          </Sheet>
        )}
      </div>
    </>
  );
}

// SPDX-License-Identifier: Apache-2.0
// "Do you see this too?" A member asks, each of the others decides what to say.
import { useState } from "preact/hooks";
import { get, post } from "../api/client";
import { t, time, tOr } from "../i18n/i18n";
import { Choice, Sheet, Shown } from "../parts/state";
import { told } from "../state/live";
import { link, route, thingLink, turn } from "../state/route";
import { useAnswer } from "../state/use";

type Seen = "yes" | "no" | "declined";
const levels = ["few", "some", "many"] as const;

function One({ uuid, done }: { uuid: string; done: () => void }) {
  const answer = useAnswer((signal) => get("/api/v1/asks/{ask}", { parts: [uuid], signal }), [uuid, told.ask.value]);
  const [level, setLevel] = useState<(typeof levels)[number]>("some");
  const [words, setWords] = useState("");
  const [wrong, setWrong] = useState("");

  async function say(seen: Seen) {
    try {
      await post("/api/v1/asks/{ask}/answer", { parts: [uuid], body: { seen, ...(seen === "yes" ? { level } : {}), ...(words ? { words } : {}) } });
      setWrong("");
      answer.again();
      done();
    } catch (why) {
      setWrong(`${t("state.failed")} ${why instanceof Error ? why.message : ""}`);
    }
  }

  return (
    <Shown of={answer}>
      {(ask) => (
        <>
          <h3><a class="code" href={thingLink(ask.what)}>{ask.what}</a></h3>
          <p class="faint">{t("asks.who")}: {ask.member} · {time(ask.made)} · TLP:{ask.tlp}</p>
          <p>{time(ask.since)} – {time(ask.until)}</p>
          {ask.words && <p>{ask.words}</p>}
          {ask.answers.length > 0 && (
            <>
              <h2>{t("asks.answers")}</h2>
              <ul class="plain">{ask.answers.map((one) => <li key={one.member}><span class={one.seen === "yes" ? "tag hot" : "tag"}>{tOr(`asks.${one.seen}`, one.seen)}</span> {one.member} {one.level && tOr(`asks.level.${one.level}`, one.level)} <span class="faint">{one.words}</span></li>)}</ul>
            </>
          )}
          {!ask.own && ask.state === "open" && (
            <div style={{ display: "grid", gap: "0.5rem", marginTop: "0.75rem" }}>
              <Choice label={t("asks.yes")} is={level} choose={setLevel} of={levels.map((one) => [one, t(`asks.level.${one}`)] as const)} />
              <label class="visually-hidden" for="answer">{t("asks.words")}</label>
              <input id="answer" maxLength={500} placeholder={t("asks.words")} value={words} onInput={(event) => setWords(event.currentTarget.value)} />
              <div class="row">
                <button type="button" class="main" onClick={() => void say("yes")}>{t("asks.yes")}</button>
                <button type="button" onClick={() => void say("no")}>{t("asks.no")}</button>
                <button type="button" onClick={() => void say("declined")}>{t("asks.decline")}</button>
              </div>
            </div>
          )}
          {wrong && <p class="note bad" role="alert">{wrong}</p>}
        </>
      )}
    </Shown>
  );
}

function New({ what, done }: { what: string; done: (uuid: string) => void }) {
  const [words, setWords] = useState("");
  const [wrong, setWrong] = useState("");

  async function send(event: Event) {
    event.preventDefault();
    try {
      const made = await post("/api/v1/asks", { body: { what, ...(words ? { words } : {}), label: { tlp: "GREEN", everyone: true } } });
      done(made.uuid);
    } catch (why) {
      setWrong(`${t("state.failed")} ${why instanceof Error ? why.message : ""}`);
    }
  }

  return (
    <form style={{ display: "grid", gap: "0.5rem" }} onSubmit={(event) => void send(event)}>
      <p><span class="code">{what}</span> <span class="tag">TLP:GREEN</span></p>
      <label class="visually-hidden" for="question">{t("asks.words")}</label>
      <input id="question" maxLength={500} placeholder={t("asks.words")} value={words} onInput={(event) => setWords(event.currentTarget.value)} />
      <div><button class="main">{t("asks.new")}</button></div>
      {wrong && <p class="note bad" role="alert">{wrong}</p>}
    </form>
  );
}

export function Asks() {
  const query = route.value.query;
  const what = query.get("what") ?? "", open = query.get("open") ?? "";
  const page = useAnswer((signal) => get("/api/v1/asks", { signal }), [told.ask.value]);

  return (
    <div class="sheets">
      <Sheet title={t("asks.title")}>
        <Shown of={page}>
          {(got) => got.asks.length === 0 ? <p class="quiet">{t("asks.none")}</p> : (
            <ul class="plain">
              {[...got.asks].reverse().map((ask) => (
                <li key={ask.uuid}>
                  <a href={link("asks", { open: ask.uuid })}><span class="code">{ask.what}</span></a>{" "}
                  <span class="faint">{ask.member} · {time(ask.made)}</span> {ask.state === "open" && !ask.own && ask.answered === 0 && <span class="tag hot">{t("findings.open")}</span>}
                </li>
              ))}
            </ul>
          )}
        </Shown>
      </Sheet>
      {what && !open && <Sheet title={t("asks.new")}><New what={what} done={(uuid) => turn({ open: uuid, what: undefined })} /></Sheet>}
      {open && <Sheet title={t("asks.what")}><One uuid={open} done={page.again} /></Sheet>}
    </div>
  );
}

// SPDX-License-Identifier: Apache-2.0
// The frame: who is here, where he is, and the view of that place.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { post } from "./api/client";
import { t, type Word } from "./i18n/i18n";
import { goLive, isLive } from "./state/live";
import { door, me, whoAmI } from "./state/me";
import { go, link, route, view } from "./state/route";
import { Asks } from "./views/asks";
import { Findings } from "./views/findings";
import { Login } from "./views/login";
import { Now } from "./views/now";
import { Observatory } from "./views/observatory";
import { Sensors } from "./views/sensors";
import { Settings } from "./views/settings";
import { Setup } from "./views/setup";
import { Thing } from "./views/thing";

const views: readonly { name: string; word: Word; view: ComponentType }[] = [
  { name: "now", word: "nav.now", view: Now },
  { name: "observatory", word: "nav.observatory", view: Observatory },
  { name: "findings", word: "nav.findings", view: Findings },
  { name: "sensors", word: "nav.sensors", view: Sensors },
  { name: "asks", word: "nav.asks", view: Asks },
  { name: "settings", word: "nav.settings", view: Settings },
];

/** What is pasted has noise around it: brackets against links, quotes, a full stop behind. */
export function plain(text: string): string {
  return text.trim().replace(/\[\.\]|\(\.\)|\[dot\]/gi, ".").replace(/\[:\]/g, ":").replace(/^h(xx|tt)ps?:\/\//i, "").replace(/^["'<([]+|["'>)\].,;]+$/g, "");
}

function Search() {
  const [text, setText] = useState("");

  return (
    <form role="search" onSubmit={(event) => {
      event.preventDefault();
      if (plain(text)) go(`thing/${encodeURIComponent(plain(text))}`);
    }}>
      <label class="visually-hidden" for="search">{t("app.search.label")}</label>
      <input id="search" type="search" placeholder={t("app.search")} value={text} onInput={(event) => setText(event.currentTarget.value)} autocomplete="off" spellcheck={false} />
    </form>
  );
}

function Side() {
  return (
    <header class="side">
      <a class="brand" href={link("now")}><img src="./noroshi.svg" alt="" />{t("app.name")}</a>
      <nav aria-label={t("app.name")}>
        {views.map((one) => (
          <a key={one.name} href={link(one.name)} {...(view.value === one.name ? { "aria-current": "page" as const } : {})}>{t(one.word)}</a>
        ))}
      </nav>
      <div class="foot">
        <span class={isLive.value ? "dot" : "dot off"} role="status">{t(isLive.value ? "live.on" : "live.off")}</span>
        {me.value && <span class="faint">{me.value.user?.title || me.value.user?.login || me.value.member?.name}</span>}
        <button type="button" onClick={() => void post("/api/v1/logout").finally(() => location.reload())}>{t("nav.logout")}</button>
      </div>
    </header>
  );
}

function Inside() {
  const here = views.find((one) => one.name === view.value);
  const View = view.value === "thing" ? Thing : here?.view ?? Now;
  const title = view.value === "thing" ? route.value.rest : t(here?.word ?? "nav.now");

  useEffect(goLive, []);
  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title]);
  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={(event) => {
        event.preventDefault();
        document.getElementById("content")?.focus();
      }}>{t("app.skip")}</a>
      <Side />
      <main id="content" tabIndex={-1}>
        <div class="top"><h1>{title}</h1><Search /></div>
        <View key={view.value} />
      </main>
    </div>
  );
}

export function App() {
  useEffect(() => void whoAmI(), []);
  if (location.pathname.endsWith("/setup")) return <Setup token={location.hash.slice(1)} />;
  if (door.value === "asking") return <p class="door quiet" role="status">{t("state.loading")}</p>;
  if (door.value === "out") return <Login />;
  if (door.value === "in") return <Inside />;
  return (
    <div class="door">
      <div class="note bad" role="alert">
        <p>{t("state.failed")} {door.value.problem}</p>
        <button type="button" onClick={() => void whoAmI()}>{t("state.again")}</button>
      </div>
    </div>
  );
}

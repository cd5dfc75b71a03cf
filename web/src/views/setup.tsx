// SPDX-License-Identifier: Apache-2.0
// From a one-time link ".../setup#TOKEN": the secret stands behind '#', which no server and no Referer sees.
import { useState } from "preact/hooks";
import { post, Problem } from "../api/client";
import { t } from "../i18n/i18n";

export function Setup({ token }: { token: string }) {
  const [login, setLogin] = useState("");
  const [title, setTitle] = useState("");
  const [password, setPassword] = useState("");
  const [wrong, setWrong] = useState("");

  async function begin(event: Event) {
    event.preventDefault();
    try {
      await post("/api/v1/setup", { body: { token, login, title, password } });
      await post("/api/v1/login", { body: { login, password } });
      location.replace("./");
    } catch (why) {
      const known = why instanceof Problem && why.status < 500;
      setWrong(known && why.status !== 403 && why.status !== 401 ? why.message : known ? t("setup.bad") : t("state.failed"));
    }
  }

  return (
    <div class="door">
      <form onSubmit={(event) => void begin(event)}>
        <img class="ridge" src="./noroshi.svg" alt="" />
        <h1>{t("setup.title")}</h1>
        <p class="faint">{t("setup.words")}</p>
        <label>{t("setup.login")}<input autocomplete="username" required autofocus pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,62}" value={login} onInput={(event) => setLogin(event.currentTarget.value)} /></label>
        <label>{t("setup.name")}<input autocomplete="name" value={title} onInput={(event) => setTitle(event.currentTarget.value)} /></label>
        <label>{t("setup.password")}<input type="password" autocomplete="new-password" required minLength={12} value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></label>
        {wrong && <p class="note bad" role="alert">{wrong}</p>}
        <button class="main">{t("setup.go")}</button>
      </form>
    </div>
  );
}

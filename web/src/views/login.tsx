// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { post, Problem } from "../api/client";
import { t } from "../i18n/i18n";
import { whoAmI } from "../state/me";

export function Login() {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);

  async function enter(event: Event) {
    event.preventDefault();
    setBusy(true);
    try {
      await post("/api/v1/login", { body: { login: user, password, ...(code ? { code } : {}) } });
      setPassword("");
      await whoAmI();
    } catch (why) {
      const often = why instanceof Problem && (why.status === 429 || why.status === 503);
      setWrong(often ? t("login.often", { seconds: why.retry || 60 }) : why instanceof Problem && why.status < 500 ? t("login.wrong") : t("state.failed"));
    } finally {
      setBusy(false);
    }
  }

  return (
    <div class="door">
      <form onSubmit={(event) => void enter(event)}>
        <img class="ridge" src="./noroshi.svg" alt="" />
        <h1>{t("login.title")}</h1>
        <label>{t("login.user")}<input name="username" autocomplete="username" required autofocus value={user} onInput={(event) => setUser(event.currentTarget.value)} /></label>
        <label>{t("login.password")}<input name="password" type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></label>
        <label>{t("login.code")}<input name="code" inputMode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" value={code} onInput={(event) => setCode(event.currentTarget.value)} /></label>
        {wrong && <p class="note bad" role="alert">{wrong}</p>}
        <button class="main" disabled={busy}>{t("login.go")}</button>
      </form>
    </div>
  );
}

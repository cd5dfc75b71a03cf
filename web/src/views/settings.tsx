// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { ask as call } from "../api/client";
import { t } from "../i18n/i18n";
import { Choice, Sheet } from "../parts/state";
import { me, whoAmI } from "../state/me";
import { clock, language, theme } from "../state/prefs";

function SecondFactor() {
  const [password, setPassword] = useState("");
  const [secret, setSecret] = useState("");
  const [code, setCode] = useState("");
  const [wrong, setWrong] = useState("");

  async function step(event: Event) {
    event.preventDefault();
    try {
      if (!secret) {
        const made = await call("post", "/api/v1/me/totp", { body: { password } });
        setPassword("");
        setSecret(made.secret);
      } else {
        await call("put", "/api/v1/me/totp", { body: { code } });
        setSecret("");
        await whoAmI();
      }
      setWrong("");
    } catch (why) {
      setWrong(`${t("state.failed")} ${why instanceof Error ? why.message : ""}`);
    }
  }

  if (me.value?.user?.totp) return <p>{t("settings.totp.on")}</p>;
  return (
    <form onSubmit={(event) => void step(event)} style={{ display: "grid", gap: "0.5rem" }}>
      {secret ? (
        <>
          <p>{t("settings.totp.secret")}</p>
          <p class="code">{secret}</p>
          <label>{t("login.code")} <input inputMode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" required value={code} onInput={(event) => setCode(event.currentTarget.value)} /></label>
          <div><button class="main">{t("settings.totp.confirm")}</button></div>
        </>
      ) : (
        <>
          <p class="faint">{t("settings.totp.off")}</p>
          <label>{t("login.password")} <input type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></label>
          <div><button>{t("settings.totp.begin")}</button></div>
        </>
      )}
      {wrong && <p class="note bad" role="alert">{wrong}</p>}
    </form>
  );
}

export function Settings() {
  return (
    <div class="sheets">
      <Sheet title={t("settings.title")}>
        <dl class="facts">
          <dt>{t("settings.language")}</dt>
          <dd><Choice label={t("settings.language")} is={language.value} choose={(word) => (language.value = word)} of={[["en", "English"], ["ja", "日本語"]]} /></dd>
          <dt>{t("settings.theme")}</dt>
          <dd><Choice label={t("settings.theme")} is={theme.value} choose={(word) => (theme.value = word)} of={[["system", t("settings.theme.system")], ["light", t("settings.theme.light")], ["dark", t("settings.theme.dark")]]} /></dd>
          <dt>{t("settings.clock")}</dt>
          <dd><Choice label={t("settings.clock")} is={clock.value} choose={(word) => (clock.value = word)} of={[["utc", t("settings.clock.utc")], ["local", t("settings.clock.local")]]} /></dd>
        </dl>
      </Sheet>
      <Sheet title={t("settings.me")}>
        <dl class="facts">
          <dt>{t("login.user")}</dt><dd>{me.value?.user?.login ?? "–"}</dd>
          <dt>{t("settings.role")}</dt><dd>{me.value?.role}</dd>
          <dt>{t("settings.member")}</dt><dd>{me.value?.member?.title || me.value?.member?.name || "–"}</dd>
        </dl>
      </Sheet>
      {me.value?.user && <Sheet title={t("settings.totp")}><SecondFactor /></Sheet>}
    </div>
  );
}

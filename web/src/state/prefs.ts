// SPDX-License-Identifier: Apache-2.0
// What this browser keeps for its user: language, appearance, which clock. Nothing of the hub.
import { effect, signal } from "@preact/signals";

export type Language = "en" | "ja";
export type Theme = "system" | "light" | "dark";
export type Clock = "utc" | "local";

function kept<T extends string>(name: string, allowed: readonly T[], otherwise: T) {
  let first = otherwise;
  try {
    const stored = localStorage.getItem(`noroshi.${name}`);
    first = allowed.find((word) => word === stored) ?? otherwise;
  } catch {
    // a browser that keeps nothing: the default it is
  }
  const value = signal<T>(first);
  effect(() => {
    try {
      localStorage.setItem(`noroshi.${name}`, value.value);
    } catch {
      // as above
    }
  });
  return value;
}

export const language = kept<Language>("language", ["en", "ja"], navigator.language.startsWith("ja") ? "ja" : "en");
export const theme = kept<Theme>("theme", ["system", "light", "dark"], "system");
export const clock = kept<Clock>("clock", ["utc", "local"], "utc");

effect(() => {
  document.documentElement.lang = language.value;
});
effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
});

// SPDX-License-Identifier: Apache-2.0
// Words, numbers and times as this user reads them.
import { clock, language } from "../state/prefs";
import { en, type Word } from "./en";
import { ja } from "./ja";

export type { Word };

export function t(word: Word, values: Record<string, string | number> = {}): string {
  const text: string = (language.value === "ja" ? ja : en)[word];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** A word that is made of what the hub says; what the hub says when there is none. */
export function tOr(word: string, otherwise: string): string {
  return word in en ? t(word as Word) : otherwise;
}

function locale(): string {
  return language.value === "ja" ? "ja-JP" : "en-GB";
}

export function number(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

export function short(value: number): string {
  return new Intl.NumberFormat(locale(), { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

export function percent(value: number): string {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 0 }).format(value);
}

/** With the clock it is read from: a time that does not say so is no time. */
export function time(iso: string | undefined, seconds = false): string {
  if (!iso) return "–";
  const utc = clock.value === "utc";
  const text = new Intl.DateTimeFormat(locale(), {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" as const } : {}),
    hourCycle: "h23",
    ...(utc ? { timeZone: "UTC" } : { timeZoneName: "short" as const }),
  }).format(new Date(iso));
  return utc ? `${text} UTC` : text;
}

/** A mark under a chart: the day where it changes, else the hour; days alone when marks are far apart. */
export function tick(seconds: number, step: number, before: number | undefined): string {
  const zone = clock.value === "utc" ? { timeZone: "UTC" } : {};
  const format = (words: Intl.DateTimeFormatOptions, at: number) => new Intl.DateTimeFormat(locale(), { ...words, ...zone }).format(new Date(at * 1000));
  const day = (at: number) => format({ month: "short", day: "numeric" }, at);

  if (step >= 86400 * 28) return format({ year: "numeric", month: "short" }, seconds);
  if (step >= 86400) return day(seconds);
  const hour = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, seconds);
  return before === undefined || day(before) !== day(seconds) ? `${hour}\n${day(seconds)}` : hour;
}

/** "3 min. ago" */
export function ago(iso: string | undefined): string {
  if (!iso) return "–";
  const seconds = (Date.parse(iso) - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto", style: "short" });
  for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]] as const)
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
  return format.format(Math.round(seconds), "second");
}

export function economy(code: string): string {
  try {
    return new Intl.DisplayNames([locale()], { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}

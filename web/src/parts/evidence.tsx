// SPDX-License-Identifier: Apache-2.0
// What made a finding, as a person checks it: names and values, lists within lists; text is only ever text.
import { number, tOr, time } from "../i18n/i18n";

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function label(name: string): string {
  return tOr(`evidence.${name}`, name.replace(/_/g, " "));
}

export function Value({ of }: { of: unknown }) {
  if (of === null || of === undefined) return <>–</>;
  if (typeof of === "number") return <>{Number.isInteger(of) ? number(of) : of.toPrecision(4)}</>;
  if (typeof of === "boolean") return <>{of ? "✓" : "–"}</>;
  if (typeof of === "string") return TIME.test(of) ? <>{time(of, true)}</> : <span class="code">{of}</span>;
  if (Array.isArray(of)) {
    if (of.every((one) => !isObject(one))) return <span class="code">{of.slice(0, 50).map(String).join(", ") || "–"}</span>;
    return <ul class="plain">{of.slice(0, 50).map((one, at) => <li key={at}><Value of={one} /></li>)}</ul>;
  }
  if (isObject(of)) return <span class="code">{Object.entries(of).map(([name, value]) => `${label(name)} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`).join(" · ")}</span>;
  return <>{String(of)}</>;
}

export function Evidence({ of }: { of: Record<string, unknown> }) {
  return (
    <dl class="facts">
      {Object.entries(of).map(([name, value]) => [<dt key={`${name}.t`}>{label(name)}</dt>, <dd key={`${name}.d`}><Value of={value} /></dd>])}
    </dl>
  );
}

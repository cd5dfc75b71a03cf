// SPDX-License-Identifier: Apache-2.0
// Loading, empty, failed, partial: each says what it is and what to do.
import type { ComponentChildren } from "preact";
import { t } from "../i18n/i18n";
import type { Answer } from "../state/use";

interface Words<T> {
  of: Answer<T>;
  empty?: (value: T) => boolean;
  children: (value: T) => ComponentChildren;
}

export function Shown<T>({ of, empty, children }: Words<T>) {
  if (of.value === undefined && of.problem === undefined) return <p class="quiet" role="status">{t("state.loading")}</p>;
  if (of.problem && (of.value === undefined || of.problem.status === 404))
    return (
      <div class="note bad" role="alert">
        <p>{of.problem.status === 404 ? t("state.gone") : `${t("state.failed")} ${of.problem.message}`}</p>
        {of.problem.status !== 404 && <button type="button" onClick={of.again}>{t("state.again")}</button>}
      </div>
    );
  if (of.value === undefined) return null;
  return (
    <div aria-busy={of.loading}>
      {of.problem && <p class="note bad" role="alert">{t("state.failed")} {of.problem.message} <button type="button" onClick={of.again}>{t("state.again")}</button></p>}
      {empty?.(of.value) ? <p class="quiet">{t("state.empty")}</p> : children(of.value)}
    </div>
  );
}

export function Sheet(words: { title: string; more?: ComponentChildren; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={words.wide ? "sheet wide" : "sheet"} aria-label={words.title}>
      <header><h2>{words.title}</h2>{words.more}</header>
      {words.children}
    </section>
  );
}

/** One of some words, as buttons. */
export function Choice<T extends string>(words: { label: string; of: readonly (readonly [T, string])[]; is: T; choose: (word: T) => void }) {
  return (
    <span class="chosen-words" role="group" aria-label={words.label}>
      {words.of.map(([word, text]) => (
        <button type="button" key={word} aria-pressed={word === words.is} onClick={() => words.choose(word)}>{text}</button>
      ))}
    </span>
  );
}

// SPDX-License-Identifier: Apache-2.0
// Where the user is: the whole of a view stands in the URL, behind '#', so that every picture can be sent as a link and no
// server sees it.
import { computed, signal } from "@preact/signals";

export interface Route {
  view: string; // "now", "findings", "thing" ...
  rest: string; // of "#/thing/203.0.113.7": "203.0.113.7"
  query: URLSearchParams;
}

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const slash = path.indexOf("/");
  const view = slash < 0 ? path : path.slice(0, slash);
  let rest = slash < 0 ? "" : path.slice(slash + 1);
  try {
    rest = decodeURIComponent(rest);
  } catch {
    // what is no escape stands for itself
  }
  return { view: view || "now", rest, query: new URLSearchParams(query) };
}

export const route = signal<Route>(read());
export const view = computed(() => route.value.view);
addEventListener("hashchange", () => {
  route.value = read();
});

export type Query = Record<string, string | undefined>;

export function link(to: string, query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) words.set(name, value);
  const text = words.toString();
  return `#/${to}${text ? `?${text}` : ""}`;
}

export function thingLink(what: string): string {
  return link(`thing/${encodeURIComponent(what)}`);
}

export function go(to: string, query: Query = {}): void {
  location.hash = link(to, query);
}

/** The same view with some words of its query changed; an empty one goes. */
export function turn(changes: Query): void {
  const { view, rest, query } = route.value;
  const all: Query = Object.fromEntries(query);
  go(rest ? `${view}/${encodeURIComponent(rest)}` : view, { ...all, ...changes });
}

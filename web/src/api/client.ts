// SPDX-License-Identifier: Apache-2.0
// The hub's API, with the types that its own description gives. What the hub forbids is not guessed here: it says so.
import { signal } from "@preact/signals";
import type { paths } from "./schema";

type Method = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? NonNullable<paths[P][M]> : never;
type Json<T> = T extends { content: { "application/json": infer J } } ? J : undefined;
type Good<O> = O extends { responses: infer R } ? Json<R[Extract<keyof R, 200 | 201 | 202>]> : never;
type Query<O> = O extends { parameters: { query?: infer Q } } ? NonNullable<Q> : Record<string, never>;
type Body<O> = O extends { requestBody?: infer B } ? Json<NonNullable<B>> : undefined;

export class Problem extends Error {
  constructor(readonly status: number, detail: string, readonly retry: number) {
    super(detail);
  }
}

/** The session has ended: the whole console asks to sign in. */
export const signedOut = signal(false);

const base = new URL("api/v1/", document.baseURI.replace(/#.*/, ""));

export interface Asked<O> {
  parts?: readonly string[]; // for the {…} of the path, in order
  query?: Partial<Query<O>>;
  body?: Body<O>;
  ifMatch?: string;
  signal?: AbortSignal;
}

function where(path: string, parts: readonly string[], query: object): URL {
  let at = 0;
  const filled = path.replace(/^\/api\/v1\//, "").replace(/\{[^}]*\}/g, () => encodeURIComponent(parts[at++] ?? ""));
  const url = new URL(filled, base);
  for (const [name, value] of Object.entries(query as Record<string, unknown>))
    if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
  return url;
}

async function problem(answer: Response): Promise<Problem> {
  let words = answer.statusText;
  try {
    const said = (await answer.json()) as { title?: string; detail?: string };
    words = said.detail ?? said.title ?? words;
  } catch {
    // not ours: a proxy's page
  }
  return new Problem(answer.status, words, Number(answer.headers.get("Retry-After") ?? 0));
}

export async function ask<P extends keyof paths, M extends Method>(method: M, path: P, asked: Asked<Operation<P, M>> = {}): Promise<Good<Operation<P, M>>> {
  const headers: Record<string, string> = { Accept: "application/json" };
  const init: RequestInit = { method: method.toUpperCase(), headers, credentials: "same-origin" };

  if (asked.signal) init.signal = asked.signal;
  if (asked.ifMatch) headers["If-Match"] = asked.ifMatch;
  if (method !== "get") headers["Idempotency-Key"] = crypto.randomUUID();
  if (asked.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(asked.body);
  }
  const answer = await fetch(where(path as string, asked.parts ?? [], asked.query ?? {}), init);
  if (answer.status === 401 && !String(path).endsWith("/login")) signedOut.value = true;
  if (!answer.ok) throw await problem(answer);
  return (answer.status === 204 ? undefined : await answer.json()) as Good<Operation<P, M>>;
}

export const get = <P extends keyof paths>(path: P, asked?: Asked<Operation<P, "get">>) => ask("get", path, asked);
export const post = <P extends keyof paths>(path: P, asked?: Asked<Operation<P, "post">>) => ask("post", path, asked);
export const patch = <P extends keyof paths>(path: P, asked?: Asked<Operation<P, "patch">>) => ask("patch", path, asked);
export const remove = <P extends keyof paths>(path: P, asked?: Asked<Operation<P, "delete">>) => ask("delete", path, asked);

/** The address of an answer, for a link to the data behind a picture. */
export function dataLink(path: keyof paths, query: object): string {
  return where(path as string, [], query).href;
}

export function eventsUrl(): string {
  return new URL("events", base).href;
}

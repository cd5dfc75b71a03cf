// SPDX-License-Identifier: Apache-2.0
// What the hub tells as it happens. One tab of a browser holds the stream, the others hear it from there: tabs agree by a lock
// who it is, and the next one takes over when it goes. A hidden tab holds on, but nothing is drawn in it.
import { signal } from "@preact/signals";
import { eventsUrl } from "../api/client";

export interface Told {
  kind: "finding" | "ask" | "sensor" | "status";
  data: unknown;
}

export const isLive = signal(false);
/** Grows with every event of its kind: views ask again when it does. */
export const told = { finding: signal(0), ask: signal(0), sensor: signal(0), status: signal(0) };

const channel = new BroadcastChannel("noroshi");
const listeners = new Set<(what: Told) => void>();

function hear(what: Told): void {
  told[what.kind].value++;
  for (const listener of listeners) listener(what);
}

export function onTold(listener: (what: Told) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

channel.onmessage = (message: MessageEvent<Told | { live: boolean }>) => {
  if ("live" in message.data) isLive.value = message.data.live;
  else hear(message.data);
};

function say(live: boolean): void {
  isLive.value = live;
  channel.postMessage({ live });
}

function follow(): void {
  const stream = new EventSource(eventsUrl(), { withCredentials: true });

  stream.onopen = () => say(true);
  stream.onerror = () => {
    say(false);
    if (stream.readyState !== EventSource.CLOSED) return; // it tries again by itself, behind the last event
    setTimeout(follow, 5000);
  };
  for (const kind of ["finding", "ask", "sensor", "status"] as const)
    stream.addEventListener(kind, (event: MessageEvent<string>) => {
      const what: Told = { kind, data: JSON.parse(event.data) as unknown };
      hear(what);
      channel.postMessage(what);
    });
}

let began = false;
export function goLive(): void {
  if (began) return;
  began = true;
  if (!("locks" in navigator)) return follow();
  void navigator.locks.request("noroshi-events", () => {
    follow();
    return new Promise<never>(() => undefined); // as long as this tab lives
  });
}

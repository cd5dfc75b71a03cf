// SPDX-License-Identifier: Apache-2.0
// Who is signed in, as the hub says.
import { effect, signal } from "@preact/signals";
import { get, Problem, signedOut } from "../api/client";
import type { paths } from "../api/schema";

export type Me = paths["/api/v1/me"]["get"]["responses"][200]["content"]["application/json"];

export const me = signal<Me | undefined>(undefined);
/** Not known yet, nobody, somebody; or why nobody can tell. */
export const door = signal<"asking" | "out" | "in" | { problem: string }>("asking");

export async function whoAmI(): Promise<void> {
  try {
    me.value = await get("/api/v1/me");
    signedOut.value = false;
    door.value = "in";
  } catch (why) {
    me.value = undefined;
    door.value = why instanceof Problem && why.status === 401 ? "out" : { problem: String(why instanceof Error ? why.message : why) };
  }
}

effect(() => {
  if (signedOut.value) {
    me.value = undefined;
    door.value = "out";
  }
});

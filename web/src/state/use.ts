// SPDX-License-Identifier: Apache-2.0
// An answer of the hub in a view: loading, there, failed; asked again when its words change or something new is told.
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api/client";

export interface Answer<T> {
  value: T | undefined; // the last one stays while the next is loading
  loading: boolean;
  problem: Problem | undefined;
  again: () => void;
}

export function useAnswer<T>(ask: (signal: AbortSignal) => Promise<T>, words: readonly unknown[]): Answer<T> {
  const [value, setValue] = useState<T>();
  const [loading, setLoading] = useState(true);
  const [problem, setProblem] = useState<Problem>();
  const [turn, setTurn] = useState(0);
  const newest = useRef(0);

  useEffect(() => {
    const mine = ++newest.current;
    const stop = new AbortController();

    setLoading(true);
    ask(stop.signal)
      .then((got) => {
        if (mine !== newest.current) return;
        setValue(got);
        setProblem(undefined);
        setLoading(false);
      })
      .catch((why: unknown) => {
        if (stop.signal.aborted || mine !== newest.current) return;
        setProblem(why instanceof Problem ? why : new Problem(0, String(why), 0));
        setLoading(false);
      });
    return () => stop.abort();
  }, [...words, turn]);
  return { value, loading, problem, again: () => setTurn(turn + 1) };
}

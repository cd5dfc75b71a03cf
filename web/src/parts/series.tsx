// SPDX-License-Identifier: Apache-2.0
// A line over time. Where nothing was heard there is a gap, not a zero. Drag over it to look closer; the keyboard gets a table.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { number, short, t, tick, time } from "../i18n/i18n";
import { clock, language, theme } from "../state/prefs";

export interface Point {
  time: string;
  value: number | null;
}

interface Words {
  points: readonly Point[];
  label: string;
  height?: number;
  zoom?: (since: string, until: string) => void;
}

function colour(name: string): string {
  const probe = document.createElement("i"); // light-dark() is only worked out where it is used
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function options(words: Words, width: number): uPlot.Options {
  const axis = { stroke: colour("faint"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };

  return {
    width,
    height: words.height ?? 180,
    ...(clock.value === "utc" ? { tzDate: (ts: number) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC") } : {}),
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    scales: { x: { time: true }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
    axes: [{ ...axis, values: (_, marks, __, ___, step) => marks.map((mark, at) => tick(mark, step, marks[at - 1])) }, { ...axis, size: 56, values: (_, marks) => marks.map((mark) => short(mark)) }],
    series: [{}, { label: words.label, stroke: colour("sea"), fill: colour("sea-soft"), width: 1.5, points: { show: false }, spanGaps: false }],
    hooks: {
      setSelect: [(plot) => {
        if (plot.select.width < 4 || !words.zoom) return;
        const at = (x: number) => new Date(plot.posToVal(x, "x") * 1000).toISOString().replace(/\.\d+Z$/, "Z");
        words.zoom(at(plot.select.left), at(plot.select.left + plot.select.width));
      }],
    },
  };
}

export function Series(words: Words) {
  const box = useRef<HTMLDivElement>(null);
  const said = useRef<HTMLParagraphElement>(null);

  useEffect(() => {
    const where = box.current;
    if (!where) return;
    const xs = words.points.map((point) => Date.parse(point.time) / 1000);
    const ys = words.points.map((point) => point.value);
    const plot = new uPlot(options(words, where.clientWidth || 600), [xs, ys], where);
    const watch = new ResizeObserver(() => plot.setSize({ width: where.clientWidth, height: words.height ?? 180 }));
    const move = () => {
      const at = plot.cursor.idx;
      if (!said.current) return;
      const point = at === null || at === undefined ? undefined : words.points[at];
      said.current.textContent = point ? `${time(point.time)} · ${point.value === null ? "–" : number(point.value)}` : "\u00a0";
    };
    where.addEventListener("mousemove", move);
    watch.observe(where);
    return () => {
      watch.disconnect();
      where.removeEventListener("mousemove", move);
      plot.destroy();
    };
  }, [words.points, words.label, language.value, theme.value, clock.value]);
  return (
    <figure class="chart" style={{ margin: 0 }}>
      <div ref={box} role="img" aria-label={words.label} />
      <p class="faint" ref={said} aria-hidden="true">{"\u00a0"}</p>
      <details>
        <summary class="faint">{t("obs.data")}</summary>
        <div class="wide-table" style={{ maxHeight: "16rem", overflowY: "auto" }} tabIndex={0}>
          <table>
            <tbody>
              {words.points.map((point) => (
                <tr key={point.time}><td>{time(point.time)}</td><td class="number">{point.value === null ? "–" : number(point.value)}</td></tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

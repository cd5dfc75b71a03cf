// SPDX-License-Identifier: Apache-2.0
// Economies on a map: darker is more, in steps that a colour-blind eye tells apart. The list beside it says the same in words.
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { useEffect, useMemo, useState } from "preact/hooks";
import { feature } from "topojson-client";
import type { Topology, GeometryCollection } from "topojson-specification";
import { economy, number } from "../i18n/i18n";
import { numericOf } from "./economies";

interface Words {
  values: ReadonlyMap<string, number>; // ISO 3166 alpha-2 -> how much
  choose: (code: string) => void;
  label: string;
}

type Shape = { d: string; code: string | undefined };

async function shapes(): Promise<Shape[]> {
  const world = (await import("world-atlas/countries-110m.json")).default as unknown as Topology<{ countries: GeometryCollection }>;
  const land = feature(world, world.objects.countries);
  const path = geoPath(geoNaturalEarth1().fitSize([960, 470], land));
  const codes = new Map([...numericOf].map(([code, numeric]) => [numeric, code]));

  return land.features.map((one) => ({ d: path(one) ?? "", code: codes.get(String(one.id).padStart(3, "0")) }));
}

export function WorldMap({ values, choose, label }: Words) {
  const [land, setLand] = useState<Shape[]>([]);
  const most = useMemo(() => Math.max(1, ...values.values()), [values]);

  useEffect(() => {
    void shapes().then(setLand);
  }, []);
  return (
    <svg viewBox="0 0 960 470" class="chart" role="img" aria-label={label}>
      {land.map((shape, at) => {
        const value = shape.code ? values.get(shape.code) ?? 0 : 0;
        const part = value > 0 ? 18 + 82 * (Math.log1p(value) / Math.log1p(most)) : 0;

        return (
          <path key={at} d={shape.d} class={value > 0 ? "land has" : "land"}
            {...(value > 0 ? { style: { fill: `color-mix(in oklab, var(--ember) ${part.toFixed(0)}%, var(--sheet))` } } : {})}
            onClick={() => shape.code && value > 0 && choose(shape.code)}>
            {shape.code && <title>{`${economy(shape.code)}: ${number(value)}`}</title>}
          </path>
        );
      })}
    </svg>
  );
}

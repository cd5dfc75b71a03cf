// SPDX-License-Identifier: Apache-2.0
import { get } from "../api/client";
import { Shown } from "../parts/state";
import { ago, number, t, time } from "../i18n/i18n";
import { told } from "../state/live";
import { useAnswer } from "../state/use";

/** A beat comes every ten seconds; three that are missed are an alarm. */
export const SILENT_S = 90;

export function isAlive(heard: string | undefined): boolean {
  return heard !== undefined && Date.now() - Date.parse(heard) < SILENT_S * 1000;
}

export function Sensors() {
  const answer = useAnswer((signal) => get("/api/v1/sensors", { signal }), [told.sensor.value]);

  return (
    <Shown of={answer}>
      {(page) => (
        <>
          {page.sensors.length === 0 && <p class="quiet">{t("sensors.none")}</p>}
          {page.shared_with_you !== undefined && <p class="note">{t("now.shared", { n: page.shared_with_you })}</p>}
          {page.sensors.length > 0 && (
            <div class="sheet wide-table">
              <table>
                <thead>
                  <tr>
                    <th>{t("sensors.name")}</th><th>{t("sensors.state")}</th><th>{t("sensors.heard")}</th>
                    <th class="number">{t("sensors.clock")}</th><th class="number">{t("sensors.observations")}</th><th class="number">{t("sensors.lost")}</th>
                  </tr>
                </thead>
                <tbody>
                  {page.sensors.map((sensor) => {
                    const heard = sensor.live?.heard;
                    const alive = isAlive(heard);

                    return (
                      <tr key={sensor.uuid}>
                        <td>{sensor.name}</td>
                        <td>
                          {sensor.state === "enrolled"
                            ? <span class={alive ? "tag" : "tag hot"}>{t(alive ? "sensors.alive" : "sensors.blind")}</span>
                            : <span class="tag done">{sensor.state}</span>}
                        </td>
                        <td title={time(heard, true)}>{heard ? ago(heard) : t("sensors.never")}</td>
                        <td class="number">{sensor.live?.clock_offset_seconds === undefined ? "–" : `${sensor.live.clock_offset_seconds.toFixed(1)} s`}</td>
                        <td class="number">{number(sensor.live?.observations ?? 0)}</td>
                        <td class="number">{number(sensor.acknowledged?.observations_lost ?? 0)}</td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            </div>
          )}
        </>
      )}
    </Shown>
  );
}

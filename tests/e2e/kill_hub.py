#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill_hub.py N [--dir DIR] [--results FILE] [--seed S]: a real hub is killed (SIGKILL) N times while a sensor delivers and files are
imported; after each kill it starts again on the same directory. Ends with the line `kills N acked A lost L doubled D`.

lost     an acknowledged number that WELCOME or `hub acked` no longer knows, or whose observations the API does not have
doubled  observations that the API has more often than they were sent
The moment is random: from before the directory is locked to the middle of a commit. Exit status 1 when anything was lost or doubled.
"""
import argparse
import copy
import os
import pathlib
import random
import ssl
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import Hub, WireSensor, batches_of, generate, run

SETTINGS = "journal:\n  segment_mib: 1\n  reserve_mib: 1\nengine:\n  snapshot_s: 1\n  snapshot_mib: 1\n"
WINDOW = 32
CHECK_EVERY = 50


class Ledger:
    """What the sensor was told, kept outside of the hub."""

    def __init__(self):
        self.kills = self.acked = self.lost = self.doubled = 0


def deliver(sensor, payload, until, ledger):
    """Send and count until the hub is gone or the time is over."""
    have = sensor.connect()
    if have < sensor.acked:
        ledger.lost += sensor.acked - have
        print(f"# LOST: acknowledged {sensor.acked}, WELCOME knows {have}", flush=True)
    sensor.acked = max(sensor.acked, have)
    seq = have
    while time.monotonic() < until:
        while seq < sensor.acked + WINDOW:
            seq += 1
            sensor.send_batch(seq, payload)
        sensor.wait_ack(sensor.acked + 1)


def check(hub, sensor, rows, imported, ledger):
    """Everything that was acknowledged is readable, once: through journal, store and API."""
    hub.settle(120)
    acked = hub.acked().get(sensor.uuid, (sensor.epoch, 0))
    if acked[1] < sensor.acked:
        ledger.lost += sensor.acked - acked[1]
    client = hub.client(hub.token())
    for name, want in (("wire-1", acked[1] * rows), *imported.items()):
        count = count_observations(client, name)
        if count < want:
            ledger.lost += want - count
        if count > want:
            ledger.doubled += count - want
        if count != want:
            print(f"# {name}: {count} observations, wanted {want}", flush=True)


def count_observations(client, name):
    total, cursor = 0, ""
    while True:
        _, _, text = client.get(f"/api/v1/observations?sensor={name}&limit=1000000{cursor}")
        lines = text.count(b"\n")
        last = hub_lib.json.loads(text.splitlines()[-1])
        if last["observations"] != lines - 1:
            raise AssertionError("broken off")
        total += lines - 1
        cursor = f"&cursor={last['next']}"
        if not last["more"]:
            return total


def marked_points():
    """Names of tests/crash/points.tsv, when the program was built to die at them (meson -Dcrash_points=true)."""
    table = pathlib.Path(__file__).resolve().parents[1] / "crash" / "points.tsv"
    program = hub_lib.NOROSHI.read_bytes()
    names = [line.split("\t")[0] for line in table.read_text(encoding="utf-8").splitlines()] if table.exists() else []
    return [name for name in names if name.encode() in program]


def one_kill(hub, sensor, payload, chance, ledger, points=()):
    """Start, deliver for a moment, kill: sometimes before it is ready, sometimes at a marked point."""
    if points and chance.random() < 0.5:
        env = {"NOROSHI_CRASH": f"{chance.choice(points)}:{1 + int(chance.expovariate(0.1))}"}
        try:
            hub.start(env=env)
            deliver(sensor, payload, time.monotonic() + 1.0, ledger)
        except (AssertionError, ConnectionError, ssl.SSLError, OSError):
            pass  # it came to the point, or did not and is killed now
        hub.kill()
        sensor_drain(sensor)
        return
    early = chance.random() < 0.2
    hub.start(wait=not early)
    if early:
        time.sleep(chance.uniform(0, 0.5))
        hub.kill()
        return
    try:
        deliver(sensor, payload, time.monotonic() + chance.uniform(0, 0.4), ledger)
    except (ConnectionError, ssl.SSLError, OSError) as why:
        print(f"# the hub ended a session by itself: {why}", flush=True)
    hub.kill()
    sensor_drain(sensor)


def sensor_drain(sensor):
    """Acknowledgements that were under way when it died count: they had left."""
    if sensor.socket is None:
        return
    try:
        sensor.socket.settimeout(0.2)
        sensor.wait_ack(1 << 62)
    except (ConnectionError, ssl.SSLError, OSError):
        pass
    sensor.close()


def killed_import(hub, pcap, name, chance):
    """An import whose hub dies in the middle; it is run again until it ends."""
    hub.start()
    with hub_lib.subprocess.Popen([hub_lib.NOROSHI, "hub", "import", hub.dir, pcap, "--sensor", name, "--net", hub_lib.NET],
                                  stderr=hub_lib.subprocess.DEVNULL) as command:
        time.sleep(chance.uniform(0, 0.15))
        hub.kill()
        command.wait()


def loop(words, scratch, ledger):
    chance = random.Random(words.seed)
    points = marked_points()
    print(f"# {len(points)} marked points in this build", flush=True)
    payload, rows = batches_of(generate(scratch / "live.pcap", "1s", start=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())),
                               scratch)[0]
    old = generate(scratch / "old.pcap", "30s")
    want_old = sum(n for _, n in batches_of(old, scratch))
    hub = Hub(scratch / "hub", settings=SETTINGS).start()
    sensor = WireSensor(hub, scratch / "sensor")
    hub.stop()
    imported = {}
    since = copy.copy(ledger)
    for i in range(1, words.n + 1):
        if i % 10 == 5:
            killed_import(hub, old, f"old-{i}", chance)
            imported[f"old-{i}"] = want_old
        else:
            one_kill(hub, sensor, payload, chance, ledger, points)
        ledger.kills = i
        ledger.acked = sensor.acked
        if i % CHECK_EVERY == 0 or i == words.n:
            hub.start()
            for name in imported:
                run("hub", "import", hub.dir, old, "--sensor", name, "--net", hub_lib.NET)
            deliver_some(sensor, payload, ledger)
            check(hub, sensor, rows, imported, ledger)
            hub.stop()
            ledger.acked = sensor.acked
            keep(words, ledger, since)
            since = copy.copy(ledger)
            print(f"# {i} kills, {sensor.acked} acknowledged, lost {ledger.lost}, doubled {ledger.doubled}", flush=True)
            if ledger.lost or ledger.doubled:
                print(f"# kept: {scratch}", flush=True)
                return


def keep(words, ledger, since):
    """A row of results for the kills since the check before: a run that is broken off has not run in vain."""
    if not words.results:
        return
    new = not os.path.exists(words.results)
    with open(words.results, "a", encoding="ascii") as out:
        if new:
            out.write("when\tseed\tkills\tacked\tlost\tdoubled\n")
        out.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\t{words.seed}\t{ledger.kills - since.kills}"
                  f"\t{ledger.acked - since.acked}\t{ledger.lost - since.lost}\t{ledger.doubled - since.doubled}\n")


def deliver_some(sensor, payload, ledger):
    deliver(sensor, payload, time.monotonic() + 0.2, ledger)
    sensor_drain(sensor)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int)
    parser.add_argument("--dir")
    parser.add_argument("--results")
    parser.add_argument("--seed", type=int, default=None)
    words = parser.parse_args()
    if words.seed is None:
        words.seed = random.SystemRandom().randrange(1 << 32)
    print(f"# seed {words.seed}", flush=True)
    ledger = Ledger()
    try:
        if words.dir:
            loop(words, pathlib.Path(words.dir), ledger)
        else:
            with tempfile.TemporaryDirectory(prefix="nrkill_") as scratch:
                loop(words, pathlib.Path(scratch), ledger)
    finally:
        for process in hub_lib.LIVE:
            if process.poll() is None:
                process.kill()
    print(f"kills {ledger.kills} acked {ledger.acked} lost {ledger.lost} doubled {ledger.doubled}", flush=True)
    sys.exit(1 if ledger.lost or ledger.doubled else 0)


if __name__ == "__main__":
    main()

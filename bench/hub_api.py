#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hub_api.py [SECONDS]: what the API of a hub costs and how soon it knows, on this machine: a real hub, a real sensor with lab traffic at
real speed for SECONDS (120), and one client. Prints a table for docs/hub-numbers.md."""
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
from hub_lib import SENSOR, Hub, generate, run  # noqa: E402  pylint: disable=wrong-import-position

ROWS = []


def row(what, goal, measured, how):
    ROWS.append(f"| {what} | {goal} | {measured} | {how} |")
    print(ROWS[-1], flush=True)


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def resident_mib(pid):
    for line in open(f"/proc/{pid}/smaps_rollup", encoding="ascii"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0


def seconds(text):
    base, _, fraction = text.rstrip("Z").partition(".")
    return time.mktime(time.strptime(base, "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + (fraction or "0"))


def how_soon(hub, token, stop, out):
    """Seconds from the packet that decided to the moment a polling client has the finding."""
    client = hub.client(token)
    cursor = client.findings("limit=10000")[1]
    while not stop.is_set():
        new, cursor = client.findings("revisions=all&limit=1000", after=cursor)
        now = time.time()
        out += [now - seconds(f["detected"]) for f in new
                if f["state"] == "new" and f["revision"] == 1 and not f["late"] and f["detector"] != "watch.v1"]
        time.sleep(0.1)


def requests(hub, token, path, n):
    client = hub.client(token)
    took = []
    for _ in range(n):
        begun = time.monotonic()
        status, _, _ = client.get(path)
        took.append(time.monotonic() - begun)
        if status == 429:
            raise AssertionError("limited")
        time.sleep(0.025)  # below 50 a second
    return took


def main():
    duration = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory(prefix="nrapi_") as scratch:
        scratch = pathlib.Path(scratch)
        hub = Hub(scratch / "hub")
        begun = time.monotonic()
        hub.start()
        row("start of an empty hub to its URL", "-", f"{time.monotonic() - begun:.2f} s", "`hub run`")
        time.sleep(2)
        row("memory, idle", "<= 100 MB", f"{resident_mib(hub.process.pid):.0f} MiB", "PSS after 2 s")
        token = hub.token()
        old = generate(scratch / "old.pcap", "20m", net="198.18.4.0/22")
        begun = time.monotonic()
        run("hub", "import", hub.dir, old, "--sensor", "old", "--net", "198.18.4.0/22")
        took = time.monotonic() - begun
        hub.settle()
        client = hub.client(token)
        begun = time.monotonic()
        rows = client.observations("limit=1000000")[0]
        read = time.monotonic() - begun
        row("import, to the journal", "-", f"{len(rows) / took:,.0f} observations/s", f"`hub import`, {len(rows):,} of them")
        row("observations read", "-", f"{len(rows) / read:,.0f} lines/s", "`/api/v1/observations?limit=1000000`, TLS, one client")
        for path in ("/api/v1/status", "/api/v1/findings?limit=100", "/api/v1/observations?limit=100", "/metrics", "/healthz"):
            took = requests(hub, token, path, 200)
            row(f"`{path}`", "-", f"p50 {percentile(took, 50) * 1e3:.1f} ms, p99 {percentile(took, 99) * 1e3:.1f} ms",
                "200 requests on one connection")
        code = run("sensor", "enrol", hub.dir, "live")[1].strip()
        subprocess.run([SENSOR, "join", "--dir", scratch / "s", hub.url, code], check=True, capture_output=True)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        live = generate(scratch / "live.pcap", f"{duration + 30}s", start=now, net="198.18.0.0/20")
        stop, soon = threading.Event(), []
        watcher = threading.Thread(target=how_soon, args=(hub, token, stop, soon))
        with subprocess.Popen([SENSOR, "run", "--dir", scratch / "s", "--read", live, "--net", "198.18.0.0/20"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as sensor:
            watcher.start()
            time.sleep(duration)
            row("memory, one sensor live", "<= 512 MB", f"{resident_mib(hub.process.pid):.0f} MiB", "PSS at the end")
            stop.set()
            watcher.join()
            sensor.terminate()
        if soon:
            row("deciding packet at the sensor to finding at a client", "p50 <= 2 s, p99 <= 5 s",
                f"p50 {percentile(soon, 50):.2f} s, p99 {percentile(soon, 99):.2f} s, {len(soon)} findings",
                f"lab traffic at real speed for {duration} s, client polls every 0.1 s")
        hub.stop()


if __name__ == "__main__":
    main()

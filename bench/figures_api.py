#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""figures_api.py HUB [SECONDS [crowd]]: how long answers about figures take, with one client and with 20.

HUB is a hub's directory whose store/ was made by `bench_store HUB/store 100000000 24 only-write`; its five sensors are entered into the
registry here, as a member's who shares them with all. `crowd`: only the last part. Cold: each answer is asked for the first time since the sums changed, and the hub
is alone with it. Then 20 clients, each on a connection of its own, ask a mix of these questions for SECONDS (20) from four processes.
Times are of the clock and, for cold ones, of the hub's processor too.
"""
import atexit
import contextlib
import json
import os
import pathlib
import random
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import uuid

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
from hub_lib import Client, Hub  # noqa: E402  pylint: disable=wrong-import-position

DAY = "since=2026-01-05T00:00:00Z&until=2026-01-06T00:00:00Z"
QUESTIONS = {
    "one port, minute by minute": f"series?step=1m&port=PORT&{DAY}",
    "top 20 ports with sources": f"top?by=ports&{DAY}",
    "top 20 AS with sources": f"top?by=asns&{DAY}",
    "one economy's ports": f"show?what=ECONOMY&n=20&{DAY}",
    "top 100 sources": f"top?by=sources&n=100&{DAY}",
    "all, hour by hour": f"series?step=1h&{DAY}",
    "all, minute by minute": f"series?step=1m&{DAY}",
    "two halves of the day, ports": "compare?by=ports&since=2026-01-05T12:00:00Z&until=2026-01-06T00:00:00Z",
}


def enter_sensors(hub):
    """Five sensors of alpha's, shared with everyone; bravo owns none. Returns tokens: operator, alpha, bravo."""
    tokens = [hub.token() for _ in range(3)]
    with contextlib.closing(sqlite3.connect(hub.dir / "registry.db")) as db, db:
        now, alpha, bravo, label = time.time_ns(), uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
        if db.execute("SELECT count(*) FROM member WHERE name = 'alpha'").fetchone()[0] == 0:
            for name, its in (("alpha", alpha), ("bravo", bravo)):
                db.execute("INSERT INTO member (uuid, name, created_ns) VALUES (?, ?, ?)", (its.bytes, name, now))
            text = {"tlp": "GREEN", "owner": str(alpha), "members": [], "communities": [], "layers": [], "everyone": True,
                    "purposes": ["defence"], "expires": None}
            db.execute("INSERT INTO label (uuid, owner, tlp, json, created_ns) VALUES (?, ?, 'GREEN', ?, ?)",
                       (label.bytes, alpha.bytes, json.dumps(text), now))
            for i in range(1, 6):
                db.execute("INSERT INTO sensor (uuid, name, member, label, state, created_ns) VALUES (?, ?, ?, ?, 'imported', ?)",
                           (bytes([i]) + bytes(15), f"bench-{i}", alpha.bytes, label.bytes, now))
        ids = dict(db.execute("SELECT name, uuid FROM member"))
        newest = [row[0] for row in db.execute("SELECT selector FROM token ORDER BY created_ns DESC LIMIT 2")]
        for selector, member in zip(newest, ("bravo", "alpha")):
            db.execute("UPDATE token SET member = ?, member_epoch = 1, role = 'viewer' WHERE selector = ?", (ids[member], selector))
    return tokens


def processor(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid, what):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what):
            return int(line.split()[1]) >> 10
    return 0


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def patient(client, path):
    """An answer, however often one has to wait for one's turn."""
    while True:
        status, _, text = client.get("/api/v1/" + path)
        if status == 200:
            return json.loads(text)
        if status not in (429, 503):
            raise AssertionError(f"{path}: {status} {text[:200]}")
        client.connection.close()
        time.sleep(0.2)


def worker(url, directory, token, seconds, paths):
    """A process of five clients; prints their times in ms."""
    hub = Hub(directory, init=False)
    hub.url = url
    times, lock = [], threading.Lock()

    def one(seed):
        rng, client, mine = random.Random(seed), Client(hub, token), []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            path = rng.choice(paths)
            begun = time.monotonic()
            status, _, text = client.get("/api/v1/" + path)
            mine.append((time.monotonic() - begun) * 1e3 if status == 200 else -status)
            if status != 200:
                client.connection.close()
            time.sleep(rng.uniform(0.05, 0.25))  # nobody asks 50 times a second
        with lock:
            times.extend(mine)

    threads = [threading.Thread(target=one, args=(os.getpid() * 10 + i,)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(times))


def twenty(hub, tokens, seconds, paths, what):
    workers = [subprocess.Popen([sys.executable, __file__, "--worker", hub.url, str(hub.dir), token, str(seconds), json.dumps(paths)],
                                stdout=subprocess.PIPE) for token in tokens]
    times = [t for w in workers for t in json.loads(w.communicate()[0])]
    good = [t for t in times if t >= 0]
    print(f"| 20 clients, {what} | {len(good)} answers, {len(times) - len(good)} refused | p50 {percentile(good, 50):.1f} ms | "
          f"p99 {percentile(good, 99):.1f} ms | most {max(good):.0f} ms |", flush=True)


def main():
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5]), json.loads(sys.argv[6]))
        return
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    hub = Hub(sys.argv[1], init=False)
    atexit.register(lambda: hub.process and hub.process.poll() is None and hub.process.kill())
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20
    operator, alpha, bravo = enter_sensors(hub)
    (hub.dir / "hub.yaml").write_text("")
    paths = dict(QUESTIONS)
    load = os.getloadavg()[0]
    print(f"load {load:.1f}")
    for name, path in [] if sys.argv[3:] == ["crowd"] else paths.items():
        hub.start()
        client = hub.client(alpha)
        if "PORT" in str(paths):
            top = patient(client, f"top?by=ports&{DAY}")["rows"][2]["key"]
            economy = patient(client, f"top?by=economies&{DAY}")["rows"][2]["key"]
            for key, value in paths.items():
                paths[key] = value.replace("PORT", top).replace("ECONOMY", economy)
            path = paths[name]
        row = []
        for token in (alpha, bravo):
            patient(hub.client(token), "series?step=1d")
            clock, spent = [], []
            for i in range(5):
                which = path.replace("until=2026-01-06T00:00:00Z", f"until=2026-01-06T00:00:00Z&scope={'own' if token == alpha else 'shared'}")
                if i > 0:  # an hour less is another question
                    which = which.replace("since=2026-01-05T00", f"since=2026-01-05T0{i % 10}")
                before, begun = processor(hub.process.pid), time.monotonic()
                patient(hub.client(token), which)
                clock.append(time.monotonic() - begun)
                spent.append(processor(hub.process.pid) - before)
            row.append(f"{statistics.median(clock) * 1e3:.0f} ms clock, {statistics.median(spent) * 1e3:.0f} ms processor")
        print(f"| {name} | {row[0]} | {row[1]} | {resident(hub.process.pid, 'VmHWM')} MiB |", flush=True)
        hub.stop()
    hub.start()
    top = patient(hub.client(operator), f"top?by=ports&{DAY}")["rows"][2]["key"]
    economy = patient(hub.client(operator), f"top?by=economies&{DAY}")["rows"][2]["key"]
    paths = {name: path.replace("PORT", top).replace("ECONOMY", economy) for name, path in QUESTIONS.items()}
    both = [alpha, bravo, alpha, bravo]
    twenty(hub, both, seconds, [p.replace("show?what", "show?scope=shared&what") for p in paths.values()], "first of all asked")
    twenty(hub, both, seconds, [p.replace("show?what", "show?scope=shared&what") for p in paths.values()], "then")
    print(f"load {os.getloadavg()[0]:.1f}, {resident(hub.process.pid, 'VmHWM')} MiB at most")
    hub.stop()


if __name__ == "__main__":
    main()

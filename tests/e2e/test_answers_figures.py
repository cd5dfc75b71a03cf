#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures over the API: exact for who owns the sensors, by quorum for others, and what an attacker learns of sensors. TAP output."""
import collections
import contextlib
import csv
import io
import json
import math
import random
import sqlite3
import statistics
import sys
import threading
import time

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from figures_world import START, WHEN, World, address, background, packet, stranger

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def eq(is_, want):
    assert is_ == want, f"{is_!r} is not {want!r}"


N = 7  # sensors; a quorum of 4
LEVELS = [3, 6, 12, 24, 36, 48, 60]  # packets a minute


def usual(exact=False):
    return [background(i, LEVELS[i], exact=exact) for i in range(N)]


def port_of(frame):
    return int.from_bytes(frame[36:38], "big")


def mth(values, m):
    values = sorted(values, reverse=True)
    return values[m - 1] if len(values) >= m else None


@test
def the_owner_gets_exact_sums_and_others_what_the_quorum_reaches(scratch):
    packets = usual()
    packets[0] += [packet(START + 100 + i, stranger(i), address(0, 9), 9999) for i in range(50)]  # one sensor's alone
    world = World(scratch / "hub", packets)
    counts = [collections.Counter(port_of(frame) for _, frame in its) for its in packets]
    own = world.json(world.owner, f"top?{WHEN}")
    eq((own["scope"], own["sensors"], own["quorum"], own["partial"]), ("own", N, 0, False))
    eq({row["key"]: row["packets"] for row in own["rows"]}, {f"{p}/tcp": sum(c[p] for c in counts) for p in (23, 445, 80, 9999)})
    for token in (world.guest, world.owner):
        got = world.json(token, f"top?{WHEN}&scope={'shared' if token == world.guest else 'own'}")
        eq(got["sensors"], N)
    shared = world.json(world.guest, f"top?{WHEN}")
    eq((shared["scope"], shared["sensors"], shared["quorum"]), ("shared", N, 4))
    eq({row["key"]: row["packets"] for row in shared["rows"]}, {f"{p}/tcp": mth([c[p] for c in counts], 4) for p in (23, 445, 80)})
    minutes = [collections.Counter(int(t) // 60 * 60 for t, frame in its if port_of(frame) == 23) for its in packets]
    want = {m: mth([c[m] for c in minutes if c[m]], 4) for m in set().union(*minutes)}
    got = world.json(world.guest, f"series?step=1m&port=23&{WHEN}")["rows"]
    eq(len(got), sum(v is not None for v in want.values()))
    eq(sorted(row["packets"] for row in got), sorted(v for v in want.values() if v is not None))
    # He who owns none has nothing of his own, and no sensor has a name for him.
    eq(world.json(world.guest, f"top?scope=own&{WHEN}")["rows"], [])
    for path in (f"top?by=sensors&{WHEN}", "series?sensor=s1&scope=shared", f"compare?by=sensors&{WHEN}"):
        eq(world.ask(world.guest, path)[0], 400)
    there, absent = (world.ask(world.guest, f"series?sensor={name}&scope=own") for name in ("s1", "nothing"))
    eq((there[0], there[2]), (404, absent[2]))
    eq(world.ask(world.guest, "show?what=s1")[2], world.ask(world.guest, "show?what=zz9")[2])
    eq([row["key"] for row in world.json(world.owner, f"top?by=sensors&{WHEN}")["rows"]], ["s6", "s5", "s4", "s3", "s2", "s1", "s0"])
    world.stop()


@test
def fewer_than_three_shared_sensors_show_nothing(scratch):
    world = World(scratch / "hub", [background(i, 5, seconds=3600) for i in range(3)], shared=["s0", "s1"])
    for path in (f"top?{WHEN}", f"series?{WHEN}", f"series?step=1m&{WHEN}", f"compare?{WHEN}", f"top?by=sources&{WHEN}",
                 f"series?src=0.0.0.0/0&{WHEN}"):
        answer = world.json(world.guest, path)
        eq((answer["scope"], answer["sensors"], answer["quorum"], answer["newest"], answer["rows"]), ("shared", 2, 0, None, []))
    for what in ("23/tcp", "AS0", "ZZ", "scan", "0.0.0.0/0"):
        answer = world.json(world.guest, f"show?what={what}&{WHEN}")
        eq((answer["totals"], answer["series"], [top["rows"] for top in answer["tops"] if top["rows"]]), (None, [], []))
    world.stop()


def everything(src, port):
    """All that one may ask about figures, with the words an attacker would use."""
    things = [f"port={port}", "port=23", "port=445", "asn=0", "economy=ZZ", "class=scan", "class=other", f"src={src}", f"src={src}/32",
              "src=0.0.0.0/0", "src=198.18.0.0/15", "x=1"[3:]]
    for when in (WHEN, "since=2025-11-19T10:00:00Z&until=2025-11-19T11:00:00Z", "since=2025-11-18&until=2025-11-21"):
        for step in ("1m", "1h", "1d"):
            for thing in things:
                yield f"series?step={step}&{when}" + (f"&{thing}" if thing else "")
        for by in ("ports", "asns", "economies", "classes", "sources"):
            for n in (1, 20, 1000):
                yield f"top?by={by}&n={n}&{when}"
            yield f"compare?by={by}&n=50&{when}"
        for what in (f"{port}/tcp", "23/tcp", "AS0", "ZZ", "scan", src, f"{src}/32", "20.0.0.0/6", "s0", "s6", "no-such"):
            yield f"show?what={what}&{when}"


@test
def probes_to_fewer_than_a_quorum_change_no_byte_for_others(scratch):
    """Three of seven sensors get probes at a port where nothing else is. Sums over everything have these probes in them too; they
    stay as well because no probed sensor passes the one in the middle. What it is when one does: the two tests behind this one."""
    src, port, chosen = "9.9.9.9", 31337, (0, 1, 2)  # quiet: nobody else sends there
    probes = [[packet(START + 1800 + 7 * k, src, address(i, 1 + k), port) for k in range(5)] if i in chosen else [] for i in range(N)]
    without = World(scratch / "without", usual(True))
    asked = list(everything(src, port))
    before = [without.ask(without.guest, path)[::2] for path in asked]
    owners = without.json(without.owner, f"series?port={port}&{WHEN}")["rows"]
    without.stop()
    with_ = World(scratch / "with", [its + more for its, more in zip(usual(True), probes)])
    after = [with_.ask(with_.guest, path)[::2] for path in asked]
    eq((owners, with_.json(with_.owner, f"series?port={port}&{WHEN}")["rows"][0]["packets"]), ([], 15))
    with_.stop()
    different = [(path, a, b) for path, a, b in zip(asked, before, after) if a != b]
    assert not different, f"{len(different)} of {len(asked)}: {different[0][0]}"
    eq({status for status, _ in before}, {200, 404})
    # The test can fail: a fourth sensor, and they differ.
    probes[3] = [packet(START + 1800, src, address(3, 1), port)]
    fourth = World(scratch / "fourth", [its + more for its, more in zip(usual(True), probes)])
    eq(fourth.json(fourth.guest, f"series?port={port}&{WHEN}")["rows"][0]["packets"], 1)
    assert [row["key"] for row in fourth.json(fourth.guest, f"top?by=sources&n=1000&{WHEN}")["rows"]] == [src]
    fourth.stop()


ROUNDS = 360


@test
def in_busy_cells_a_guess_from_figures_is_as_good_as_a_coin(scratch):
    """In each minute of six hours an attacker sends three probes to a candidate address, half of which are sensors' addresses, then
    reads all figures of that minute and guesses. By the best threshold of each figure he must not be right more often than a coin is,
    with 99.9 % confidence (one-sided, for as many figures as he tries)."""
    rng = random.Random(20)
    packets = [background(i, 40, seconds=60 * ROUNDS, seed=5, ports=(23,)) for i in range(N)]
    truth = []
    for minute in range(ROUNDS):
        is_sensor, i = rng.random() < 0.5, rng.randrange(N)
        truth.append(is_sensor)
        if is_sensor:
            packets[i] += [packet(START + 60 * minute + 20 + k, stranger(99 + minute), address(i, rng.randrange(1, 255)), 23)
                           for k in range(3)]
    world = World(scratch / "hub", packets)
    when = "since=2025-11-19T10:00:00Z&until=2025-11-19T16:00:00Z"
    figures = {}
    for thing in ("", "&port=23", "&class=scan", "&asn=0"):
        rows = world.json(world.guest, f"series?step=1m&{when}{thing}")["rows"]
        eq(len(rows), ROUNDS)
        for measure in ("packets", "bytes", "flows", "sources"):
            figures[thing, measure] = [row[measure] for row in rows]
    world.stop()
    # z for 0.1 % over all figures tried (Bonferroni).
    z = statistics.NormalDist().inv_cdf(1 - 0.001 / len(figures))
    bound = ROUNDS / 2 + z * math.sqrt(ROUNDS) / 2
    for name, values in figures.items():
        middle = statistics.median(values)
        right = sum((value > middle) == fact for value, fact in zip(values, truth))
        assert right <= bound, f"{name}: {right} of {ROUNDS} right, a coin has at most {bound:.0f}"


@test
def a_flood_to_one_sensor_moves_a_busy_figure_by_one_rank_at_most(scratch):
    packets = usual()
    flood = [packet(START + 600 + i / 100, stranger(i), address(1, 5), 23) for i in range(3000)]
    counts = [sum(START + 600 <= t < START + 660 and port_of(frame) == 23 for t, frame in its) for its in packets]
    packets[1] += flood
    world = World(scratch / "hub", packets)
    rows = world.json(world.guest, "series?step=1m&port=23&since=2025-11-19T10:10:00Z&until=2025-11-19T10:11:00Z")["rows"]
    world.stop()
    assert mth(counts, 4) <= rows[0]["packets"] <= mth(counts, 3), (rows, sorted(counts))


@test
def hostile_questions_cost_nothing(scratch):
    """Ranges of 10^12, limits of 0, and 1,000 questions nobody waits for."""
    world = World(scratch / "hub", [background(i, 20, seconds=3600) for i in range(4)])
    for path in ("series?since=0&until=1000000000000", "series?since=-1000000000000h", "series?step=1s", "top?n=0", "top?n=1001",
                 "top?n=-1", "top?by=x", "show", "show?what=", "series?port=65536/tcp", "series?port=23/xx", "series?asn=4294967296",
                 "series?economy=jp", "series?src=1.2.3.4/33", "series?port=1&class=scan", "top?since=2025-11-20&until=2025-11-19",
                 "series?scope=all", "top?limit=5", "show?what=23/tcp&n=0", "compare?before_until=0"):
        status, headers, text = world.ask(world.guest, path)
        assert status in (400, 404), (path, status, text)
        eq(headers["Content-Type"], "application/problem+json")
    for path in ("series?step=1m&since=0&until=4000000000", "series?step=1h&since=0", "series?step=1d&since=0&until=2262-01-01"):
        answer = world.json(world.admin, path)
        assert len(answer["rows"]) <= 10000
        eq(answer["partial"], "partial_why" in answer)
    assert world.json(world.admin, "series?step=1m&since=0")["partial"]
    left = [world.hub.client(world.admin) for _ in range(8)]
    i = 0
    while i < 1000:
        client = left[i % len(left)]
        try:
            client.connection.request("GET", f"/api/v1/show?what=20.{i % 200}.0.0/16&until=2025-11-20T{i % 24:02}:{i // 24:02}:00Z",
                                      headers={"Authorization": f"Bearer {world.admin}"})
            i += 1
        except OSError:  # as many connections as one source may have
            time.sleep(0.02)
        client.connection.close()
    time.sleep(1)
    eq(len(world.json(world.admin, f"top?{WHEN}")["rows"]), 3)
    world.stop()


@test
def answers_are_kept_until_the_sums_change_and_the_same_for_all_who_wait(scratch):
    world = World(scratch / "hub", [background(i, 20, seconds=3600) for i in range(4)])
    texts = [None] * 12

    def one(i):
        texts[i] = world.ask((world.owner, world.guest)[i % 2], f"top?by=asns&{WHEN}")[2]

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eq((len(set(texts[::2])), len(set(texts[1::2]))), (1, 1))
    assert texts[0] != texts[1], "whose question it is counts"
    status, headers, text = world.ask(world.guest, f"top?{WHEN}")
    eq(status, 200)
    client = world.hub.client(world.guest)
    eq(client.get(f"/api/v1/top?{WHEN}", headers={"If-None-Match": headers["ETag"]})[0], 304)
    rows = json.loads(text)["rows"]
    world.hub.stop()
    world.hub.start()
    world.wait()
    eq(world.json(world.guest, f"top?{WHEN}")["rows"], rows)
    world.stop()


def csv_rows(text):
    rows = list(csv.reader(io.StringIO(text.decode())))
    return [dict(zip(rows[0], row)) for row in rows[1:]]


@test
def rows_are_for_who_owns_the_sensors_in_three_formats_and_noted(scratch):
    world = World(scratch / "hub", [background(i, 6, seconds=1800) for i in range(4)], shared=["s0", "s1", "s2", "s3"])
    mine, _ = world.hub.client(world.owner).observations("limit=1000000")
    every, _ = world.hub.client(world.admin).observations("limit=1000000")
    eq(len(mine), world.packets)
    eq(sorted(mine), sorted(every))
    eq(world.hub.client(world.guest).observations("limit=1000000")[0], [])
    for path in ("observations?sensor=s1", "observations?sensor=none"):
        eq(world.ask(world.guest, path)[::2], world.ask(world.guest, "observations?sensor=nothing")[::2])
    for fmt in ("csv", "parquet"):
        status, headers, text = world.ask(world.guest, f"observations?format={fmt}")
        eq((status, headers["Noroshi-More"]), (200, "false"))
        assert fmt == "parquet" or csv_rows(text) == []
    # Pages of CSV: the same rows in the same order as the lines, each cell as one writes it.
    rows, cursor = [], ""
    while True:
        status, headers, text = world.ask(world.owner, f"observations?format=csv&limit=100{cursor}")
        eq((status, headers["Content-Type"]), (200, "text/csv; charset=utf-8; header=present"))
        rows += csv_rows(text)
        cursor = f"&cursor={headers['Noroshi-Next']}"
        if headers["Noroshi-More"] == "false":
            break
    want = [json.loads(line) for line in mine]
    eq([(r["sensor"], r["src"], r["dport"]) for r in rows], [(w["sensor"], w["src"], str(w["dport"])) for w in want])
    assert not any(cell[:1] in "=+@\t\r" for row in rows for cell in row.values() if cell), "a spreadsheet would run it"
    eq(world.ask(world.guest, f"observations?limit=1{cursor}")[0], 400)  # of another
    status, headers, text = world.ask(world.owner, "observations?format=parquet&limit=100000")
    eq((status, text[:4], text[-4:], headers["Noroshi-More"]), (200, b"PAR1", b"PAR1", "false"))
    eq(world.ask(world.owner, f"observations?limit=5&cursor={headers['Noroshi-Next']}")[2].count(b"\n"), 1)
    eq([f.name for f in (world.hub.dir / "store" / "tmp").iterdir() if f.name.startswith("export")], [])
    for wrong in ("format=xml", "format=csv&limit=100001", "limit=0", "format=parquet&cursor=x"):
        eq(world.ask(world.owner, f"observations?{wrong}")[0], 400)
    world.hub.stop()
    with contextlib.closing(sqlite3.connect(world.hub.dir / "registry.db")) as db:
        noted = [row[0] for row in db.execute("SELECT detail FROM audit WHERE action = 'observations.read'")]
    assert len(noted) >= 10 and any("format=parquet" in detail for detail in noted), noted


if __name__ == "__main__":
    hub_lib.main(TESTS)

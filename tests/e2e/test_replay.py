#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The journal is the only truth: what a hub found while it was live, a replay of its journal finds again, byte by byte. TAP output."""
import datetime
import json
import sqlite3
import sys
import time

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import NOROSHI, Hub, WireSensor, batches_of, generate, run

BACK_S, AHEAD_S = 900, 16  # what comes late, and what comes as it happens
SLICES = [*range(0, BACK_S, 30), *range(BACK_S, BACK_S + AHEAD_S + 1, 2)]  # a batch a sensor from one to the next


def said_live(hub):
    """Every revision in the order in which the registry took it."""
    with sqlite3.connect(f"file:{hub.dir}/registry.db?mode=ro", uri=True) as db:
        return [row[0] for row in db.execute("SELECT json FROM finding ORDER BY sequence")]


def said_again(hub, *words):
    return run("journal", "replay", *words, hub.dir)[1].splitlines()


def same(live, again):
    for number, (left, right) in enumerate(zip(live, again)):
        assert left == right, f"revision {number}:\nlive   {left}\nreplay {right}"
    assert len(live) == len(again), f"{len(live)} live, {len(again)} in the replay"


def text(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def sensors_of(hub, scratch, begin):
    """Three sensors and the batches of each, one a slice."""
    out = []
    for i in range(3):
        pcap = generate(scratch / f"{i}.pcap", f"{BACK_S + AHEAD_S}s", seed=i + 1, start=text(begin))
        batches = []
        for since, until in zip(SLICES, SLICES[1:]):
            words = ("--since", text(begin + datetime.timedelta(seconds=since)), "--until", text(begin + datetime.timedelta(seconds=until)))
            batches.append([payload for payload, _ in batches_of(pcap, scratch, *words)])
        out.append((WireSensor(hub, scratch / f"s{i}", f"wire-{i}"), batches))
    return out


def a_replay_finds_what_the_live_hub_found_byte_by_byte(scratch):
    hub = Hub(scratch / "hub").start()
    # Making the batches takes some seconds, more when the machine is busy: what should be in time may be late then too.
    begin = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(seconds=BACK_S - 10)
    sensors = sensors_of(hub, scratch, begin)
    sent = [0] * len(sensors)

    def send(slices):
        """All sensors in turn, so that their batches are woven."""
        for at in slices:
            for i, (sensor, batches) in enumerate(sensors):
                for payload in batches[at]:
                    sent[i] += 1
                    sensor.send_batch(sent[i], payload)
                sensor.wait_ack(sent[i])

    def connect():
        for sensor, _ in sensors:
            sensor.connect()

    late = SLICES.index(BACK_S)
    connect()
    send(range(late))
    hub.settle()
    hub.kill()  # whatever it had said, it goes on with the same words
    for sensor, _ in sensors:
        sensor.close()
    hub.start()
    connect()
    for at in range(late, len(SLICES) - 1):
        send([at])
        time.sleep(SLICES[at + 1] - SLICES[at])
    hub.settle()
    for sensor, _ in sensors[:1]:
        sensor.close()  # one falls silent: a finding about ourselves
    hub.settle()
    assert hub.stop() == 0
    live = said_live(hub)
    revisions = [json.loads(line) for line in live]
    print("# findings", len({finding["id"] for finding in revisions}), "revisions", len(revisions), flush=True)
    assert len(revisions) > len({finding["id"] for finding in revisions}) >= 5, live[-3:]
    assert {finding["late"] for finding in revisions} == {True, False}, "both what came late and what came in time"
    same(live, said_again(hub))
    same(live, said_again(hub, "--workers", "3"))


if __name__ == "__main__":
    if not NOROSHI.exists():
        print(f"1..0 # SKIP {NOROSHI} is not built")
    else:
        hub_lib.main([a_replay_finds_what_the_live_hub_found_byte_by_byte])

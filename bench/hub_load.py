#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real hub, store and detectors and all, under sensors that speak the wire; figures for docs/hub-numbers.md.

hub_load.py live SENSORS RATE SECONDS [small]
    SENSORS sensors, each RATE observations a second of now, in their own time, for SECONDS. Says what the hub took, how far behind it
    fell, its processor time and memory. `small`: store of 96 MiB and 1 thread.
hub_load.py restart GIB [DIR]
    Fill a journal with GIB GiB, the engine following (store switched off); kill -9 while data comes; start again. Says how long until
    it acknowledges and until the detectors have caught up. DIR is removed afterwards.
"""
import os
import pathlib
import shutil
import struct
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
from hub_lib import LIVE, Hub, WireSensor, run  # noqa: E402  pylint: disable=wrong-import-position

CAPTURES = 5  # different ones; more sensors share them
LOOPBACK = "listen: 127.0.0.1:0\ningest: 127.0.0.1:0\n"


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def capture(scratch, k, rate, seconds, start, sources):
    pcap, net = scratch / f"{k}.pcap", f"10.{k}.0.0/16"
    run("lab", "generate", "-s", "bench", "-n", net, "--packets", rate * seconds, "--sources", sources, "--duration", f"{seconds}s",
        "--seed", k + 1, "--start", utc(start), "--out", pcap, timeout=600)
    return pcap, net


def batches_of(pcap, net):
    """The batches of a capture as (payload, rows, last second)."""
    flows = pcap.with_name(pcap.name + ".flows")
    run("observe", pcap, "--net", net, "--prefixes", "none", "--benign", "none", "--json", "--only", "findings", "--write-flows", flows,
        timeout=600)
    data, at, out = flows.read_bytes(), 16, []
    while at < len(data):
        body, rows, _, last = struct.unpack_from("<IIqq", data, at + 12)
        out.append((data[at:at + 48 + body], rows, last))
        at += 48 + body
    pcap.unlink()
    flows.unlink()
    return out


def seconds_of(pcap):
    """A capture cut into one of each second, as a sensor cuts its batches."""
    data, at, second, begin = pcap.read_bytes(), 24, None, 24
    head, out = data[:24], []
    while at <= len(data):
        now, _, size = struct.unpack_from("<III", data, at) if at < len(data) else (None, 0, 0)
        if now != second:
            if second is not None:
                part = pcap.with_name(f"{pcap.name}.{second}")
                part.write_bytes(head + data[begin:at])
                out.append(part)
            second, begin = now, at
        at += 16 + size
    return out


def pss_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return next(int(line.split()[1]) / 1024 for line in rollup if line.startswith("Pss:"))


def processor_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load():
    return "load " + " ".join(pathlib.Path("/proc/loadavg").read_text(encoding="ascii").split()[:3])


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))] if values else 0


class Watch(threading.Thread):
    """Memory and lag of the hub, once a second."""

    def __init__(self, hub):
        super().__init__(daemon=True)
        self.hub, self.pss, self.ending = hub, [], threading.Event()

    def run(self):
        while not self.ending.wait(1):
            try:
                self.pss.append(pss_mib(self.hub.process.pid))
            except (OSError, StopIteration):
                return


class Sender(threading.Thread):
    """One sensor in its own time; acks are read as they come."""

    def __init__(self, wire, batches):
        super().__init__(daemon=True)
        self.wire, self.batches, self.took, self.error, self.rows, self.late = wire, batches, [], None, 0, 0.0

    def run(self):
        try:
            self.wire.connect(timeout=60)
            for seq, (payload, rows, last) in enumerate(self.batches, 1):
                time.sleep(max(0, last + 1 - time.time()))
                begun = time.time()
                self.late = max(self.late, begun - last - 1)
                self.wire.send_batch(seq, payload)
                self.wire.wait_ack(seq)
                self.took.append(time.time() - begun)
                self.rows += rows
        except Exception as why:  # pylint: disable=broad-except
            self.error = why


def live(scratch, sensors, rate, seconds, small):
    settings = LOOPBACK + ("store:\n  memory_mib: 96\n  threads: 1\n" if small else "")
    hub = Hub(scratch / "hub", settings=settings).start()
    wires = [WireSensor(hub, scratch / f"s{i}", f"load-{i}") for i in range(sensors)]
    captures = min(CAPTURES, sensors)
    start = int(time.time()) + 15 + captures * (5 + seconds // 5 + rate * seconds // 150000)
    sets = []
    for k in range(captures):
        pcap, net = capture(scratch, k, rate, seconds, start, max(1000, rate * 12))
        sets.append([batch for part in seconds_of(pcap) for batch in batches_of(part, net)])
        pcap.unlink()
    if time.time() > start:
        raise SystemExit("too slow to prepare: fewer seconds")
    senders = [Sender(wire, sets[i % captures]) for i, wire in enumerate(wires)]
    watch, before = Watch(hub), processor_s(hub.process.pid)
    time.sleep(max(0, start - time.time()))
    watch.start()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    ended = time.monotonic()
    at_end = hub.status()
    errors = [s.error for s in senders if s.error]
    hub.settle(timeout=1800)
    behind = time.monotonic() - ended
    used = processor_s(hub.process.pid) - before
    watch.ending.set()
    rows, took = sum(s.rows for s in senders), [t for s in senders for t in s.took]
    status = hub.status()
    print(f"sensors {sensors}, offered {sensors * rate}/s for {seconds} s; {load()}")
    print(f"acknowledged {rows} observations; errors {errors}; late to send by at most {max(s.late for s in senders):.1f} s")
    print(f"batch to ACK: p50 {percentile(took, 50) * 1000:.0f} ms, p99 {percentile(took, 99) * 1000:.0f} ms")
    print(f"behind when the last was acknowledged: engine {at_end['engine']['behind']} entries, store {at_end['store']['behind']} entries;"
          f" caught up {behind:.1f} s later")
    print(f"in all {rows / (seconds + behind) / 1000:.0f} k/s by the clock; processor {used:.1f} s = {rows / used / 1000:.0f} k/s of one core"
          f" ({2 * rows / used / 1000:.0f} k/s on two)")
    print(f"memory: most {max(watch.pss):.0f} MiB, end {watch.pss[-1]:.0f} MiB (PSS); engine observations {status['engine']['observations']}, "
          f"late {status['engine']['late']}")
    hub.stop(timeout=120)


def journal_bytes(hub):
    return sum(p.stat().st_blocks * 512 for p in (hub.dir / "journal").glob("*.nrj"))


def fill(hub, wire, batches, gib, sent):
    """Until the journal has so much; the engine is never far behind. Returns the last number sent."""
    while True:
        for _ in range(64):
            payload = batches[sent % len(batches)][0]
            sent += 1
            wire.send_batch(sent, payload)
            if sent > 32:
                wire.wait_ack(sent - 32)
        wire.wait_ack(sent)
        status = hub.status()
        while status["engine"]["behind"] > 256:
            time.sleep(0.5)
            status = hub.status()
        size = journal_bytes(hub) / 2**30
        print(f"\r{size:.2f} GiB, {status['engine']['observations'] / 1e6:.0f} M observations  ", end="", file=sys.stderr, flush=True)
        if size >= gib:
            print(file=sys.stderr)
            return sent


def restart(scratch, gib):
    hub = Hub(scratch / "hub", settings=LOOPBACK + "store:\n  enabled: false\n").start()
    wire = WireSensor(hub, scratch / "s0", "load-0")
    batches = batches_of(*capture(scratch, 0, 20000, 300, int(time.time()) - 300, 240000))
    wire.connect(timeout=60)
    begun = time.monotonic()
    sent = fill(hub, wire, batches, gib, 0)
    filled = time.monotonic() - begun
    for _ in range(40):  # in the middle of work
        sent += 1
        wire.send_batch(sent, batches[sent % len(batches)][0])
    told = wire.acked
    hub.kill()
    wire.close()
    begun = time.monotonic()
    hub.start()
    listening = time.monotonic() - begun
    held = wire.connect(timeout=60)
    for seq in range(held + 1, sent + 1):
        wire.send_batch(seq, batches[seq % len(batches)][0])
        if seq == held + 1:
            wire.wait_ack(seq)
            first = time.monotonic() - begun
    while hub.status()["engine"]["behind"] > 0:
        time.sleep(0.1)
    caught = time.monotonic() - begun
    status = hub.status()
    print(f"journal {journal_bytes(hub) / 2**30:.2f} GiB in {len(list((hub.dir / 'journal').glob('*.nrj')))} segments, "
          f"{status['journal']['durable']} entries, filled in {filled:.0f} s; {load()}")
    print(f"kill -9; told {told} batches, {held} there after it: {max(0, told - held)} lost")
    print(f"listening {listening:.2f} s, first new ACK {first:.2f} s, detectors caught up {caught:.2f} s after the start; "
          f"snapshot at {status['engine'].get('snapshot_at')}")
    hub.stop(timeout=120)


def main():
    os.environ["TZ"] = "UTC"
    time.tzset()
    words = sys.argv[1:]
    if len(words) < 2 or words[0] not in ("live", "restart"):
        raise SystemExit(__doc__)
    where = words[2] if words[0] == "restart" and len(words) > 2 else None
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="nrload_", dir=where))
    try:
        if words[0] == "live":
            live(scratch, int(words[1]), int(words[2]), int(words[3]), "small" in words[4:])
        else:
            restart(scratch, float(words[1]))
    finally:
        for process in LIVE:
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()

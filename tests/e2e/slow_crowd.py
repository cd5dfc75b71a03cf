#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""slow_crowd.py [--crowd 10000] [--pace 1000] [--seconds 60]: connections that say nothing, stop in a handshake or drip a head, from all
of 127/8, come back when they are cut off; meanwhile a sensor delivers and a person uses the console, on a connection of his own and with new ones. Fails unless the
console's p99 is at most 2 s and it is hardly ever refused, every batch is acknowledged and kept once, and the hub is well afterwards."""
import argparse
import http.client
import os
import pathlib
import re
import resource
import select
import socket
import ssl
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hub_lib import Hub, WireSensor, batches_of, generate  # noqa: E402  pylint: disable=wrong-import-position

KINDS = ("silent", "half", "drip")


class Crowd(threading.Thread):
    """Keeps n connections open, each in its way; one that ended begins again."""

    def __init__(self, hub, n, pace):
        super().__init__(daemon=True)
        self.pace, self.budget = pace, float(n)  # as many at once; then so many a second
        host, port = hub.url[8:].rsplit(":", 1)
        self.where, self.n, self.open, self.begun, self.most = (host, int(port)), n, {}, 0, 0
        self.context, self.stopping = hub.tls(), False
        out = ssl.MemoryBIO()
        try:
            self.context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=host).do_handshake()
        except ssl.SSLWantReadError:
            pass
        self.hello = out.read()
        self.poll = select.epoll()

    def begin(self):
        i = self.begun
        self.begun += 1
        one = socket.socket()
        one.setblocking(False)
        one.bind((f"127.{1 + i // 6000 % 200}.{i // 30 % 200}.{1 + i % 30}", 0))
        try:
            one.connect(self.where)
        except BlockingIOError:
            pass
        self.open[one.fileno()] = (one, KINDS[i % 3], i)
        self.poll.register(one, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP)

    def end(self, fd):
        one = self.open.pop(fd)[0]
        self.poll.unregister(fd)
        one.close()

    def speak(self):
        """A little from some of them: the second kind half of a hello, the third a byte of one now and then."""
        for fd, (one, kind, i) in list(self.open.items()):
            try:
                if kind == "half":
                    one.send(self.hello[:1 + i % len(self.hello)] if i >= 0 else b"")
                    self.open[fd] = (one, "silent", i)
                elif kind == "drip":
                    one.send(b"\x16")
                    self.open[fd] = (one, "silent" if i % 2 else "drip", i)
            except BlockingIOError:
                pass
            except OSError:
                self.end(fd)

    def run(self):
        spoke, before = 0, time.monotonic()
        while not self.stopping:
            now = time.monotonic()
            self.budget = min(self.n, self.budget + (now - before) * self.pace)
            before = now
            for _ in range(200):
                if len(self.open) < self.n and self.budget >= 1:
                    self.budget -= 1
                    self.begin()
            for fd, what in self.poll.poll(0.05):
                if fd in self.open and what & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
                    self.end(fd)
            if time.monotonic() - spoke > 2:
                self.speak()
                spoke = time.monotonic()
            self.most = max(self.most, len(self.open))
        for fd in list(self.open):
            self.end(fd)


class Ingest(threading.Thread):
    """A sensor that delivers all the time."""

    def __init__(self, hub, scratch):
        super().__init__(daemon=True)
        self.sensor = WireSensor(hub, scratch / "s")
        batches = batches_of(generate(scratch / "a.pcap", "60s"), scratch)
        self.payload, self.rows = batches[0]
        self.sent, self.error, self.stopping = 0, None, False
        self.sensor.connect()

    def run(self):
        try:
            while not self.stopping:
                self.sent += 1
                self.sensor.send_batch(self.sent, self.payload)
                self.sensor.wait_ack(self.sent)
                time.sleep(0.01)
        except (OSError, AssertionError) as why:
            self.error = why


REFUSED = [0]  # connections of the console that were ended before they had an answer


def ask(hub, token, client, path):
    """Seconds until the answer; a connection that is refused is tried again, as a browser does."""
    begun = time.monotonic()
    while True:
        try:
            one = client or hub.client(token)
            status, _, _ = one.get(path)
            if status == 200:
                if client is None:
                    one.connection.close()
                return time.monotonic() - begun, one
            raise AssertionError(f"{path}: {status}")
        except (OSError, ssl.SSLError, http.client.HTTPException) as why:
            REFUSED[0] += client is None  # one that was kept may have been idle for too long
            client = None
            if time.monotonic() - begun > 30:
                raise AssertionError(f"{path}: no answer within 30 s: {why}") from why


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


def measure(hub, token, seconds):
    new, kept, client = [], [], None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        new.append(ask(hub, token, None, "/api/v1/status")[0])
        took, client = ask(hub, token, client, "/api/v1/findings?limit=20")
        kept.append(took)
        time.sleep(0.05)
    return new, kept


def metric(hub, token, name):
    return int(float(re.search(rf"^noroshi_{name} (\S+)$", ask_metrics(hub, token), re.M)[1]))


def ask_metrics(hub, token):
    return hub.client(token).get("/metrics")[2].decode()


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--crowd", type=int, default=10000)
    words.add_argument("--pace", type=int, default=1000, help="connections begun anew a second")
    words.add_argument("--seconds", type=int, default=60)
    words.add_argument("--goal", type=float, default=2, help="seconds that 99 of 100 requests may take at most")
    words.add_argument("--files", type=int, default=4096, help="descriptors of the hub: 448 less are connections, at most 2,000")
    words.add_argument("--dir")
    args = words.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, args.crowd + 500), hard))
    with tempfile.TemporaryDirectory(prefix="nrcrowd_", dir=args.dir) as scratch:
        scratch = pathlib.Path(scratch)
        hub = Hub(scratch / "hub", settings="api:\n  rate: 1000\n  burst: 1000\n")
        hub.start(prefix=("prlimit", f"--nofile={min(hard, args.files)}"))
        token = hub.token()
        ingest, crowd = Ingest(hub, scratch), Crowd(hub, args.crowd, args.pace)
        ingest.start()
        time.sleep(2)
        calm, _ = measure(hub, token, 3)
        crowd.start()
        while crowd.begun < args.crowd:
            time.sleep(0.1)
        new, kept = measure(hub, token, args.seconds)
        open_now, out = metric(hub, token, "http_connections"), metric(hub, token, "http_crowded_out_total")
        crowd.stopping = ingest.stopping = True
        crowd.join()
        ingest.join(30)
        if ingest.error:
            raise AssertionError(f"ingest: {ingest.error}")
        hub.settle()
        rows = metric(hub, token, "ingest_observations_total")
        lost = ingest.sent * ingest.rows - rows
        print(f"crowd {crowd.most} at once, {crowd.begun} in all; {open_now} open at the hub, {out} made room")
        print(f"console, new connections: p50 {percentile(new, 50) * 1e3:.0f} ms, p99 {percentile(new, 99) * 1e3:.0f} ms, "
              f"{len(new)} requests, {REFUSED[0]} refused first (without the crowd p50 {percentile(calm, 50) * 1e3:.0f} ms)")
        print(f"console, one connection: p50 {percentile(kept, 50) * 1e3:.0f} ms, p99 {percentile(kept, 99) * 1e3:.0f} ms")
        print(f"ingest: {ingest.sent} batches, {rows} observations, lost {lost}")
        slow = max(percentile(new, 99), percentile(kept, 99)) > args.goal
        if hub.stop() != 0 or lost != 0 or slow or REFUSED[0] > len(new) / 10:
            sys.exit(1)


if __name__ == "__main__":
    main()

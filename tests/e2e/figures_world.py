# SPDX-License-Identifier: Apache-2.0
"""A hub with sensors of several members, fed with packets that the tests make one by one."""
import json
import random
import sqlite3
import struct
import time
import uuid
from contextlib import closing

from hub_lib import Hub, run

START = 1763546400  # 2025-11-19T10:00:00Z, a whole hour
WHEN = "since=2025-11-19T10:00:00Z&until=2025-11-19T12:00:00Z"
EVER = "since=2025-11-19&until=2025-11-21"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packet(second, src, dst, port, sport=40000):
    """(time, frame): a TCP SYN."""
    src, dst = (bytes(map(int, a.split("."))) for a in (src, dst))
    tcp = struct.pack("!HHIIBBHHH", sport, port, 0x12345678, 0, 0x50, 2, 1024, 0, 0)
    pseudo = src + dst + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0x4000, 60, 6, 0) + src + dst
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return second, bytes(12) + b"\x08\x00" + head + tcp


def write_pcap(path, packets):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for second, frame in sorted(packets):
            whole = int(second)
            out.write(struct.pack("<IIII", whole, int((second - whole) * 1e6), len(frame), len(frame)) + frame)
    return path


def address(i, host):
    """An address of the i-th sensor's network."""
    return f"198.18.{i}.{host}"


def stranger(n):
    return f"{20 + n % 150}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def background(i, level, seconds=7200, seed=0, ports=(23, 445, 80), exact=False):
    """What a sensor sees anyway: about `level` packets a minute (exactly so many), from many sources to its addresses."""
    rng = random.Random(f"{seed} {i}")
    times, second = [], 0.0
    while not exact and second < seconds:
        second += rng.expovariate(level / 60)
        times.append(second)
    for minute in range(seconds // 60 if exact else 0):
        times += [60 * minute + 59 * k / level for k in range(level)]
    return [packet(START + second, stranger(rng.randrange(1 << 24)), address(i, rng.randrange(1, 255)), ports[k % len(ports)])
            for k, second in enumerate(times) if second < seconds]


class World:
    """A hub whose sensors s0, s1 ... got these packets; tokens of the operator, of who owns the sensors and of who owns none."""

    def __init__(self, scratch, packets, shared=None):
        self.hub = Hub(scratch)
        self.hub.start()
        self.admin = self.hub.token()
        names = [f"s{i}" for i in range(len(packets))]
        for i, (name, its) in enumerate(zip(names, packets)):
            run("hub", "import", self.hub.dir, write_pcap(self.hub.dir.parent / f"{self.hub.dir.name}-{name}.pcap", its),
                "--sensor", name, "--net", f"198.18.{i}.0/24")
        self.hub.settle()
        owner, guest = self.hub.token(), self.hub.token()
        self.hub.stop()
        self.members(owner, guest, names if shared is None else shared, names)
        self.hub.start()
        self.owner, self.guest = owner, guest
        self.packets = sum(map(len, packets))
        self.wait()

    def members(self, owner, guest, shared, names):
        """alpha owns all sensors and shares some with everyone; bravo owns none."""
        with closing(sqlite3.connect(self.hub.dir / "registry.db")) as db, db:
            now, ids = time.time_ns(), {}
            for name in ("alpha", "bravo"):
                ids[name] = uuid.uuid4()
                db.execute("INSERT INTO member (uuid, name, created_ns) VALUES (?, ?, ?)", (ids[name].bytes, name, now))
            label = uuid.uuid4()
            text = {"tlp": "GREEN", "owner": str(ids["alpha"]), "members": [], "communities": [], "layers": [], "everyone": True,
                    "purposes": ["defence", "investigation", "statistics", "research"], "expires": None}
            db.execute("INSERT INTO label (uuid, owner, tlp, json, created_ns) VALUES (?, ?, 'GREEN', ?, ?)",
                       (label.bytes, ids["alpha"].bytes, json.dumps(text), now))
            for name in names:
                db.execute("UPDATE sensor SET member = ?, label = ? WHERE name = ?",
                           (ids["alpha"].bytes, label.bytes if name in shared else None, name))
            newest = [row[0] for row in db.execute("SELECT selector FROM token ORDER BY created_ns DESC LIMIT 2")]
            for selector, member in zip(newest, ("bravo", "alpha")):
                db.execute("UPDATE token SET member = ?, member_epoch = 1, role = 'viewer' WHERE selector = ?",
                           (ids[member].bytes, selector))

    def wait(self):
        """Until the sums hold everything."""
        client, end = self.hub.client(self.admin), time.monotonic() + 60
        while time.monotonic() < end:
            status, _, text = client.get(f"/api/v1/series?step=1d&of=packets&{EVER}")
            if status == 200 and sum(row["packets"] for row in json.loads(text)["rows"]) == self.packets:
                return
            if status != 200:  # the connection is closed then
                client = self.hub.client(self.admin)
            time.sleep(0.2)
        raise AssertionError("the sums do not hold what was imported")

    def ask(self, token, path):
        status, headers, text = self.hub.client(token).get("/api/v1/" + path)
        return status, headers, text

    def json(self, token, path):
        status, _, text = self.ask(token, path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {text[:300]}")
        return json.loads(text)

    def stop(self):
        self.hub.stop()

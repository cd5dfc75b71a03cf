#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each member may know of a finding, and what an attacker learns of sensors by findings. TAP output."""
import datetime
import json
import random
import shutil
import sqlite3
import struct
import sys
import time
import uuid
from contextlib import closing

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from figures_world import checksum, packet, write_pcap  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import Hub, WireSensor, run  # noqa: E402  pylint: disable=wrong-import-position
from members_lib import OPEN_RATES, Asker  # noqa: E402  pylint: disable=wrong-import-position

TESTS = []
VICTIM, HELD, BOT, OWN_BOT = "8.9.10.11", "9.9.9.7", "11.22.33.44", "12.23.34.45"
N = 7  # sensors: 0 to 4 are alfa's, shared with bravo and charlie (a quorum of 3); 5 is bravo's own; 6 is the operator's
MEMBERS = ("alfa", "bravo", "charlie", "delta")
ABSENT = "0123456789abcdef"


def test(function):
    TESTS.append(function)
    return function


def eq(is_, want):
    assert is_ == want, f"{is_!r} is not {want!r}"


# ---- packets ----

def answer(second, victim, dst, rng):
    """A SYN-ACK of a victim of a flood with forged sources."""
    src, dst = (bytes(map(int, a.split("."))) for a in (victim, dst))
    tcp = struct.pack("!HHIIBBHHH", 443, rng.randrange(1024, 65536), rng.getrandbits(32), 1, 0x50, 0x12, 65535, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", checksum(src + dst + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0x4000, 60, 6, 0) + src + dst
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return second, bytes(12) + b"\x08\x00" + head + tcp


def mirai(second, src, dst):
    """A SYN whose sequence number is where it goes."""
    at, frame = packet(second, src, dst, 23)
    head, tcp = frame[:34], frame[34:]
    tcp = tcp[:4] + bytes(map(int, dst.split("."))) + tcp[8:16] + b"\0\0" + tcp[18:]
    total = checksum(head[26:34] + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)
    return at, head + tcp[:16] + struct.pack("!H", total) + tcp[18:]


def flood(its, start, victim, sensors, n, seconds=30):
    """Answers to all addresses of these sensors alike, as forged sources are."""
    rng = random.Random(victim)
    for k in range(n):
        i = rng.choice(sensors)
        its[i].append(answer(start + seconds * k / n + rng.random() / 10, victim, f"198.18.{i}.{rng.randrange(256)}", rng))


def bot(start, src, i, n):
    return [mirai(start + 20 + k / (2 * n), src, f"198.18.{i}.{k * 7 % 256}") for k in range(n)]


def usual(start):
    """What the sensors see: by sensor."""
    its = [[] for _ in range(N)]
    flood(its, start, VICTIM, range(N), 700)
    for i in (0, 1):
        its[i] += bot(start, HELD, i, 80)
    its[6] += bot(start, BOT, 6, 20)
    its[5] += bot(start, OWN_BOT, 5, 20)
    return its


# ---- the hub ----

class World:
    """A hub with members, their tokens and enrolled sensors, which is not running. copy() is another that nobody can tell from it."""

    def __init__(self, scratch):
        self.hub = Hub(scratch / "hub", settings=OPEN_RATES)
        self.hub.start()
        self.sensors = [WireSensor(self.hub, scratch / f"sensor-{i}", f"s{i}") for i in range(N)]
        self.hub.stop()
        self.tokens = {"operator": self.hub.token()}
        for name in MEMBERS:
            self.tokens[name] = run("token", "create", self.hub.dir, "--role", "admin", "--name", name)[1].strip()
        with closing(sqlite3.connect(self.hub.dir / "registry.db")) as db, db:
            self.members(db)

    def members(self, db):
        ids = {name: uuid.uuid4() for name in MEMBERS}
        for name, its in ids.items():
            db.execute("INSERT INTO member (uuid, name, created_ns) VALUES (?, ?, 1)", (its.bytes, name))
            db.execute("UPDATE token SET member = ?, member_epoch = 1, role = 'viewer' WHERE name = ?", (its.bytes, name))
        db.execute("INSERT INTO member_prefix (member, prefix, since_ns) VALUES (?, '9.9.9.0/24', 1)", (ids["charlie"].bytes,))
        label = uuid.uuid4()
        text = {"tlp": "AMBER", "owner": str(ids["alfa"]), "communities": [], "layers": [], "everyone": False, "expires": None,
                "members": [{"member": str(ids[name]), "epoch": 1} for name in ("bravo", "charlie")],
                "purposes": ["defence", "investigation", "statistics", "research"]}
        db.execute("INSERT INTO label (uuid, owner, tlp, json, created_ns) VALUES (?, ?, 'AMBER', ?, 1)",
                   (label.bytes, ids["alfa"].bytes, json.dumps(text)))
        for i in range(5):
            db.execute("UPDATE sensor SET member = ?, label = ? WHERE name = ?", (ids["alfa"].bytes, label.bytes, f"s{i}"))
        db.execute("UPDATE sensor SET member = ? WHERE name = 's5'", (ids["bravo"].bytes,))

    def copy(self, to):
        shutil.copytree(self.hub.dir, to, symlinks=True, ignore=shutil.ignore_patterns("*.sock", "api", "ports"))
        return Hub(to, init=False)

    def feed(self, hub, its, start):
        """Two seconds after two seconds from all sensors, so that they are one telescope, and at last what shows that the floods are
        over."""
        hub.start()
        scratch = hub.dir.parent
        for sensor in self.sensors:
            sensor.hub, sensor.acked, sensor.digest, sensor.epoch = hub, 0, {0: bytes(32)}, start
            sensor.connect()
        its = [packets + [packet(start + second, f"77.1.{i}.{second - 430}", f"198.18.{i}.9", 80) for second in range(430, 440)]
               for i, packets in enumerate(its)]
        for second in (*range(0, 40, 2), *range(430, 440, 2)):
            for i, sensor in enumerate(self.sensors):
                now = [p for p in its[i] if start + second <= p[0] < start + second + 2]
                if now:
                    sensor.send_batch(sensor.acked + 1, batch(scratch, f"{hub.dir.name}-{i}", now, i))
                    sensor.wait_ack(sensor.acked + 1)
        for sensor in self.sensors:
            sensor.close()
        asker = self.ask(hub, "operator")
        wait(lambda: "ended" in {f["state"] for f in of(asker.findings(), VICTIM)},
             lambda: [(f["subject"], f["state"], f["summary"]) for f in asker.findings()])
        return hub

    def ask(self, hub, name):
        return Asker(hub.client(self.tokens[name]))


def wait(until, what, seconds=30):
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise AssertionError(f"not there: {what()}")
        time.sleep(0.2)


def batch(scratch, name, packets, i):
    flows = scratch / f"{name}.flows"
    run("observe", write_pcap(scratch / f"{name}.pcap", packets), "--net", f"198.18.{i}.0/24", "--prefixes", "none", "--benign", "none",
        "--json", "--only", "findings", "--write-flows", flows)
    data = flows.read_bytes()[16:]
    assert struct.unpack_from("<I", data, 12)[0] + 48 == len(data), "more than one batch"
    return data


def begin():
    """A whole minute, long enough ago for a flood that is over, and not so long that it would be a backlog."""
    return int(time.time() - 480) // 60 * 60


def of(findings, subject):
    return [f for f in findings if f["subject"] == subject]


def ns(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# ---- tests ----

@test
def each_sees_the_copy_that_is_his(scratch):
    world = World(scratch)
    start = begin()
    its = usual(start)
    hub = world.feed(world.hub, its, start)
    who = {name: world.ask(hub, name) for name in world.tokens}
    seen = {name: asker.findings() for name, asker in who.items()}
    sent = [sum(frame[26:30] == bytes((8, 9, 10, 11)) for _, frame in packets) for packets in its]

    # the operator: as the engine says it, and nothing else
    every = of(seen["operator"], VICTIM)
    eq([(f["kind"], f["state"], f["evidence"]["packets"]) for f in every], [("attack", "ended", sum(sent))])
    eq({f["subject"] for f in seen["operator"]}, {VICTIM, HELD, BOT, OWN_BOT})
    assert {"sequence", "newest", "revision", "at"} <= set(every[0]), every

    # its owner: what his own sensors saw, to the packet
    own = of(seen["alfa"], VICTIM)[0]
    eq((own["copy"], own["own"]["packets"], own["own"]["sensors"], "shared" in own), ("own", sum(sent[:5]), 5, False))
    eq(own["state"], "ended")
    assert abs(ns(own["own"]["first"]) - min(p[0] for i in range(5) for p in its[i] if p[1][26:30] == b"\x08\x09\x0a\x0b")) < 0.001
    eq({f["subject"] for f in seen["alfa"]}, {VICTIM, HELD})
    eq(of(seen["alfa"], HELD)[0]["own"]["packets"], 160)

    # one with a sensor of his own, with whom others share: both
    both = of(seen["bravo"], VICTIM)[0]
    eq((both["copy"], both["own"]["packets"], both["own"]["sensors"]), ("own", sent[5], 1))
    eq((both["shared"]["packets"], both["shared"]["sensors"], both["shared"]["quorum"]), (sorted(sent[:5])[2], 5, 3))
    eq({f["subject"] for f in seen["bravo"]}, {VICTIM, OWN_BOT})
    eq(of(seen["bravo"], OWN_BOT)[0]["evidence"], {"family": "mirai"})

    # one with none: the shared figures, and a warning about his own address
    shared = of(seen["charlie"], VICTIM)[0]
    eq((shared["copy"], shared["shared"]["packets"], "own" in shared), ("shared", sorted(sent[:5])[2], False))
    eq([ns(shared[name]) % 60 for name in ("first", "last")], [0, 0])
    warned = of(seen["charlie"], HELD)[0]
    eq((warned["copy"], "shared" in warned, "own" in warned, "evidence" in warned), ("warned", False, False, False))
    eq([ns(warned["warned"][name]) % 60 for name in ("first", "last")], [0, 0])
    eq({f["subject"] for f in seen["charlie"]}, {VICTIM, HELD})
    eq(seen["delta"], [])

    # one id for all but the operator, and neither of sensors nor of the hub's numbers a word
    ids = {f["id"] for name in MEMBERS for f in of(seen[name], VICTIM)}
    eq((len(ids), every[0]["id"] in ids), (1, False))
    words = json.dumps([seen[name] for name in MEMBERS])
    for sensor in world.sensors:
        assert sensor.uuid not in words
    for word in ("198.18.", '"sequence"', '"revision"', '"at"', '"late"', '"detected"', '"monitored"', '"summary"', every[0]["id"]):
        assert word not in words, word
    not_there_is_one_answer(who, seen)
    pages_repeat_and_miss_nothing(who, seen)
    filters(who)
    hub.stop()


def not_there_is_one_answer(who, seen):
    """What one may not know is answered with the bytes of what there is not; so are ids of another kind of caller."""
    ids = {f["subject"]: f["id"] for name in MEMBERS for f in seen[name]}
    engine = {f["subject"]: f["id"] for f in seen["operator"]}
    for name, hidden in (("alfa", OWN_BOT), ("bravo", HELD), ("charlie", OWN_BOT), ("delta", VICTIM), ("delta", HELD)):
        for rest in ("", "/revisions"):
            answers = [who[name].raw("GET", f"/api/v1/findings/{one}{rest}")
                       for one in (ids[hidden], ABSENT, engine[VICTIM], engine[BOT], "x")]
            eq({answer[0] for answer in answers}, {404})
            bodies = {answer[2].replace(one.encode(), b"ID") for answer, one in
                      zip(answers, (ids[hidden], ABSENT, engine[VICTIM], engine[BOT], "x"))}
            eq(len(bodies), 1)
    for name in ("alfa", "bravo", "charlie", "operator"):
        for f in seen[name]:
            eq(who[name].get(f"/api/v1/findings/{f['id']}"), f)
            revisions = who[name].get(f"/api/v1/findings/{f['id']}/revisions")["findings"]
            eq(revisions[-1] if name != "operator" else revisions[-1]["id"], f if name != "operator" else f["id"])
            assert len({json.dumps(r) for r in revisions}) == len(revisions), "a revision that changed nothing for him"


def pages_repeat_and_miss_nothing(who, seen):
    for name in ("alfa", "bravo", "charlie", "delta", "operator"):
        got, cursor, more = [], "", True
        while more:
            page = who[name].get(f"/api/v1/findings?limit=1{cursor}")
            assert len(page["findings"]) <= 1 and "partial" not in page
            got += page["findings"]
            cursor, more = f"&since={page['next']}", page["more"]
        eq(got, seen[name])
        eq(who[name].get(f"/api/v1/findings?{cursor[1:]}")["findings"], [])
    cursor = who["alfa"].get("/api/v1/findings?limit=1")["next"]
    who["bravo"].get(f"/api/v1/findings?since={cursor}", want=400)


def filters(who):
    def subjects(name, query):
        return {f["subject"] for f in who[name].findings(query)}

    eq(subjects("operator", "subject=8.0.0.0/7"), {VICTIM, HELD})
    eq(subjects("charlie", "subject=8.0.0.0/7"), {VICTIM, HELD})
    eq(subjects("charlie", f"subject={HELD}"), {HELD})
    eq(subjects("bravo", f"subject={HELD}"), set())
    eq(subjects("operator", "subject=0.0.0.0/0"), {VICTIM, HELD, BOT, OWN_BOT})
    eq(subjects("operator", "subject=::/0"), set())
    eq(subjects("operator", "kind=infection"), {BOT, OWN_BOT, HELD})
    eq(subjects("bravo", "kind=infection"), {OWN_BOT})
    eq(subjects("bravo", "detector=rsdos.v1&state=ended"), {VICTIM})
    eq(subjects("bravo", "detector=rsdos.v1&state=continuing"), set())
    for query in ("subject=no", "subject=8.9.10.11/8", "state=over", "revisions=some", "limit=0", "sensor=s1"):
        who["bravo"].get(f"/api/v1/findings?{query}", want=400)
    who["bravo"].get("/api/v1/findings?revisions=all", want=403)
    assert len(who["operator"].findings("revisions=all")) >= 4


def everything(asker):
    """All that one may read of findings."""
    out = []
    for query in ("", "state=ended", "state=continuing", "detector=rsdos.v1", "detector=infect.v1", "kind=attack", "kind=campaign",
                  "subject=0.0.0.0/0", "subject=66.0.0.0/8", "limit=1", "limit=2"):
        page = asker.get(f"/api/v1/findings?{query}")
        assert page.pop("next")
        out.append(page)
    for f in asker.findings():
        out.append(asker.raw("GET", f"/api/v1/findings/{f['id']}")[2].decode())
    for subject in ("66.1.1.1", "66.1.1.2", "66.1.1.3", "66.1.1.4"):
        out.append(asker.raw("GET", f"/api/v1/findings?subject={subject}&limit=1")[0])
    return json.dumps(out, indent=1)


@test
def probes_to_fewer_than_a_quorum_change_no_byte_for_others(scratch):
    """The same world twice, once with somebody who sends from addresses of his own choice to two of five shared sensors, and to the
    operator's: everything that the others can read of findings is the same, while the operator has new ones."""
    world = World(scratch)
    start = begin()
    seen, engine = [], []
    for name, probed in (("without", False), ("with", True)):
        its = usual(start)
        if probed:
            for i in (0, 3):
                its[i] += bot(start, "66.1.1.1", i, 200) + bot(start, "66.1.1.2", i, 30)
            its[6] += bot(start, "66.1.1.3", 6, 200) + bot(start, "66.1.1.4", 6, 30)
            flood(its, start, "66.1.2.1", (0, 3), 400)
            flood(its, start, "66.1.2.2", (6,), 300)
        hub = world.feed(world.copy(scratch / name), its, start)
        operator = world.ask(hub, "operator")
        engine.append({f["subject"] for f in operator.findings()})
        seen.append({name: everything(world.ask(hub, name)) for name in MEMBERS})
        hub.stop()
    assert engine[1] - engine[0] >= {"66.1.1.1", "66.1.1.2", "66.1.1.3", "66.1.1.4"}, engine
    for name in ("bravo", "charlie", "delta"):
        eq(seen[1][name], seen[0][name])
    assert "66.1.1.1" in seen[1]["alfa"] and "66.1.1.2" in seen[1]["alfa"], "the owner of what was probed sees it"
    assert "66.1.1.3" not in seen[1]["alfa"]


if __name__ == "__main__":
    if not hub_lib.NOROSHI.exists():
        print("1..0 # SKIP not built")
        sys.exit(0)
    hub_lib.main(TESTS)

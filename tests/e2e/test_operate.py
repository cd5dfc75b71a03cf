#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Running a hub as its operator does: backup and restore, moving between versions, reload, check. What docs/operator/hub.md says."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from hub_lib import (BUILD, LIVE, NOROSHI, SENSOR, Hub, WireSensor, batches_of, clean_env, generate, main,  # noqa: E402
                     run)


class Stream(threading.Thread):
    """A sensor that streams batches in a thread until it is told to stop; what was acknowledged is in its .wire."""

    def __init__(self, wire, batches, pause=0.01):
        super().__init__(daemon=True)
        self.wire, self.batches, self.pause = wire, batches, pause
        self.sent, self.rows, self.error = 0, 0, None
        self.ending = threading.Event()

    def run(self):
        try:
            self.wire.connect()
            while not self.ending.is_set():
                payload, rows = self.batches[self.sent % len(self.batches)]
                self.sent += 1
                self.rows += rows
                self.wire.send_batch(self.sent, payload)
                if self.sent % 8 == 0:
                    self.wire.wait_ack(self.sent - 4)
                time.sleep(self.pause)
            self.wire.wait_ack(self.sent)
        except Exception as why:  # pylint: disable=broad-except
            self.error = why

    def finish(self):
        self.ending.set()
        self.join(60)
        if self.error:
            raise self.error
        return self.wire.acked


def rows_of(directory, sql):
    """Of a registry nobody works in."""
    with sqlite3.connect(f"file:{directory}/registry.db?mode=ro", uri=True) as db:
        return db.execute(sql).fetchall()


def logical(directory):
    """What must be equal in a hub and in the one that was made of its backup; the restore adds its own row to the audit chain."""
    tables = [name for (name,) in rows_of(directory, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
              if not name.startswith("sqlite_")]
    out = {}
    for table in tables:
        rows = rows_of(directory, f"SELECT * FROM {table} ORDER BY 1, 2")
        if table == "audit":
            rows = [row for row in rows if row[3] not in ("hub.restore", "hub.backup")]
        if table == "meta":
            rows = [row for row in rows if row[0] != "epoch"]
        out[table] = rows
    return out


def busy_hub(scratch, name="hub"):
    """A hub with findings, tokens, a sensor and an import in it, and batches to send."""
    hub = Hub(scratch / name, settings="listen: 127.0.0.1:0\ningest: 127.0.0.1:0\n").start()
    pcap = generate(scratch / f"{name}.pcap", "10m")
    run("hub", "import", hub.dir, pcap, "--sensor", "old-1", "--net", "198.18.0.0/22")
    wire = WireSensor(hub, scratch / f"{name}-sensor")
    return hub, wire, batches_of(generate(scratch / f"{name}-live.pcap", "20s", seed=2), scratch)


def a_backup_under_load_gives_back_every_row(scratch):
    hub, wire, batches = busy_hub(scratch)
    token = hub.token()
    hub.settle()
    stream = Stream(wire, batches)
    stream.start()
    while stream.sent < 40:
        time.sleep(0.05)
    file = scratch / "b.tar"
    before = wire.acked
    said = json.loads(run("backup", hub.dir, file, "--json")[1])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, oct(file.stat().st_mode)
    assert not [p for p in scratch.iterdir() if ".tmp" in p.name], list(scratch.iterdir())
    behind = stream.sent + 8  # so that there is something that the backup has not
    while stream.sent < behind and not stream.error:
        time.sleep(0.05)
    acked = stream.finish()
    _, cursor = hub.client(token).findings()
    hub.settle()
    assert hub.stop() == 0
    names = subprocess.run(["tar", "tf", file], capture_output=True, check=True, text=True).stdout.split()
    assert names[0] == "NOROSHI" and names[-1] == "MANIFEST" and "keys/authority.key" in names, names
    new = scratch / "new"
    told = json.loads(run("restore", file, new, "--json")[1])
    assert told["hub"] == said["hub"] and told["epoch"] != said["epoch"] and told["records"] == said["journal_at"], told

    # What the registry of the backup has is what the hub had then: all of it is in the hub of now too.
    now, then = logical(hub.dir), logical(new)
    assert then["sensor"] == now["sensor"] and then["token"] and then["import"] == now["import"], "sensors, tokens, imports"
    for table in ("finding", "audit"):
        key = {row[0]: row for row in now[table]}
        for row in then[table]:
            if table == "finding":  # `newest` may have moved to a later revision
                assert key[row[0]][:7] == row[:7], (row, key[row[0]])
            else:
                assert key[row[0]] == row, row

    restored = Hub(new, init=False).start()
    assert restored.acked()[wire.uuid][1] >= before, "acknowledged before the backup, and not in it"
    # The journal of the backup is the beginning of the journal: the same rows come of it.
    restored.settle()
    want = hub_rows(hub.dir, said["journal_at"])
    got = hub_rows(new, said["journal_at"])
    assert want == got and len(got) > 1000, (len(want), len(got))
    status, _, text = restored.client(token).get(f"/api/v1/findings?since={cursor}")
    assert status in (400, 410), (status, text)
    # The sensor goes on: what it had acknowledged behind the backup is a gap that is told, and nothing else is missing.
    wire.hub = restored
    held = wire.connect()
    assert before <= held <= acked, (before, held, acked)
    wire.send_batch(acked + 1, batches[0][0])
    wire.wait_ack(acked + 1)
    wire.close()
    sensors = restored.client(token).json("/api/v1/sensors")["sensors"]
    row = next(s for s in sensors if s["uuid"] == wire.uuid)
    assert row["acknowledged"]["seq"] == acked + 1, (row, acked)
    assert row["acknowledged"]["batches_lost"] == acked - held > 0, (row, acked, held)
    assert restored.stop() == 0


def hub_rows(directory, upto):
    """The observations that a hub's journal holds up to a place."""
    flows = pathlib.Path(f"{directory}.flows")
    run("journal", "export", directory, "--to", upto, "--out", flows)
    rows = run("flows", "print", flows)[1].splitlines()
    flows.unlink()
    return rows


def members(file):
    """(name, first byte, bytes) of the members of a tar archive."""
    data, at, out = file.read_bytes(), 0, []
    while any(data[at:at + 512]):
        name = data[at:at + 100].rstrip(b"\0").decode()
        size = int(data[at + 124:at + 135], 8)
        out.append((name, at + 512, size))
        at += 512 + (size + 511) // 512 * 512
    return data, out


def a_backup_that_was_touched_is_refused_with_the_name_of_what_is_wrong(scratch):
    hub, wire, batches = busy_hub(scratch)
    hub.settle()
    assert hub.stop() == 0
    file, bad, new = scratch / "b.tar", scratch / "bad.tar", scratch / "new"
    run("backup", hub.dir, file)  # nobody runs it
    data, parts = members(file)
    manifest = next(data[at:at + size].decode() for name, at, size in parts if name == "MANIFEST")
    for name, at, size in parts:  # what another program says of the digests: b2sum -l 256
        if name != "MANIFEST":
            digest = hashlib.blake2b(data[at:at + size], digest_size=32).hexdigest()
            assert f"file {digest} {size} {name}\n" in manifest, name
    assert {"keys/cursor.key", "registry.db", "hub.yaml"} < {p[0] for p in parts}, parts

    def refused(changed, *words):
        bad.write_bytes(changed)
        status, _, text = run("restore", bad, new, ok=False)
        assert status == 1 and all(word in text for word in words) and not new.exists(), (status, text, words)

    for name, at, size in parts:
        if size == 0:
            continue
        for where in (at, at + size // 2, at + size - 1):
            flipped = bytearray(data)
            flipped[where] ^= 1
            refused(bytes(flipped), name)
        refused(data[:at + size // 2], "bad.tar")  # cut in this member
        refused(data[:at - 512], "bad.tar")
    refused(b"", "bad.tar")
    refused(b"PK\3\4" + data[4:], "no backup")
    first = parts[0]
    swapped = bytearray(data)
    swapped[first[1] - 512:first[1] - 512 + 10] = b"../../evil"  # its sum says so
    refused(bytes(swapped), "bad.tar")
    # Even one whose sums and digests are right cannot leave the directory, or leave a part out.
    for old, evil in (("NOROSHI", "../../x"), ("hub.yaml", "keys/../y"), ("registry.db", "/etc/passwd")):
        refused(forged(data, parts, manifest, old, evil), "MANIFEST")
    # A newer one is told from a broken one.
    refused(forged(data, parts, manifest, None, None, manifest.replace("registry 2", "registry 99", 1)), "newer")

    # What stands is never written over, and neither is a backup.
    assert run("restore", file, hub.dir, ok=False)[0] == 1
    assert "there already" in run("backup", hub.dir, file, ok=False)[2]
    assert file.read_bytes() == data


def forged(data, parts, manifest, old, new, text=None):
    """An archive with a member renamed and everything else put right."""
    if text is None:
        text = manifest.replace(f" {old}\n", f" {new}\n")
    body = text[:text.rindex("manifest ")]
    body += "manifest " + hashlib.blake2b(body.encode(), digest_size=32).hexdigest() + "\n"
    out = b""
    for name, at, size in parts:
        content = body.encode() if name == "MANIFEST" else data[at:at + size]
        head = bytearray(data[at - 512:at])
        if name == old:
            head[:100] = new.encode().ljust(100, b"\0")
        head[124:135] = b"%011o" % len(content)
        head[148:156] = b" " * 8
        head[148:155] = b"%06o\0" % sum(head)
        out += bytes(head) + content + bytes(-len(content) % 512)
    return out + bytes(1024)


def a_backup_without_keys_has_none_and_wants_them_back(scratch):
    hub, _, _ = busy_hub(scratch)
    hub.settle()
    assert hub.stop() == 0
    file, new = scratch / "b.tar", scratch / "new"
    run("backup", hub.dir, file, "--without-keys")
    data, parts = members(file)
    assert not [p[0] for p in parts if p[0].endswith(".key")] and "keys/authority.pem" in {p[0] for p in parts}, parts
    for key in (hub.dir / "keys").glob("*.key"):
        secret = key.read_bytes()
        assert secret not in data and secret[:32] not in data, key
    status, _, text = run("restore", file, new, ok=False)
    assert status == 2 and "--keys" in text and not new.exists(), (status, text)
    other = Hub(scratch / "other")
    status, _, text = run("restore", file, new, "--keys", other.dir / "keys", ok=False)
    assert status == 1 and "not the key of this hub" in text, (status, text)
    assert "half-made" in run("hub", "check", new, ok=False)[2]
    shutil.rmtree(new)
    run("restore", file, new, "--keys", hub.dir / "keys")
    assert run("hub", "check", new)[0] == 0
    restored = Hub(new, init=False).start()
    restored.settle()
    assert restored.stop() == 0


def a_real_sensor_that_still_has_all_of_it_sends_it_again(scratch):
    assert restored_under_a_sensor(scratch, "8GiB") == 0


def a_real_sensor_that_has_it_no_more_tells_how_much_is_gone(scratch):
    assert restored_under_a_sensor(scratch, "96KiB") > 0


def restored_under_a_sensor(scratch, limit):
    """It had more acknowledged than the backup holds: what it still has comes again, the rest is told."""
    hub = Hub(scratch / "hub").start()
    code = run("sensor", "enrol", hub.dir, "real-1")[1].strip()
    where = scratch / "sensor"
    done = subprocess.run([SENSOR, "join", "--dir", where, hub.url, code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr

    def deliver(seed):
        pcap = generate(scratch / f"{seed}.pcap", "2m", seed=seed)
        done = subprocess.run([SENSOR, "run", "--dir", where, "--read", pcap, "--net", "198.18.0.0/22", "--speed", "0",
                               "--spool-limit", limit, "--unsafe-no-sandbox"], capture_output=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr[-800:]
        return sum(rows for _, rows in batches_of(pcap, scratch))

    first = deliver(1)
    file = scratch / "b.tar"
    run("backup", hub.dir, file)
    ports = (hub.url, hub.ingest)
    second = deliver(2)
    hub.settle()
    assert hub.stop() == 0
    run("restore", file, scratch / "new")
    restored = Hub(scratch / "new", init=False).start(listen=ports[0].split("//")[1], ingest=ports[1])
    third = deliver(3)
    restored.settle()
    row = restored.client(restored.token()).json("/api/v1/sensors")["sensors"][0]["acknowledged"]
    rows, _ = restored.client(restored.token()).observations("limit=100000")
    assert row["batches"] + row["batches_lost"] == row["seq"], row  # every number is there, or told as missing
    assert first + third <= len(rows) <= first + second + third, (len(rows), first, second, third)
    assert row["batches_lost"] > 0 or len(rows) == first + second + third, (len(rows), row, first, second, third)
    if row["batches_lost"]:
        kinds = {f["kind"] for f in restored.client(restored.token()).findings("limit=1000")[0]}
        assert "data-lost" in kinds, kinds
    assert restored.stop() == 0
    return row["batches_lost"]


# ---- reload ----

def a_reload_takes_what_it_can_and_loses_no_batch(scratch):
    hub, wire, batches = busy_hub(scratch)
    token = hub.token()
    stream = Stream(wire, batches, pause=0.002)
    stream.start()
    lists = scratch / "benign.txt"
    lists.write_text("192.0.2.0/24\n")
    yaml = hub.dir / "hub.yaml"

    def reload():
        status, out, text = run("hub", "reload", hub.dir, "--json", ok=False)
        return status, json.loads(out) if out else None, text

    assert reload()[:2] == (0, {"changed": []})
    yaml.write_text(yaml.read_text() + f"advertise: 192.0.2.9:7444\napi:\n  rate: 5\n  burst: 6\njournal:\n  keep_days: 7\n"
                    f"engine:\n  silence_s: 5\n  benign:\n    - {lists}\n")
    status, said, text = reload()
    assert status == 0 and sorted(said["changed"]) == [
        "advertise", "api.burst", "api.rate", "engine.benign", "engine.silence_s", "journal.keep_days"], (said, text)
    # They are in force: an invitation names the new place, the rate of a token is the new one, the journal says so.
    client = hub.client(token)
    codes = [client.get("/api/v1/status")[0] for _ in range(12)]
    assert codes[:5] == [200] * 5 and 429 in codes, codes
    entries = [json.loads(line) for line in run("journal", "list", hub.dir, "--json")[1].splitlines()]
    kinds = [entry.get("type") for entry in entries]
    assert kinds.count("config") >= 2 and kinds.count("data") >= 2, sorted(set(kinds))
    deadline = time.monotonic() + 20
    while "lists_taken" not in hub.words() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "lists_taken" in hub.words() and "lists_not_taken" not in hub.words(), hub.words()[-500:]

    # What needs a restart is named, what is wrong has its line, a missing list its name; and nothing changes then.
    good = yaml.read_text()
    for bad, word in ((good.replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:1"), "restart the hub to change listen"),
                      (good.replace("keep_days: 7", "keep_days: 8\n  segment_mib: 5"), "journal.segment_mib"),
                      (good + "lissten: x\n", "line"),
                      (good.replace(str(lists), "/nonexistent"), "/nonexistent"),
                      (good.replace("rate: 5", "rate: 0"), "line 5: api.rate")):
        yaml.write_text(bad)
        status, said, text = reload()
        assert status != 0 and word in text, (bad, status, text)
    yaml.write_text(good)
    assert reload()[:2] == (0, {"changed": []})
    pem = hub.dir / "keys" / "hub.key"
    key = pem.read_bytes()
    pem.write_bytes(key + b"\n")
    status, _, text = reload()
    assert status != 0 and "restart the hub to change keys/hub" in text, text
    pem.write_bytes(key)

    # The signal does the same; who sends it hears nothing, the log does.
    yaml.write_text(good.replace("keep_days: 7", "keep_days: 9"))
    hub.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while "changed=journal.keep_days" not in hub.words().splitlines()[-1] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "reloaded" in hub.words() and "changed=journal.keep_days" in hub.words(), hub.words()[-400:]
    for _ in range(20):  # under load, again and again
        assert reload()[0] == 0
    sent = stream.finish()
    assert sent == stream.sent > 100 and hub.acked()[wire.uuid] == (wire.epoch, sent), (sent, stream.sent)
    status = hub.settle()
    assert not status["engine"].get("failed"), status
    row = next(s for s in json.loads(run("sensor", "list", hub.dir, "--json")[1])["sensors"] if s["uuid"] == wire.uuid)
    assert row["acknowledged"]["batches"] == sent and row["acknowledged"]["batches_lost"] == 0, row
    assert hub.stop() == 0
    assert run("hub", "audit", hub.dir)[0] == 0


def systemd_hears_of_a_reload(scratch):
    hub = Hub(scratch / "hub")
    where = scratch / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(where))
        manager.settimeout(20)
        hub.start(env={"NOTIFY_SOCKET": str(where)})

        def wait_for(line):
            while True:
                lines = manager.recv(4096).decode().splitlines()
                if line in lines:
                    return lines
        wait_for("READY=1")
        hub.process.send_signal(signal.SIGHUP)
        assert any(line.startswith("MONOTONIC_USEC=") for line in wait_for("RELOADING=1"))
        wait_for("READY=1")
        hub.process.send_signal(signal.SIGTERM)
        wait_for("STOPPING=1")
    assert hub.process.wait(30) == 0


# ---- versions ----

MIGRATIONS = pathlib.Path(__file__).resolve().parents[2] / "src" / "store" / "registry" / "migrations"


def schema_of(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT type, name, tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2").fetchall()
        columns = {name: db.execute(f"PRAGMA table_xinfo({name})").fetchall() for kind, name, _ in rows if kind == "table"}
    return rows, columns


def made_by_the_version_before(hub):
    """Put the registry of a program of version 1 into a new hub's directory: a sensor, a token, findings, an import, an audit chain."""
    now = dict(rows_of(hub.dir, "SELECT name, value FROM meta"))
    run("sensor", "enrol", hub.dir, "alpha")
    run("token", "create", hub.dir, "--name", "old")
    audit = rows_of(hub.dir, "SELECT sequence, at_ns, actor, action, object, detail, chain FROM audit")
    sensor = rows_of(hub.dir, "SELECT uuid, name, state, created_ns FROM sensor")
    token = rows_of(hub.dir, "SELECT selector, digest, name, created_ns, expires_ns FROM token WHERE kind = 'api'")
    path = hub.dir / "registry.db"
    for part in hub.dir.glob("registry.db*"):
        part.unlink()
    with sqlite3.connect(path) as db:
        db.executescript((MIGRATIONS / "0001.sql").read_text())
        db.executescript(f"PRAGMA application_id = {0x4e525231}; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;")
        db.executemany("INSERT INTO meta VALUES (?, ?)", [(k, now[k]) for k in ("uuid", "name", "epoch")])
        db.executemany("INSERT INTO sensor (uuid, name, state, created_ns) VALUES (?, ?, ?, ?)", sensor)
        db.executemany("INSERT INTO token (selector, digest, kind, role, name, created_ns, expires_ns)"
                       " VALUES (?, ?, 'api', 'admin', ?, ?, ?)", token)
        db.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", audit)
        db.executemany("INSERT INTO finding (id, revision, at, made_ns, detector, state, newest, json) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                       [(f"{i:016x}", r, 1, 5, "scan.v1", "new", int(r == 2), "{}") for i in range(50) for r in (1, 2)])
        db.execute("INSERT INTO import VALUES (?, ?, 'a.pcap', 1, 1, 2, 3)", (sensor[0][0], bytes(32)))
    db.close()
    path.chmod(0o600)
    return path


def data_goes_one_version_forward_and_one_back(scratch):
    hub = Hub(scratch / "hub", settings="listen: 127.0.0.1:0\ningest: 127.0.0.1:0\n")
    path = made_by_the_version_before(hub)
    old_schema, tables = schema_of(path), ("sensor", "token", "finding", "import")
    common = {t: ", ".join(c[1] for c in old_schema[1][t]) for t in tables}
    old = {t: rows_of(hub.dir, f"SELECT {common[t]} FROM {t} ORDER BY 1, 2, 3") for t in tables}
    audit = rows_of(hub.dir, "SELECT * FROM audit ORDER BY 1")

    assert "version 1" in run("hub", "check", hub.dir)[2]  # a warning: the next start brings it forward
    run("hub", "migrate", hub.dir)
    for t in tables:
        assert rows_of(hub.dir, f"SELECT {common[t]} FROM {t} ORDER BY 1, 2, 3") == old[t], t
    hub.start()
    token = hub.token()
    assert hub.client(token).get("/api/v1/sensors")[0] == 200
    status, _, text = run("hub", "migrate", hub.dir, "--to", "1", ok=False)
    assert status == 1 and "in use by process" in text, text
    assert hub.stop() == 0

    run("hub", "migrate", hub.dir, "--to", "1")
    assert schema_of(path) == old_schema, "the tables are those of the version before"
    for t in ("sensor", "finding", "import"):
        assert rows_of(hub.dir, f"SELECT {common[t]} FROM {t} ORDER BY 1, 2, 3") == old[t], t
    assert set(old["token"]) <= set(rows_of(hub.dir, f"SELECT {common['token']} FROM token"))
    after = rows_of(hub.dir, "SELECT * FROM audit ORDER BY 1")
    assert after[:len(audit)] == audit and len(after) > len(audit), "the chain goes on"
    for to, word in (("99", "newer"), ("0", "")):
        status, _, text = run("hub", "migrate", hub.dir, "--to", to, ok=False)
        assert status != 0 and word in text, text
    old_program = os.environ.get("NOROSHI_OLD_PROGRAM")
    if old_program:  # the real one, when there is one: it opens what was made for it
        done = subprocess.run([old_program, "sensor", "list", hub.dir], capture_output=True, check=False, env=clean_env())
        assert done.returncode == 0 and b"alpha" in done.stdout, done
        done = subprocess.run([old_program, "hub", "audit", hub.dir], capture_output=True, check=False, env=clean_env())
        assert done.returncode == 0, done
    hub.start()  # and forward again, by itself
    assert run("hub", "audit", hub.dir)[0] == 0
    assert hub.client(token).get("/api/v1/sensors")[0] == 200, "the token of before still works"
    assert hub.stop() == 0
    assert len(rows_of(hub.dir, "SELECT 1 FROM finding")) == 100


# ---- check ----

def check_names_what_is_wrong_with_its_place(scratch):
    def check(*words):
        status, out, text = run("hub", "check", hub.dir, "--json", *words, ok=False)
        return status, {row["what"]: row for row in json.loads(out)["checks"]}, text

    hub = Hub(scratch / "hub", settings="listen: 127.0.0.1:0\ningest: 127.0.0.1:0\n")
    status, rows, text = check()
    assert status == 0 and set(rows) == {"directory", "settings", "permissions", "certificate", "room", "registry",
                                         "journal", "ports", "clock"}, (status, rows, text)
    assert all(row["level"] == "good" for what, row in rows.items() if what not in ("clock", "room")), rows
    printed = run("hub", "check", hub.dir, "--print")[1]
    (scratch / "again.yaml").write_text(printed)
    assert "listen: 127.0.0.1:0" in printed and "keep_days: 365" in printed, printed
    yaml, good = hub.dir / "hub.yaml", (hub.dir / "hub.yaml").read_text()

    # Configuration as hostile as it comes: refused with the line, by check and by the hub, in a moment.
    for text, words in (("listen: 127.0.0.1:0\nlissten: 127.0.0.1:0\n", ("line 2", "lissten")),
                        ("journal:\n  keep_days: 1\nstore:\n  threads: 1\njournal:\n  keep_days: 2\n", ("line 5", "journal")),
                        ("journal:\n  keep_days: 99999999999\n", ("line 2",)),
                        ("journal: 3\n", ("line 1",)),
                        ("listen: [1, 2]\n", ("line 1",)),
                        ("listen: &a 127.0.0.1:0\ningest: *a\n", ("line",)),
                        ("\0", ("line",)),
                        ("tls: false\nlisten: 0.0.0.0:7443\n", ("line 1", "tls")),  # there is no way to be without
                        ("#" * (10 << 20), ("too large",))):
        yaml.write_text(text)
        status, rows, said = check()
        assert status == 1 and rows["settings"]["level"] == "fault" and "hub.yaml" in said, (text[:60], status, rows)
        assert all(word in rows["settings"]["words"] for word in words), (text[:60], rows["settings"])
        done = subprocess.run([NOROSHI, "hub", "run", hub.dir], capture_output=True, check=False, timeout=20, env=clean_env())
        assert done.returncode == 1 and b"hub.yaml" in done.stderr, (text[:60], done)
    yaml.write_text(good)

    key = hub.dir / "keys" / "hub.key"
    key.chmod(0o644)
    status, rows, _ = check()
    assert status == 1 and rows["permissions"]["level"] == "fault" and "hub.key" in rows["permissions"]["words"], rows
    done = subprocess.run([NOROSHI, "hub", "run", hub.dir], capture_output=True, check=False, timeout=20, env=clean_env())
    assert done.returncode == 1 and b"can be read by others" in done.stderr, done
    key.chmod(0o600)

    yaml.chmod(0o666)
    assert check()[1]["permissions"]["level"] == "fault"
    yaml.chmod(0o600)
    hub.dir.chmod(0o755)
    status, rows, _ = check()
    assert status == 0 and rows["permissions"]["level"] == "warning", rows
    hub.dir.chmod(0o700)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        yaml.write_text(f"listen: 127.0.0.1:{port}\ningest: 127.0.0.1:0\n")
        status, rows, _ = check()
        assert status == 1 and rows["ports"]["level"] == "fault" and str(port) in rows["ports"]["words"], rows
    yaml.write_text(good)

    later = {"LD_PRELOAD": FAKETIME, "FAKETIME": "+12y"}
    if os.path.exists(FAKETIME):
        status, out, _ = run("hub", "check", hub.dir, "--json", env=later, ok=False)
        rows = [r for r in json.loads(out)["checks"] if r["what"] == "certificate"]
        assert status == 1 and "ended at" in rows[0]["words"], rows
        status, out, _ = run("hub", "check", hub.dir, "--json", env={**later, "FAKETIME": "-2d"}, ok=False)
        rows = {r["what"]: r for r in json.loads(out)["checks"]}
        assert status == 1 and "is the clock right?" in rows["certificate"]["words"], rows

    with sqlite3.connect(hub.dir / "registry.db") as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("PRAGMA user_version = 99")
    status, rows, _ = check()
    assert status == 1 and "version 99" in rows["registry"]["words"], rows
    with sqlite3.connect(hub.dir / "registry.db") as db:
        db.execute(f"PRAGMA user_version = {version}")

    hub.start()
    status, rows, _ = check()  # beside a hub that runs
    assert status == 0 and "runs" in rows["directory"]["words"] and rows["ports"]["level"] == "good", rows
    assert hub.stop() == 0


FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def main_tests():
    return [a_backup_under_load_gives_back_every_row,
            a_backup_that_was_touched_is_refused_with_the_name_of_what_is_wrong,
            a_backup_without_keys_has_none_and_wants_them_back,
            a_real_sensor_that_still_has_all_of_it_sends_it_again,
            a_real_sensor_that_has_it_no_more_tells_how_much_is_gone,
            a_reload_takes_what_it_can_and_loses_no_batch,
            systemd_hears_of_a_reload,
            data_goes_one_version_forward_and_one_back,
            check_names_what_is_wrong_with_its_place]


if __name__ == "__main__":
    main(main_tests())

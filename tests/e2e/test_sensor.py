#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""noroshi-sensor as its operator and its hub see it: joining, shipping, partitions, kills, the sandbox, renewal.

The hub is that of sensor_hub.py, whose ledger stands outside of the programs. What needs network namespaces is skipped by name
without root. NOROSHI_SENSOR_KILLS says how often the parser is killed while capture goes on (default 12). TAP output.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import sensor_hub

BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("NOROSHI_BUILD_ROOT", "build"))
SENSOR, NOROSHI = BUILD / "noroshi-sensor", BUILD / "noroshi"
KILLS = int(os.environ.get("NOROSHI_SENSOR_KILLS", "12"))
START = 1767225600
# Builds with a sanitizer leave the sandbox open: src/base/sandbox.h.
SANITIZED = SENSOR.exists() and any(word in SENSOR.read_bytes() for word in (b"__asan_init", b"__tsan_init"))
TESTS = []


class Skip(Exception):
    pass


def test(function):
    TESTS.append(function)
    return function


def sensor(*words, timeout=60, **kwargs):
    done = subprocess.run([SENSOR, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False, **kwargs)
    return done.returncode, done.stdout, done.stderr


def wait_for(what, seconds=30):
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


class Running:
    """A sensor at work; killed with all its processes when the block ends."""

    def __init__(self, *words, prefix=()):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([*prefix, str(SENSOR), "run", *map(str, words)], stderr=self.log, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            for pid in self.children().values():
                kill(pid)
            self.process.kill()
            self.process.wait()

    def words(self):
        self.log.seek(0)
        return self.log.read()

    def children(self):
        """Role -> pid, by what each has open: roles have no names of their own."""
        pids = {}
        for pid in subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True,
                                  check=False).stdout.split():
            try:
                links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
                stdin = os.readlink(f"/proc/{pid}/fd/0")
            except OSError:
                continue
            role = "parser" if stdin.startswith("pipe:") else "spooler" if any(".nrs" in link for link in links) else \
                "capture" if any(link == "anon_inode:[eventfd]" for link in links) else "shipper"
            pids[role] = int(pid)
        return pids

    def stop(self, seconds=30):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def accounts(self):
        """The last line of its log, as numbers."""
        line = [line for line in self.words().splitlines() if " supervisor accounts " in line][-1]
        return {k: int(v) for k, v in (word.split("=") for word in line.split() if "=" in word)}


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def frame(src, dst, sport, dport, flags=2):
    data = struct.pack(">BBHHHBBHII", 0x45, 0, 40, 7, 0, 64, 6, 0, src, dst) + \
        struct.pack(">HHIIBBHHH", sport, dport, 9, 0, 5 << 4, flags, 1024, 0, 0)
    return b"\x02\0\0\0\x78\x02\x02\0\0\0\x78\x01\x08\0" + data


def pcap(path, seconds, rate, seed=3):
    """SYNs to random addresses, `rate` a second, a tenth of them a second time. Returns the number of packets."""
    dice, n = random.Random(seed), 0
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for second in range(seconds):
            for i in range(rate):
                data = frame(0x05000000 + dice.randrange(5000), 0xc6120000 + dice.randrange(65536), 40000 + i % 20000, 23)
                for _ in range(1 + (i % 10 == 0)):
                    out.write(struct.pack("<IIII", START + second, i * (1000000000 // rate), len(data), len(data)) + data)
                    n += 1
    return n


def join(hub, folder, name="s"):
    place = folder / name
    status, out, err = sensor("join", f"https://127.0.0.1:{hub.port_of(hub.web)}", hub.authority.token(hub.secret), "--dir", place)
    assert status == 0 and out.startswith("joined: sensor " + hub.sensor), (status, out, err)
    return place


def packets_of(flows, folder):
    """Sum of packets of batches, as the other program reads them."""
    path = folder / "received.flows"
    path.write_bytes(flows)
    done = subprocess.run([NOROSHI, "flows", "print", path], capture_output=True, text=True, timeout=120, check=True)
    return sum(json.loads(line)["packets"] for line in done.stdout.splitlines())


def check(hub, rows=None):
    ledger = hub.ledger
    assert not ledger.faults, ledger.faults[:3]
    if rows is not None:
        assert ledger.rows + ledger.gap_rows == rows, (ledger.rows, ledger.gap_rows, rows)


# ---- joining ----

@test
def joining_gives_an_identity_that_only_its_owner_reads(folder, hub):
    place = join(hub, folder)
    identity = place / "keys" / "identity.pem"
    assert identity.stat().st_mode & 0o777 == 0o600 and (place / "keys").stat().st_mode & 0o777 == 0o700
    text = identity.read_text()
    assert text.count("PRIVATE KEY") == 2 and text.count("BEGIN CERTIFICATE") == 2
    status, _, err = sensor("join", f"127.0.0.1:{hub.port_of(hub.web)}", hub.authority.token(hub.secret), "--dir", place)
    assert status == 1 and "has joined a hub already" in err, err
    assert identity.read_text() == text


@test
def a_token_of_another_hub_sends_nothing(folder, hub):
    other = sensor_hub.Authority(folder / "other")
    status, _, err = sensor("join", f"127.0.0.1:{hub.port_of(hub.web)}", other.token(hub.secret), "--dir", folder / "s")
    assert status == 1 and "pinned" in err and hub.enrolled == 0, err
    assert not (folder / "s/keys/identity.pem").exists()


@test
def wrong_words_say_what_to_do(folder, hub):
    good, url = hub.authority.token(hub.secret), f"127.0.0.1:{hub.port_of(hub.web)}"
    swapped = good[:-5] + ("a" if good[-5] != "a" else "b") + good[-4:]
    (folder / "bad.conf").write_text("net: 192.0.2.0/24\n\nspool-limt: 1GiB\n")
    (folder / "flag.conf").write_text("promiscuous: perhaps\n")
    for words, want, part in (
            (("join", url, swapped), 2, "not a whole token"),
            (("join", "http://x/y", good), 2, "want https://HOST:PORT"),
            (("join", url, hub.authority.token("nre_other")), 1, "the hub refuses (403): this token is not known"),
            (("run",), 2, "want --interface NAME or --read FILE"),
            (("run", "--read", "x", "--net", "1.2.3"), 2, "--net '1.2.3'"),
            (("run", "--read", "x", "--spool-limit", "8QiB"), 2, "such as 8GiB"),
            (("run", "--read", "x", "--config", folder / "bad.conf"), 2, "bad.conf: line 3: unknown option --spool-limt; did you"),
            (("run", "--read", "x", "--config", folder / "flag.conf"), 2, "flag.conf: line 1: want NAME: VALUE"),
            (("run", "--read", folder / "missing", "--offline"), 1, "No such file"),
            (("rnu",), 2, "did you mean 'run'"), ((), 2, "")):
        extra = () if not words or words[0] == "rnu" else ("--dir", folder / "w")
        status, _, err = sensor(*words, *extra)
        assert status == want and part in err, (words, status, err)


# ---- shipping ----

@test
def everything_of_a_capture_arrives_once(folder, hub):
    n = pcap(folder / "a.pcap", 12, 3000)
    place = join(hub, folder)
    status, _, err = sensor("run", "--dir", place, "--read", folder / "a.pcap", "--speed", 0)
    assert status == 0, err
    check(hub, rows=36000)
    assert packets_of(hub.ledger.flows(), folder) == n
    assert hub.ledger.beats and hub.ledger.beats[-1][4] == n, hub.ledger.beats
    status, out, _ = sensor("status", "--dir", place, "--json")
    facts = json.loads(out)
    assert facts["received"] == facts["classified"] == n and facts["waiting"] == 0 and facts["sandbox"] == 1, out


@test
def a_cut_link_loses_and_doubles_nothing(folder, hub):
    pcap(folder / "a.pcap", 30, 1500)
    place = join(hub, folder)
    hub.cut_after = 4
    with Running("--dir", place, "--read", folder / "a.pcap", "--speed", 0) as run:
        assert run.process.wait(timeout=90) == 0, run.words()
    check(hub, rows=45000)
    assert hub.sessions > 3, hub.sessions


@test
def the_same_settings_from_a_file(folder, hub):
    pcap(folder / "a.pcap", 3, 1000)
    place = join(hub, folder)
    (place / "sensor.conf").write_text(f"# what this sensor does\nread: {folder}/a.pcap\nspeed: 0 # at once\nnet: 198.18.0.0/17\n"
                                       "net: 198.19.0.0/16\nspool-limit: 64MiB\n")
    status, _, err = sensor("run", "--dir", place, "--net", "198.18.128.0/17")
    assert status == 0, err
    check(hub, rows=3000)
    assert hub.ledger.beats[-1][11] == 131072, hub.ledger.beats[-1]


@test
def cut_off_beyond_its_spool_it_says_how_much_is_missing(folder, hub):
    pcap(folder / "a.pcap", 60, 3000)
    place = join(hub, folder)
    hub.refuse = True
    with Running("--dir", place, "--read", folder / "a.pcap", "--speed", 0, "--spool-limit", "512KiB", "-v") as run:
        assert wait_for(lambda: "parser ended status=0" in run.words(), 60), run.words()
        time.sleep(0.5)
        size = sum(path.stat().st_size for path in (place / "spool").iterdir())
        assert size <= 512 << 10, size
        hub.refuse = False
        assert run.process.wait(timeout=60) == 0, run.words()
    check(hub, rows=180000)
    gap = hub.ledger.gaps[0]
    assert len(hub.ledger.gaps) == 1 and gap[0] == 1 and gap[6] == 1 and gap[4] == START, gap
    assert START < gap[5] < START + 60 and hub.ledger.gap_rows > 0, gap
    assert packets_of(hub.ledger.flows(), folder) + hub.ledger.gap_packets == 198000


@test
def killed_without_warning_it_goes_on_where_it_was(folder, hub):
    pcap(folder / "a.pcap", 400, 150)
    place = join(hub, folder)
    dice, taken = random.Random(5), 0
    hub.hold_acks = True
    for i in range(6):
        with Running("--dir", place, "--read", folder / "a.pcap", "--speed", 40) as run:
            assert wait_for(lambda: "spooler" in run.children(), 20), run.words()
            time.sleep(dice.uniform(0.4, 1.2))
            for pid in (*run.children().values(), run.process.pid):
                kill(pid)
            run.process.wait()
        hub.cut()
        hub.hold_acks = i % 2 == 0
    hub.hold_acks = False
    with Running("--dir", place, "--read", folder / "a.pcap", "--speed", 0) as run:
        assert run.process.wait(timeout=90) == 0, run.words()
        taken = run.accounts()["rows"]
    check(hub)
    assert len(hub.ledger.epochs) == 1 and not hub.ledger.gaps, (hub.ledger.epochs, hub.ledger.gaps)
    assert taken == 60000 and hub.ledger.rows > 60000 and hub.ledger.seq == len(hub.ledger.payloads)


@test
def the_spooler_may_die_and_only_the_moment_is_missing(folder, hub):
    pcap(folder / "a.pcap", 60, 500)
    place = join(hub, folder)
    with Running("--dir", place, "--read", folder / "a.pcap", "--speed", 10) as run:
        for role in ("spooler", "shipper", "spooler"):
            assert wait_for(lambda wanted=role: wanted in run.children(), 20), run.words()
            time.sleep(0.7)
            kill(run.children()[role])
        assert run.process.wait(timeout=90) == 0, run.words()
        accounts = run.accounts()
    check(hub, rows=accounts["rows"])
    assert accounts["frames"] == accounts["classified"] + accounts["dropped"] + accounts["lost"] == 33000, accounts
    assert accounts["lost"] < 15000, accounts


@test
def a_hub_that_knows_other_content_gets_new_numbers(folder, hub):
    pcap(folder / "a.pcap", 5, 1000)
    place = join(hub, folder)
    hub.ledger.epoch, hub.ledger.seq, hub.ledger.digest = int(time.time()) + 1000, 7, bytes(range(32))
    with Running("--dir", place, "--read", folder / "a.pcap", "--speed", 0) as run:
        assert run.process.wait(timeout=60) == 0, run.words()
    assert hub.ledger.rows == 5000 and not hub.ledger.faults, (hub.ledger.rows, hub.ledger.faults)


@test
def what_the_hub_calls_damaged_is_told_as_a_gap_and_not_sent_for_ever(folder, hub):
    n = pcap(folder / "a.pcap", 10, 100)
    place = join(hub, folder)
    hub.damaged = {2, 3, 10}
    with Running("--dir", place, "--read", folder / "a.pcap", "--speed", 10) as run:
        assert wait_for(lambda: run.process.poll() is not None, 60), (run.words(), hub.refusals, hub.ledger.seq)
        assert run.process.returncode == 0, run.words()
    check(hub, rows=1000)
    assert hub.refusals == 3 and [(gap[0], gap[1], gap[6]) for gap in hub.ledger.gaps] == [(2, 2, 2), (3, 3, 2), (10, 10, 2)], \
        (hub.refusals, hub.ledger.gaps)
    assert packets_of(hub.ledger.flows(), folder) + hub.ledger.gap_packets == n


@test
def it_ends_also_when_the_parser_is_done_before_capture_is(folder, hub):
    """Capture is starved at its end, so that it is still there when nobody needs a parser any more."""
    pcap(folder / "a.pcap", 3, 50)
    for number in range(3):
        with Running("--dir", folder / f"s{number}", "--read", folder / "a.pcap", "--speed", 1, "--offline") as run:
            assert wait_for(lambda: {"capture", "parser"} <= set(run.children()), 20), run.words()
            one = {min(os.sched_getaffinity(0))}
            children = run.children()
            for role in ("capture", "parser"):
                os.sched_setaffinity(children[role], one)
            os.sched_setscheduler(children["capture"], os.SCHED_IDLE, os.sched_param(0))
            with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
                os.sched_setaffinity(busy.pid, one)
                ended = wait_for(lambda: run.process.poll() is not None, 30)
                busy.kill()
            assert ended and run.process.returncode == 0, run.words()
            accounts = run.accounts()
        assert accounts["classified"] == 165 and accounts["lost"] == 0, accounts


@test
def it_ends_also_when_the_spooler_dies_behind_the_last_parser(folder, hub):
    n = pcap(folder / "a.pcap", 3, 50)
    with Running("--dir", folder / "s", "--read", folder / "a.pcap", "--speed", 2, "--offline") as run:
        assert wait_for(lambda: len(run.children()) == 3, 20), run.words()
        spooler = run.children()["spooler"]
        kill(spooler, signal.SIGSTOP)
        assert wait_for(lambda: list(run.children().values()) == [spooler], 20), run.words()
        kill(spooler)
        assert wait_for(lambda: run.process.poll() is not None, 30), run.words()
        assert run.process.returncode == 0, run.words()
        accounts = run.accounts()
    assert accounts["frames"] == accounts["classified"] + accounts["dropped"] + accounts["lost"] == n, accounts
    assert accounts["lost"] > 0, accounts


@test
def the_certificate_is_renewed_before_it_ends(folder, hub):
    pcap(folder / "a.pcap", 40, 50)
    hub.valid_s = 600
    place = join(hub, folder)
    before = (place / "keys/identity.pem").read_text()
    with Running("--dir", place, "--read", folder / "a.pcap", "--speed", 10) as run:
        assert wait_for(lambda: "certificate=new" in run.words(), 20), run.words()
        after = (place / "keys/identity.pem").read_text()
        hub.cut()  # the next session has the new one
        assert wait_for(lambda: run.process.poll() is not None, 40), (run.words(), hub.sessions, hub.ledger.seq)
        assert run.process.returncode == 0, run.words()
    assert hub.renewals == 1 and hub.sessions == 2, (hub.renewals, hub.sessions)
    assert before.split("PRIVATE KEY")[1] != after.split("PRIVATE KEY")[1]
    assert (place / "keys/identity.pem").stat().st_mode & 0o777 == 0o600
    check(hub, rows=2000)


# ---- processes ----

def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@test
def every_process_is_in_its_sandbox(folder, hub):
    if SANITIZED:
        raise Skip("built with a sanitizer")
    pcap(folder / "a.pcap", 60, 100)
    place = join(hub, folder)
    with Running("--dir", place, "--read", folder / "a.pcap", "--speed", 1) as run:
        assert wait_for(lambda: len(run.children()) == 4 and hub.ledger.beats, 20), run.words()
        for role, pid in run.children().items():
            facts = status_of(pid)
            assert facts["Seccomp"] == "2" and facts["NoNewPrivs"] == "1", (role, facts["Seccomp"])
            for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                assert int(facts[name], 16) == 0, (role, name)
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            assert not any("identity" in link for link in links), (role, links)
            assert any(link.endswith("/lock") for link in links) == (role == "spooler"), (role, links)
            if role == "parser":
                assert not any(link.startswith("socket:") for link in links), links
        assert int(status_of(run.process.pid)["CapEff"], 16) == 0
        assert hub.ledger.beats[-1][13] == 0
        assert run.stop() == 0, run.words()


@test
def without_its_sandbox_it_runs_only_when_told_and_says_so(folder, hub):
    pcap(folder / "a.pcap", 3, 100)
    place = join(hub, folder)
    with Running("--dir", place, "--read", folder / "a.pcap", "--unsafe-no-sandbox") as run:
        assert wait_for(lambda: hub.ledger.beats, 20), run.words()
        assert run.process.wait(timeout=30) == 0, run.words()
        assert "unsafe sandbox=none" in run.words()
    assert hub.ledger.beats[-1][13] == 1


@test
def a_second_sensor_in_the_same_directory_is_refused(folder, hub):
    pcap(folder / "a.pcap", 60, 10)
    place = join(hub, folder)
    with Running("--dir", place, "--read", folder / "a.pcap") as run:
        assert wait_for(lambda: len(run.children()) == 4, 20), run.words()
        status, _, err = sensor("run", "--dir", place, "--read", folder / "a.pcap")
        assert status == 1 and "another sensor runs here" in err, err
        assert run.stop() == 0


class Wire:
    """Two namespaces, one cable: packets go in at one end, the sensor listens at the other."""

    def __init__(self):
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise Skip("needs root and ip for network namespaces")
        self.far, self.near = (f"nr{os.getpid()}{end}" for end in ("far", "near"))

    def __enter__(self):
        try:
            for name in (self.far, self.near):
                self.ip("netns", "add", name)
            self.ip("-n", self.far, "link", "add", "w0", "type", "veth", "peer", "name", "w1", "netns", self.near)
            for name, end in ((self.far, "w0"), (self.near, "w1")):
                subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"],
                               capture_output=True, check=False)
                self.ip("-n", name, "link", "set", "lo", "up")
                self.ip("-n", name, "link", "set", end, "up")
        except RuntimeError as error:
            self.__exit__()
            raise Skip(f"no network namespaces here: {error}") from error
        return self

    def __exit__(self, *_):
        for name in (self.far, self.near):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    @staticmethod
    def ip(*words):
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())

    def inside(self, name):
        return ("ip", "netns", "exec", name)

    def sender(self):
        """A process that sends SYNs, as many a second as its argument says, until it is told to stop; then says how many."""
        program = (
            "import socket, sys, time, signal\n"
            "stop = []\n"
            "signal.signal(signal.SIGTERM, lambda *_: stop.append(1))\n"
            "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
            "s.bind(('w0', 0))\n"
            "frame, n, start = bytearray.fromhex(sys.argv[2]), 0, time.monotonic()\n"
            "while not stop:\n"
            "    due = int((time.monotonic() - start) * float(sys.argv[1]))\n"
            "    while n < due:\n"
            "        frame[26:30] = (0x05000000 + n % 4000).to_bytes(4, 'big')\n"
            "        frame[30:34] = (0xc6120000 + n * 7 % 65536).to_bytes(4, 'big')\n"
            "        try:\n"
            "            s.send(frame); n += 1\n"
            "        except OSError: time.sleep(0.001)\n"
            "    time.sleep(0.002)\n"
            "print(n)\n")
        return lambda rate: subprocess.Popen([*self.inside(self.far), sys.executable, "-c", program, str(rate),
                                              frame(1, 2, 40000, 23).hex()], stdout=subprocess.PIPE, text=True)


def is_counted(place, sent):
    """Wait until the sensor's own status knows of all that was sent: the kernel hands over the rest of a block late, and a second
    is closed by the clock alone. Whether the sums are right is for the caller to see."""
    def known():
        status, out, _ = sensor("status", "--dir", place, "--json")
        facts = json.loads(out) if status == 0 else {}
        return facts.get("received", 0) + facts.get("kernel_dropped", 0) >= sent
    wait_for(known, 20)


def stop_sender(sender):
    sender.send_signal(signal.SIGTERM)
    return int(sender.communicate(timeout=20)[0])


@test
def what_a_wire_carries_is_counted_to_the_packet(folder, hub):
    with Wire() as wire, Running("--dir", folder / "s", "--interface", "w1", "--net", "198.18.0.0/16", "--offline",
                                 prefix=wire.inside(wire.near)) as run:
        assert wait_for(lambda: "capture started" in run.words(), 20), run.words()
        time.sleep(0.5)
        sender = wire.sender()(20000)
        time.sleep(3)
        sent = stop_sender(sender)
        is_counted(folder / "s", sent)  # nothing arrives any more
        assert run.stop() == 0, run.words()
        accounts = run.accounts()
    assert accounts["frames"] + accounts["kernel_dropped"] == sent > 30000, (accounts, sent)
    assert accounts["frames"] == accounts["classified"] + accounts["dropped"] + accounts["lost"], accounts
    assert accounts["lost"] == 0 and accounts["batches"] >= 3, accounts


@test
def the_parser_is_killed_again_and_again_while_capture_goes_on(folder, hub):
    dice = random.Random(11)
    with Wire() as wire, Running("--dir", folder / "s", "--interface", "w1", "--offline", prefix=wire.inside(wire.near)) as run:
        assert wait_for(lambda: "capture" in run.children() and "parser" in run.children(), 20), run.words()
        capture, sender, killed = run.children()["capture"], wire.sender()(5000), 0
        while killed < KILLS:
            parser = run.children().get("parser")
            if parser is not None:
                time.sleep(dice.uniform(0, 0.25))
                kill(parser, dice.choice((signal.SIGKILL, signal.SIGSEGV, signal.SIGSYS)))
                killed += 1
            time.sleep(0.02)
        assert wait_for(lambda: "parser" in run.children(), 20), run.words()
        time.sleep(2.5)
        sent = stop_sender(sender)
        is_counted(folder / "s", sent)
        assert run.children()["capture"] == capture, "capture was begun anew"
        assert run.stop() == 0, run.words()
        accounts = run.accounts()
    assert accounts["frames"] + accounts["kernel_dropped"] == sent, (accounts, sent)
    assert accounts["frames"] == accounts["classified"] + accounts["dropped"] + accounts["lost"], accounts
    assert accounts["lost"] > 0 and accounts["classified"] > 2000, accounts


@test
def a_frozen_parser_is_noticed_and_begun_anew(folder, hub):
    with Wire() as wire, Running("--dir", folder / "s", "--interface", "w1", "--offline", "--parser-timeout", 2,
                                 prefix=wire.inside(wire.near)) as run:
        assert wait_for(lambda: "parser" in run.children(), 20), run.words()
        frozen, sender = run.children()["parser"], wire.sender()(2000)
        time.sleep(1)
        kill(frozen, signal.SIGSTOP)
        assert wait_for(lambda: "parser frozen" in run.words() and run.children().get("parser") not in (None, frozen), 20), run.words()
        time.sleep(2)
        sent = stop_sender(sender)
        is_counted(folder / "s", sent)
        assert run.stop() == 0, run.words()
        accounts = run.accounts()
    assert accounts["frames"] + accounts["kernel_dropped"] == sent, (accounts, sent)
    assert accounts["frames"] == accounts["classified"] + accounts["dropped"] + accounts["lost"], accounts


@test
def an_interface_that_goes_and_comes_is_taken_up_again(folder, hub):
    with Wire() as wire, Running("--dir", folder / "s", "--interface", "w1", "--offline", prefix=wire.inside(wire.near)) as run:
        assert wait_for(lambda: "parser" in run.children(), 20), run.words()
        time.sleep(0.5)
        sent = 0
        for _ in range(2):
            sender = wire.sender()(2000)
            time.sleep(1)
            sent += stop_sender(sender)
            is_counted(folder / "s", sent)
            gone = run.words().count("the interface went away")
            wire.ip("-n", wire.near, "link", "set", "w1", "down")
            assert wait_for(lambda n=gone: run.words().count("the interface went away") > n, 20), run.words()
            wire.ip("-n", wire.near, "link", "set", "w1", "up")
            time.sleep(4)  # it waits longer from time to time
        sender = wire.sender()(2000)
        time.sleep(1)
        sent += stop_sender(sender)
        is_counted(folder / "s", sent)
        assert run.stop() == 0, run.words()
        accounts = run.accounts()
    assert accounts["frames"] + accounts["kernel_dropped"] == sent, (accounts, sent)
    assert accounts["frames"] == accounts["classified"] + accounts["dropped"] + accounts["lost"], accounts


@test
def it_sends_to_its_hub_alone_and_listens_on_nothing(folder, hub):
    place = join(hub, folder)
    pcap(folder / "a.pcap", 20, 100)
    with Running("--dir", place, "--read", folder / "a.pcap") as run:
        assert wait_for(lambda: hub.ledger.beats, 20), run.words()
        inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for pid in run.children().values() for fd in os.listdir(f"/proc/{pid}/fd")}
        lines = [line.split() for name in ("tcp", "tcp6", "udp", "udp6", "raw")
                 for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
        ours = [(line[2], line[3]) for line in lines if f"socket:[{line[9]}]" in inodes]
        assert len(ours) == 1 and ours[0][1] == "01", ours
        assert int(ours[0][0].split(":")[1], 16) == hub.port_of(hub.ingest), ours
        assert run.stop() == 0


def main():
    if not SENSOR.exists() or shutil.which("openssl") is None:
        print("1..0 # SKIP noroshi-sensor is not built, or there is no openssl command")
        return 0
    wanted = os.environ.get("NOROSHI_ONLY", "")
    tests = [function for function in TESTS if wanted in function.__name__]
    failed = 0
    print(f"1..{len(tests)}")
    for number, function in enumerate(tests, 1):
        name = function.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory() as folder:
            hub = sensor_hub.Hub(pathlib.Path(folder) / "hub")
            try:
                function(pathlib.Path(folder), hub)
                print(f"ok {number} - {name}", flush=True)
            except Skip as why:
                print(f"ok {number} - {name} # SKIP {why}", flush=True)
            except Exception as fault:  # any fault is a failed test, the next one goes on
                failed += 1
                print(f"not ok {number} - {name}")
                print("\n".join("# " + line for line in f"{type(fault).__name__}: {fault}".splitlines()[:30]), flush=True)
            finally:
                hub.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flows that observe --write-flows keeps are those that it prints. TAP output."""

import calendar
import ipaddress
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

NET = "198.18.0.0/16"
START = 1767225600
MAGIC = b"NOROSHI FLOWS\r\n\x1a"


def find_noroshi():
    if len(sys.argv) > 1:
        return pathlib.Path(sys.argv[1])
    return pathlib.Path(os.environ.get("NOROSHI_BUILD_ROOT", "build")) / "noroshi"


NOROSHI = find_noroshi()
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Skip(Exception):
    pass


def run(*words, stdin=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "NO_COLOR", "NOROSHI_"))}
    done = subprocess.run([NOROSHI, *map(str, words)], input=stdin, capture_output=True, timeout=120,
                          env={**clean, "LC_ALL": "C.UTF-8"}, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def observe(*words):
    return run("observe", *words, "--prefixes", "none", "--benign", "none", "--net", NET)


def ipv4(proto, src, dst, payload, ttl=64):
    return struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), 7, 0, ttl, proto, 0, src, dst) + payload


def tcp(sport, dport, flags, window):
    return struct.pack(">HHIIBBHHH", sport, dport, 9, 0, 5 << 4, flags, window, 0, 0)


def udp(sport, dport, payload):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def packets(n):
    """SYNs, repeated ones, UDP with payload, ICMP errors that quote; some out of order."""
    dice = random.Random(7)
    for i in range(n):
        src, dst = 0x05000000 + dice.randrange(900) * 977, 0xc6120000 | dice.randrange(1 << 16)
        at = START + i / 300 - (2.5 if i % 97 == 0 and i > 3000 else 0)
        kind = i % 10
        if kind == 0:
            data = ipv4(17, src, dst, udp(dice.randrange(1 << 16), 1900, b"M-SEARCH * HTTP/1.1\r\n"))
        elif kind == 1:
            quoted = ipv4(17, dst, src + 5, udp(4000, 53, b""))
            data = ipv4(1, src, dst, struct.pack(">BBHI", 3, 3, 0, 0) + quoted)
        else:
            data = ipv4(6, src, dst, tcp(1024 + i % 60000, dice.choice((23, 80, 443)), 2, dice.choice((1024, i % 65536))),
                        ttl=dice.randrange(30, 250))
        for _ in range(1 + 3 * (kind == 2)):
            yield at, data


def pcap(frames, damaged=False):
    out = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)]
    for at, data in frames:
        out.append(struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(data), len(data)) + data)
    if damaged:
        out.append(struct.pack("<IIII", START + 2000, 0, 500, 500) + b"x" * 20)
    return b"".join(out)


def keep(folder, name="kept.flows", capture=None, words=()):
    capture = capture or folder / "crowd.pcap"
    path = folder / name
    return path, observe(capture, "--write-flows", path, *words)


@test
def what_is_kept_is_what_is_printed(folder):
    path, (status, out, err) = keep(folder, words=("--json", "--only", "flows"))
    assert status == 0, err
    *printed, summary = out.splitlines(keepends=True)
    status, again, err = run("flows", "print", "--json", path)
    assert status == 0 and again == b"".join(printed), err
    assert json.loads(summary)["flows"] == again.count(b"\n") > 65536
    assert any(b'"quoted"' in line for line in printed) and any(b'"late"' in line for line in printed)
    assert run("flows", "print", path)[1] == again
    assert run("flows", "print", "-", stdin=path.read_bytes())[1] == again
    status, table, _ = observe(folder / "crowd.pcap", "--csv", "--only", "flows")
    assert run("flows", "print", path, "--csv")[1] == table


@test
def keeping_changes_no_other_output(folder):
    kept = set()
    for number, words in enumerate(((), ("--json",), ("--json", "--only", "findings"), ("--json", "--threads", "5"))):
        path, (status, out, err) = keep(folder, f"{number}.flows", words=words)
        assert status == 0 and out == observe(folder / "crowd.pcap", *words)[1], err
        kept.add(path.read_bytes())
    assert len(kept) == 1


# ---- docs/internals/batch.md, read by another program ----

WIDTHS = dict(enumerate((4, 8, 2, 4, 4, 2, 1, 4, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 4, 2, 2, 2, 4) + (4,) * 10 +
                        (2, 1, 4, 8, 4, 1, 1), 1))


def column(data, coding, planes, n, width):
    values, at = [0] * n, 0
    for k in range(planes):
        method, size = data[at], int.from_bytes(data[at + 1:at + 4], "little")
        plane, at = data[at + 4:at + 4 + size], at + 4 + size
        if method == 1:
            plane *= n
        elif method == 2:
            plane = subprocess.run(["zstd", "-dc"], input=plane, capture_output=True, check=True).stdout
        assert len(plane) == n
        values = [value | byte << 8 * k for value, byte in zip(values, plane)]
    assert at == len(data)
    if coding & 1:
        total, modulus = 0, 1 << 8 * width
        values = [total := (total + value) % modulus for value in values]
    return [value * 1000 for value in values] if coding & 2 else values


def batches(content):
    assert content[:16] == MAGIC
    at = 16
    while at < len(content):
        magic, version, n_columns, _, size, rows = struct.unpack_from("<4sHHIII", content, at)
        assert (magic, version, content[at + 44:at + 48]) == (b"NRBT", 1, bytes(4))
        directory, data, columns = at + 48, at + 48 + 12 * n_columns, {}
        for i in range(n_columns):
            number, coding, planes, zero, n, length = struct.unpack_from("<BBBBII", content, directory + 12 * i)
            assert zero == 0
            columns[number] = column(content[data:data + length], coding, planes, n, WIDTHS[number])
            data += length
        at += 48 + size
        assert data == at
        yield rows, columns


def flows_of(rows, columns):
    ticks = [tick for run, tick in zip(columns[1], columns[2]) for _ in range(run)]
    take = {number: iter(values) for number, values in columns.items()}
    for i in range(rows):
        shape, place = columns[3][i], columns[7][i]
        kind, marks = columns[10][shape], columns[18][shape]
        port = columns[20][place - 1] if place else next(take[21])
        window = next(take[22]) if kind & 64 else columns[16][shape]
        if kind & 32:
            next(take[23])
        quoted = (str(ipaddress.ip_address(next(take[33]))), next(take[34]), next(take[35])) if kind & 4 else None
        many = [next(take[number]) for number in (36, 37, 38, 39)] if kind & 16 else (1, columns[17][shape], 0, columns[9][i])
        for _ in range(bin(marks).count("1") if kind & 16 else 0):
            next(take[40])
        yield (str(ipaddress.ip_address(columns[4][i])), str(ipaddress.ip_address(columns[5][i])), columns[11][shape],
               columns[6][i], port, window, quoted, many[0], many[1], columns[9][i], many[3],
               ticks[i] * 10**9 + columns[8][i], ticks[i] * 10**9 + (columns[8][i] + many[2]) % 2**32)
    for number, values in take.items():
        assert number < 21 or next(values, None) is None, number


def nanoseconds(text):
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0"))


PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}


def quoted_of(line):
    quoted = line.get("quoted")
    return (quoted["dst"], quoted["dport"], PROTOCOLS[quoted["proto"]]) if quoted else None


@test
def its_documentation_is_enough_to_read_a_file(folder):
    if shutil.which("zstd") is None:
        raise Skip("zstd is not installed")
    path, _ = keep(folder)
    mine = [flow for rows, columns in batches(path.read_bytes()) for flow in flows_of(rows, columns)]
    for line, flow in zip(run("flows", "print", path)[1].splitlines(), mine, strict=True):
        want = json.loads(line)
        dport = want["dport"] if "dport" in want else want["icmp_type"] << 8 | want["icmp_code"]
        assert flow == (want["src"], want["dst"], PROTOCOLS[want["proto"]], want.get("sport", 0), dport,
                        want.get("window", 0), quoted_of(want), want["packets"], want["bytes"],
                        want["ttl_min"], want["ttl_max"], nanoseconds(want["first"]), nanoseconds(want["last"])), line


# ---- --per minute ----

def ipv6(src, dst, payload):
    return struct.pack(">IHBB", 6 << 28, len(payload), 17, 61) + src.to_bytes(16, "big") + dst.to_bytes(16, "big") + payload


def both_families(n):
    """The usual packets, every fifth followed by IPv6; a few flows go on for minutes."""
    net = int(ipaddress.ip_address("2001:db8::"))
    for i, (at, data) in enumerate(packets(n)):
        yield at, data
        if i % 5 == 0:
            yield at, ipv6(0x2a << 120 | i % 90 // 5, net + i % 70, udp(5000, 53, b"x" * (i % 9)))
            yield at, ipv4(6, 0x05050505, 0xc6120000 | i % 45, tcp(4000, 23, 2 if i % 2 else 18, 1024), ttl=50 + i % 50)


def key_of(line):
    return (line["first"][:16], *(json.dumps(line.get(name), sort_keys=True) for name in
                                  ("src", "dst", "proto", "sport", "dport", "icmp_type", "icmp_code", "class", "quoted")))


def added_up(lines):
    sums = {}
    for line in lines:
        one = sums.setdefault(key_of(line), {"packets": 0, "bytes": 0, "first": [], "last": [], "ttl_min": [], "ttl_max": [],
                                             "tcp_flags": set(), "flags": set(), "marks": {}, "payload": []})
        for name in ("packets", "bytes"):
            one[name] += line[name]
        for name in ("first", "last"):
            one[name].append(nanoseconds(line[name]))
        for name in ("ttl_min", "ttl_max"):
            one[name].append(line[name])
        one["tcp_flags"] |= set(line.get("tcp_flags", ""))
        one["flags"] |= set(line.get("flags", ())) - {"minute"}
        one["payload"] += [line["payload"]] if "payload" in line else []
        for mark, n in line.get("marks", {}).items():
            one["marks"][mark] = min(255, one["marks"].get(mark, 0) + n)
    outer = {"first": min, "last": max, "ttl_min": min, "ttl_max": max, "payload": lambda names: names[:1]}
    return {key: {name: outer.get(name, lambda v: v)(value) for name, value in one.items()} for key, one in sums.items()}


@test
def a_minute_is_the_sum_of_its_seconds(folder):
    capture = folder / "both.pcap"
    capture.write_bytes(pcap(both_families(60000)))
    words = (capture, "--json", "--only", "flows", "--net", "2001:db8::/32")
    status, out, err = observe(*words)
    *seconds, summary = map(json.loads, out.splitlines())
    assert status == 0, err
    status, out, err = observe(*words, "--per", "minute", "--write-flows", folder / "minutes.flows")
    *minutes, again = map(json.loads, out.splitlines())
    assert status == 0 and err == "" and again == summary, err
    assert added_up(minutes) == added_up(seconds)
    assert len({key_of(line) for line in minutes if "late" not in line["flags"]}) == \
        sum("late" not in line["flags"] for line in minutes) < len(seconds) * 0.9
    assert all("minute" in line["flags"] for line in minutes) and max(line["packets"] for line in minutes) > 100
    assert any(":" in line["src"] and line["packets"] > 1 for line in minutes)
    assert sum(line["packets"] for line in minutes) == summary["classified"]
    ordered = [line["first"][:16] for line in minutes if "late" not in line["flags"]]
    assert ordered == sorted(ordered) and len(set(ordered)) > 3
    for threads in (1, 5):
        assert observe(*words, "--per", "minute", "--threads", threads)[1] == out
    assert run("flows", "print", folder / "minutes.flows")[1].splitlines() == out.splitlines()[:-1]


@test
def per_minute_without_flows_is_refused(folder):
    for words in ((), ("--json", "--only", "sources"), ("--csv", "--only", "findings")):
        status, out, err = observe(folder / "crowd.pcap", "--per", "minute", *words)
        assert status == 2 and "--per minute is about flows" in err and out == b"", (words, err)


@test
def of_a_damaged_file_everything_before_is_printed(folder):
    path, _ = keep(folder)
    whole = path.read_bytes()
    lines = run("flows", "print", path)[1].splitlines()
    second = 16 + 48 + struct.unpack_from("<I", whole, 16 + 12)[0]
    assert whole[second:second + 4] == b"NRBT"
    flipped = bytearray(whole)
    flipped[second + 1000] ^= 4
    for content, at, n in ((whole[:second + 7], second, 65536), (whole[:-1], second, 65536), (flipped, second, 65536),
                           (whole[:second - 1], 16, 0), (whole + b"more", len(whole), len(lines))):
        path.write_bytes(content)
        status, out, err = run("flows", "print", path)
        assert status == 1 and f"at byte {at}:" in err, err
        assert out.splitlines() == lines[:n]


@test
def an_empty_capture_gives_an_empty_file(folder):
    (folder / "none.pcap").write_bytes(pcap(()))
    path, (status, _, err) = keep(folder, "none.flows", folder / "none.pcap")
    assert status == 0 and path.read_bytes() == MAGIC, err
    assert run("flows", "print", path) == (0, b"", "")
    assert run("flows", "print", "--csv", path)[1].count(b"\n") == 1


@test
def a_damaged_capture_keeps_what_came_before(folder):
    (folder / "damaged.pcap").write_bytes(pcap(packets(500), damaged=True))
    path, (status, _, _) = keep(folder, "damaged.flows", folder / "damaged.pcap")
    assert status == 1 and run("flows", "print", path)[1].count(b"\n") > 400


@test
def what_cannot_be_written_is_named_and_leaves_nothing(folder):
    before = sorted(folder.iterdir())
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    for target, part in ((folder / "no" / "such", "No such file"), (pipe, "no regular file"),
                         (pathlib.Path("/dev/null"), "no regular file"), (folder, "no regular file")):
        status, out, err = observe(folder / "crowd.pcap", "--write-flows", target)
        assert status == 1 and part in err and out == b"", (target, err)
    pipe.unlink()
    status, _, err = observe(folder / "missing.pcap", "--write-flows", folder / "x.flows")
    assert status == 1, err
    assert sorted(folder.iterdir()) == before
    limit = f"ulimit -f 100; trap '' XFSZ; exec {NOROSHI} observe {folder}/crowd.pcap --net {NET} " \
            f"--prefixes none --benign none --write-flows {folder}/x.flows"
    done = subprocess.run(["sh", "-c", limit], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1 and "x.flows: cannot write: File too large" in done.stderr, done.stderr
    assert sorted(folder.iterdir()) == before


@test
def wrong_words_say_what_to_do(folder):
    text = folder / "words.txt"
    text.write_bytes(b"these are words")
    for words, want, part in (((), 2, "name one file"), (("a", "b"), 2, "name one file"),
                              ((text, "--json", "--csv"), 2, "not both"), ((text,), 1, "not a file of"),
                              ((folder / "missing",), 1, "No such file"), ((folder,), 1, "cannot read")):
        status, out, err = run("flows", "print", *words)
        assert status == want and part in err and out == b"", (words, err)


def main():
    if not NOROSHI.exists():
        print(f"1..0 # SKIP {NOROSHI} is not built")
        return
    print(f"1..{len(TESTS)}")
    for number, function in enumerate(TESTS, 1):
        name = function.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "crowd.pcap").write_bytes(pcap(packets(75000)))
            try:
                function(folder)
                print(f"ok {number} - {name}")
            except Skip as why:
                print(f"ok {number} - {name} # SKIP {why}")
            except Exception as fault:  # any fault is a failed test, the next one goes on
                print(f"not ok {number} - {name}")
                print("\n".join("# " + line for line in f"{type(fault).__name__}: {fault}".splitlines()[:20]))


main()

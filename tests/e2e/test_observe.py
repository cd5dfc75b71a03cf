#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""noroshi observe as a user runs it: words, streams, exit statuses, records, report. TAP output."""

import csv
import io
import json
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata

NET = "198.18.0.0/16"
START = 1767225600


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


def run(*words, stdin=None, env=None, raw=False):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "NO_COLOR", "NOROSHI_"))}
    done = subprocess.run([NOROSHI, *map(str, words)], input=stdin, capture_output=True, timeout=120,
                          env={**clean, "LC_ALL": "C.UTF-8", **(env or {})}, check=False)
    if raw:
        return done
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def observe(*words, **more):
    return run("observe", *words, "--prefixes", "none", "--benign", "none", **more)


def records(text):
    return [json.loads(line) for line in text.splitlines()]


# ---- captures made here: raw IPv4, so that nothing stands between the test and the header ----

def address(number):
    return struct.pack(">I", number)


def packet(src, dst, sport, dport, flags=2, seq=1):
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, 0, 5 << 4, flags, 1024, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 7, 0, 64, 6, 0, address(src), address(dst))
    return ip + tcp


def crowd(n=4000, sources=300, seconds=1200):
    """SYNs of many sources to the whole net; every source of the first ten carries Mirai's mark."""
    dice = random.Random(1)
    for i in range(n):
        number = dice.randrange(sources)
        src, dst = 0x05000000 + number * 977, 0xc6120000 | dice.randrange(1 << 16)
        seq = dst if number < 10 else dice.randrange(1 << 32)
        yield START + seconds * i / n, packet(src, dst, 1024 + number, dice.choice((23, 80, 443)), seq=seq)


def pcap(frames, damaged=False):
    out = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)]
    for at, data in frames:
        out.append(struct.pack("<IIII", int(at), int(at % 1 * 1e6), len(data), len(data)) + data)
    if damaged:
        out.append(struct.pack("<IIII", START + 2000, 0, 500, 500) + b"x" * 20)
    return b"".join(out)


class Files:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.crowd = self.write("crowd.pcap", pcap(crowd()))

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path


# ---- records ----

@test
def every_line_is_a_record_and_the_summary_is_last(files):
    status, out, _ = observe(files.crowd, "--json", "--net", NET)
    lines = records(out)
    assert status == 0
    assert {line["record"] for line in lines} == {"flow", "source", "finding", "summary"}
    assert [line["record"] for line in lines].index("summary") == len(lines) - 1
    summary = lines[-1]
    assert summary["received"] == 4000 == summary["classified"] + sum(summary["dropped"].values())
    for kind, name in (("flow", "flows"), ("source", "sources"), ("finding", "findings")):
        assert summary[name] == sum(line["record"] == kind for line in lines), name
    assert 1190 < summary["seconds"] < 1200
    for line in lines:
        if line["record"] == "source":
            assert {"src", "level", "tools", "class", "packets", "first", "last"} <= set(line)
        if line["record"] == "finding":
            assert {"detector", "kind", "subject", "confidence", "first", "last", "evidence"} <= set(line)
    assert sum(line["packets"] for line in lines if line["record"] == "flow") == 4000
    assert sum(line["packets"] for line in lines if line["record"] == "source") == 4000
    assert sum("mirai" in line.get("tools", ()) for line in lines if line["record"] == "source") == 10


@test
def every_line_is_what_the_schema_says(files):
    try:
        from jsonschema import Draft202012Validator
    except ImportError as missing:
        raise Skip("python3-jsonschema is not installed") from missing
    schema = json.loads(run("schema")[1])
    Draft202012Validator.check_schema(schema)
    kinds = {kind: Draft202012Validator(json.loads(run("schema", kind)[1]),
                                        format_checker=Draft202012Validator.FORMAT_CHECKER)
             for kind in ("flow", "source", "finding", "summary")}
    lines = records(observe(files.crowd, "--json", "--net", NET)[1])
    for line in lines:
        kinds[line["record"]].validate(line)
    Draft202012Validator(schema).validate(lines[-1])
    lines[-1]["surprise"] = 1
    assert not kinds["summary"].is_valid(lines[-1])


@test
def the_summary_is_the_same_whatever_is_printed(files):
    last = [observe(files.crowd, "--json", "--net", NET, *only)[1].splitlines()[-1]
            for only in ((), ("--only", "flows"), ("--only", "sources"), ("--only", "findings"))]
    assert len(set(last)) == 1
    only = records(observe(files.crowd, "--json", "--net", NET, "--only", "sources")[1])
    assert {line["record"] for line in only} == {"source", "summary"}


@test
def threads_change_no_byte(files):
    outs = {observe(files.crowd, "--json", "--net", NET, "--threads", n, raw=True).stdout for n in (1, 2, 5)}
    assert len(outs) == 1


@test
def csv_is_one_table_with_a_head(files):
    status, out, _ = observe(files.crowd, "--csv", "--only", "flows", "--net", NET)
    rows = list(csv.reader(io.StringIO(out, newline="")))
    assert status == 0 and len({len(row) for row in rows}) == 1
    assert rows[0][:3] == ["record", "src", "dst"]
    assert sum(int(row[rows[0].index("packets")]) for row in rows[1:]) == 4000
    status, _, err = observe(files.crowd, "--csv")
    assert status == 2 and "--only flows, sources or findings" in err


@test
def standard_input_gives_the_same_records(files):
    by_name = observe(files.crowd, "--json", "--net", NET)[1]
    assert observe("-", "--json", "--net", NET, stdin=files.crowd.read_bytes())[1] == by_name


@test
def a_run_cut_in_two_equals_the_uncut_one(files):
    frames = list(crowd())
    first, second = files.write("first.pcap", pcap(frames[:1777])), files.write("second.pcap", pcap(frames[1777:]))
    state = files.folder / "run.state"
    assert observe(first, "--json", "--net", NET, "--state", state)[0] == 0
    status, out, err = observe(second, "--json", "--net", NET, "--state", state)
    assert status == 0, err
    whole = records(observe(files.crowd, "--json", "--net", NET)[1])
    resumed = records(out)

    def of(lines, kind):
        return sorted(json.dumps(line, sort_keys=True) for line in lines if line["record"] == kind)

    assert of(whole, "source") == of(resumed, "source")
    assert of(whole, "finding") == of(resumed, "finding")
    state.write_bytes(state.read_bytes()[:-9] + b"damaged!!")
    status, _, err = observe(second, "--net", NET, "--state", state)
    assert status == 1 and "state" in err


# ---- choosing packets ----

@test
def since_until_and_filter_choose_and_count_what_they_leave_out(files):
    summary = records(observe(files.crowd, "--json", "--net", NET, "--since", "2026-01-01T00:10:00Z")[1])[-1]
    assert summary["dropped"] == {"time": 2000}
    summary = records(observe(files.crowd, "--json", "--net", NET, "--until", str(START + 300))[1])[-1]
    assert summary["classified"] == 1000
    summary = records(observe(files.crowd, "--json", "--net", NET, "--filter", "port 23")[1])[-1]
    assert 0 < summary["dropped"]["filtered"] < 4000
    summary = records(observe(files.crowd, "--json", "--net", "198.18.0.0/17")[1])[-1]
    assert 1500 < summary["dropped"]["not_monitored"] < 2500


@test
def the_monitored_range_is_inferred_or_asked_for(files):
    summary = records(observe(files.crowd, "--json")[1])[-1]
    assert summary["monitored_by"] == "inferred" and summary["monitored_nets"] == [NET]
    talk = [(START + i / 100, packet(1, 2, 1000, 80) if i % 2 else packet(2, 1, 80, 1000, 18)) for i in range(400)]
    path = files.write("talk.pcap", pcap(talk))
    summary = records(observe(path, "--json")[1])[-1]
    assert summary["monitored_by"] == "two_way" and "monitored_nets" not in summary
    status, out, _ = observe(path)
    assert status == 0 and "--net PREFIX" in out


# ---- what goes wrong ----

@test
def damage_is_reported_after_everything_before_it(files):
    path = files.write("damaged.pcap", pcap(crowd(), damaged=True))
    status, out, err = observe(path, "--json", "--net", NET)
    assert status == 1
    assert records(out)[-1]["received"] == 4000
    assert str(24 + 4000 * 56) in err.replace(",", ""), err
    status, out, err = observe(path, "--net", NET)
    assert status == 1 and "4,000 packets" in out and err.count("\n") == 1


@test
def wrong_words_say_what_to_do(files):
    empty = files.folder / "empty"
    empty.mkdir()
    text = files.write("words.txt", b"these are words, no packets at all")
    header = files.write("header.pcap", pcap(()))
    cases = (
        ((), 2, "--interface NAME"),
        ((files.folder / "none.pcap",), 1, "No such file"),
        ((empty,), 1, "no capture"),
        ((text,), 1, "neither pcap nor pcapng"),
        ((header,), 0, "holds no packets"),
        ((files.crowd, "--jsn"), 2, "did you mean --json?"),
        ((files.crowd, "--only", "flow", "--json"), 2, "did you mean flows?"),
        ((files.crowd, "--only", "flows"), 2, "--json or --csv"),
        ((files.crowd, "--net", "198.18.0.1/16"), 2, "did you mean 198.18.0.0/16?"),
        ((files.crowd, "--filter", "no such thing ("), 2, "filter"),
        ((files.crowd, "--since", "tomorrow"), 2, "2026-01-02T03:04:05Z"),
        ((files.crowd, "--since", "2026-01-02", "--until", "2026-01-01"), 2, "not after"),
        ((files.crowd, "--since", "2030-01-01"), 0, "no packet lies between"),
        ((files.crowd, "--threads", "0"), 2, "1 to 64"),
        (("--interface", "no such if"), 1, "no such"),
    )
    for words, want, part in cases:
        status, _, err = observe(*words)
        assert status == want and part in err, (words, status, err)


@test
def commands_are_found_or_guessed(files):
    assert run("--version")[0] == 0
    assert run("--help")[0] == 0
    status, out, err = run()
    assert status == 2
    status, _, err = run("obsrve", files.crowd)
    assert status == 2 and "did you mean 'noroshi observe'?" in err
    status, out, _ = run("help", "observe")
    assert status == 0 and "--since TIME" in out and max(map(len, out.splitlines())) <= 80


@test
def names_cannot_command_the_terminal(files):
    path = files.folder / "\033]0;gone\007\033[2J.pcap"
    path.write_bytes(files.crowd.read_bytes())
    missing = files.folder / "\033[31mnone\n.pcap"
    for done in (observe(path, "--net", NET, raw=True), observe(missing, raw=True),
                 observe(files.crowd, "--\033[2J", raw=True)):
        text = done.stdout + done.stderr
        assert b"\033" not in text and b"\007" not in text, text


# ---- the report ----

def columns(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@test
def the_report_fits_eighty_columns_in_every_language(files):
    for words in (("--lang", "en"), ("--lang", "ja"), ()):
        status, out, err = observe(files.crowd, *words)
        assert status == 0 and err == "", err
        assert "\033" not in out
        for line in out.splitlines():
            assert columns(line) <= 80, line
    assert "送信元" in observe(files.crowd, env={"LC_ALL": "ja_JP.UTF-8"})[1]
    plain = observe(files.crowd, env={"LC_ALL": "C"}, raw=True).stdout
    assert max(plain) < 128


@test
def a_followed_file_is_reported_when_it_is_interrupted(files):
    with subprocess.Popen([NOROSHI, "observe", files.crowd, "--follow", "--json", "--net", NET], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert records(out.decode())[-1]["received"] == 4000


@test
def a_reader_that_leaves_ends_the_run_quietly(files):
    with subprocess.Popen([NOROSHI, "observe", files.crowd, "--json", "--net", NET], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read()
    assert err == b"", err


def main():
    if not NOROSHI.exists():
        print(f"1..0 # SKIP {NOROSHI} is not built")
        return
    print(f"1..{len(TESTS)}")
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder)
        for number, function in enumerate(TESTS, 1):
            name = function.__name__.replace("_", " ")
            try:
                function(files)
                print(f"ok {number} - {name}")
            except Skip as why:
                print(f"ok {number} - {name} # SKIP {why}")
            except Exception as fault:  # any fault is a failed test, the next one goes on
                print(f"not ok {number} - {name}")
                print("\n".join("# " + line for line in f"{type(fault).__name__}: {fault}".splitlines()[:20]))


main()

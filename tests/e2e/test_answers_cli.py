#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands that ask a hub, near and far, as a person or a script uses them. TAP output."""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
import unicodedata

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import BUILD, LIVE, NOROSHI, Skip, generate, run
from members_lib import World

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = []
SUBJECT = "192.0.2.7"  # alfa, bravo and charlie hold it
PERIOD = ("--since", "2026-01-05", "--until", "2026-01-05T01:00:00Z")


def test(function):
    TESTS.append(function)
    return function


def eq(is_, want, *about):
    assert is_ == want, f"{is_!r} is not {want!r} {about}"


def has(text, *words):
    for word in words:
        assert word in text, f"no {word!r} in {text!r}"


class Desk:
    """Somebody at a terminal: with a home of his own, and at most one hub."""

    def __init__(self, scratch, name, hub=None, token=None, authority=None):
        self.home = scratch / f"home-{name}"
        config = self.home / "noroshi"
        config.mkdir(parents=True)
        self.env = {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home)}
        if hub:
            self.env["NOROSHI_HUB"] = str(hub)
        if token:
            (config / "token").write_text(token + "\n")
            (config / "token").chmod(0o600)
        if authority:
            shutil.copy(authority, config / "authority.pem")

    def run(self, *words, ok=True, **env):
        return run(*words, ok=ok, env={**self.env, **env})

    def out(self, *words, **env):
        return self.run(*words, **env)[1]

    def refused(self, status, *words, **env):
        got, out, said = self.run(*words, ok=False, **env)
        eq((got, out), (status, ""), words, said)
        return said

    def at_terminal(self, width, *words, **env):
        """What stands on a terminal of this width."""
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
            os.execve(NOROSHI, ["noroshi", *map(str, words)], hub_lib.clean_env(**{"TERM": "xterm", **self.env, **env}))
        seen = b""
        while True:
            try:
                more = os.read(fd, 65536)
            except OSError:
                break
            if not more:
                break
            seen += more
        os.close(fd)
        eq(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, words, seen)
        return seen.decode().replace("\r\n", "\n")


class Place(World):
    """World, with an old capture and a finding."""

    def __init__(self, scratch):
        super().__init__(scratch)
        run("hub", "import", self.hub.dir, generate(scratch / "a.pcap", "600s"), "--sensor", "old", "--net", hub_lib.NET)
        self.scratch = scratch
        self.finding_id = self.finding(0x5eed, SUBJECT, time.time_ns())
        self.start()
        self.hub.settle()
        client = self.hub.client(self.operator)
        end = time.monotonic() + 60
        while client.json("/api/v1/top?by=ports&since=2026-01-05&until=2026-01-06")["newest"] is None:
            assert time.monotonic() < end, "the sums do not come"
            time.sleep(0.2)

    def near(self):
        return Desk(self.scratch, "near", self.hub.dir)

    def far(self, name="operator", role="analyst"):
        token = self.operator if name == "operator" else self.members[name].tokens[role]
        return Desk(self.scratch, f"{name}-{role}", self.hub.url, token, self.hub.dir / "keys" / "authority.pem")


# Each command that only looks, and what of the API it shows.
LOOKS = [
    (("top", "ports", *PERIOD), "/api/v1/top?by=ports&n=20&since=2026-01-05&until=2026-01-05T01:00:00Z"),
    (("top", "sources", "-n", "3", "--scope", "own", *PERIOD),
     "/api/v1/top?by=sources&n=3&since=2026-01-05&until=2026-01-05T01:00:00Z&scope=own"),
    (("top", "economies", "--scope", "shared", *PERIOD),
     "/api/v1/top?by=economies&n=20&since=2026-01-05&until=2026-01-05T01:00:00Z&scope=shared"),
    (("compare", "ports", *PERIOD), "/api/v1/compare?by=ports&n=20&since=2026-01-05&until=2026-01-05T01:00:00Z"),
    (("series", *PERIOD), "/api/v1/series?step=1h&since=2026-01-05&until=2026-01-05T01:00:00Z"),
    (("series", "telnet", "--of", "packets", "--step", "1m", "--table", *PERIOD),
     "/api/v1/series?of=packets&step=1m&port=23/tcp&since=2026-01-05&until=2026-01-05T01:00:00Z"),
    (("show", "tcp/23", *PERIOD), "/api/v1/show?what=23/tcp&n=5&since=2026-01-05&until=2026-01-05T01:00:00Z"),
    (("show", SUBJECT, *PERIOD), f"/api/v1/show?what={SUBJECT}&n=5&since=2026-01-05&until=2026-01-05T01:00:00Z"),
    (("show", "AS64500", *PERIOD), "/api/v1/show?what=AS64500&n=5&since=2026-01-05&until=2026-01-05T01:00:00Z"),
    (("show", "old", *PERIOD), "/api/v1/show?what=old&n=5&since=2026-01-05&until=2026-01-05T01:00:00Z"),
    (("findings", "list", "--limit", "1000"), "/api/v1/findings?limit=1000"),
    (("findings", "list", "--about", "192.0.2.0/24"), "/api/v1/findings?limit=20&subject=192.0.2.0/24"),
    (("findings", "show", "0000000000005eed"), "/api/v1/findings/0000000000005eed"),
    (("sensors",), "/api/v1/sensors"),
    (("members",), "/api/v1/members?limit=10000"),
    (("asks", "list"), "/api/v1/asks?state=open&limit=1000"),
    (("suppress", "list", "--all"), "/api/v1/suppressions?state=all"),
]


@test
def what_is_near_and_what_is_far_are_told_the_same(scratch):
    place = Place(scratch)
    near, far = place.near(), place.far()
    for words, path in LOOKS:
        text = near.out(*words)
        eq(re.sub(r"[0-9]+ (s|min)\b", "", far.out(*words)), re.sub(r"[0-9]+ (s|min)\b", "", text), words)
        assert len(text) > 10, words
        raw = near.out(*words, "--json")
        eq(far.out(*words, "--json"), raw, words)
        status, _, body = place.hub.client(place.operator).get(path)
        eq((status, body.decode()), (200, raw), words)
    eq(set(json.loads(near.out("status", "--json"))), set(place.hub.client(place.operator).json("/api/v1/status")))
    has(near.out("status"), "up to date", "noroshi 0.1.0, in order")
    has(near.out("top", "ports", *PERIOD), "PORT", "telnet", "exact, from 1 sensor of your own")
    has(near.out("findings", "list"), "Going on: 1 campaign. Over: ", SUBJECT, "continuing")
    has(near.out("show", "23", *PERIOD), "23/tcp", "Its sources")
    has(far.run("show", "23", *PERIOD)[2], "the network is AS23")
    has(near.out("show", SUBJECT, *PERIOD), "Findings about it", "0000000000005eed")
    place.hub.stop()


@test
def what_is_wrong_is_said_with_what_to_do(scratch):
    place = Place(scratch)
    far, authority = place.far(), place.hub.dir / "keys" / "authority.pem"
    token = scratch / "token"
    token.write_text("nrapi_" + "0" * 60)
    token.chmod(0o600)
    has(far.refused(1, "status", "--token-file", token), "noroshi token create", "--token-file")
    token.chmod(0o644)
    has(far.refused(2, "status", "--token-file", token), "can be read by others", "chmod 600")
    has(far.refused(2, "status", "--token-file", scratch / "none"), "No such file")
    token.chmod(0o600)
    token.write_text("two words\n")
    has(far.refused(2, "status", "--token-file", token), "holds no token")
    has(Desk(scratch, "bare").refused(2, "status"), "which hub?", "NOROSHI_HUB")
    has(Desk(scratch, "no-token", place.hub.url).refused(2, "status"), "wants a token", "mode 600")
    stranger = Desk(scratch, "stranger", place.hub.url, place.operator)
    has(stranger.refused(1, "status"), "not proven to be the hub", "--cacert")
    eq(stranger.run("sensors", "--cacert", authority)[0], 0)
    has(far.refused(1, "status", "--hub", "https://127.0.0.1:1"), "nobody answers")
    has(far.refused(1, "status", "--hub", "https://no.such.host.invalid"), "no host of this name")
    for hub, words in (("http://127.0.0.1:1", "over https:// only"), ("https://x/y", "nothing behind it"), ("/nowhere", "there is no")):
        has(far.refused(2, "status", "--hub", hub), words)
    has(far.refused(2, "show", "203.0.113.700"), "AS64500", "23/tcp")
    has(far.refused(1, "show", "no-such-sensor"), "sensor of yours")
    has(far.refused(2, "top", "protocols"), "ports, asns")
    has(far.refused(2, "top"), "name what to count")
    has(far.refused(2, "top", "ports", "--last", "yesterday"), "want a span")
    has(far.refused(2, "top", "ports", "--since", "soon"), "since")
    has(far.refused(1, "findings", "show", "ffffffffffffffff"), "no such finding")
    has(far.refused(1, "findings", "show", "../status"), "no such finding")
    has(far.refused(2, "findings", "show", ".."), "names nothing")
    has(far.refused(1, "asks", "show", "ffff"), "no question begins with 'ffff'")
    has(far.refused(2, "asks", "new", SUBJECT), "--to everyone")
    has(far.refused(2, "asks", "new", SUBJECT, "--to", "nobody"), "no such member", "noroshi members")
    has(far.refused(2, "suppress", "add", SUBJECT), "--why")
    has(far.refused(2, "suppress", "add", "ssh", "--why", "x"), "addresses, prefixes and networks")
    viewer = place.far("alfa", "viewer")
    has(viewer.refused(1, "findings", "ack", "0000000000005eed"), "0000000000005eed")
    told = json.loads(viewer.out("status", "--json"))
    eq(viewer.out("status").split(), ["Hub", f"{told['name']},", "noroshi", told["version"]])
    has(viewer.refused(1, "suppress", "add", SUBJECT, "--why", "x"), "needs a higher role, or is for who runs the hub")
    place.hub.stop()
    has(far.refused(1, "status"), "nobody answers")
    has(place.near().refused(1, "status"), "no hub runs", "noroshi hub run")


def id_for(desk):
    return json.loads(desk.out("findings", "list", "--json"))["findings"][0]["id"]


@test
def what_an_organisation_says_of_a_finding_is_its_own(scratch):
    place = Place(scratch)
    alfa, bravo = place.far("alfa"), place.far("bravo")
    mine = id_for(alfa)
    has(alfa.out("findings", "list"), "YOURS")
    has(alfa.out("findings", "ack", mine, "--why", "looking"), f"{mine}: acknowledged")
    has(alfa.out("findings", "assign", mine, "alfa-analyst"), "with alfa-analyst")
    has(alfa.out("findings", "comment", mine, "called them"), "noted")
    shown = subprocess.run([NOROSHI, "findings", "comment", mine, "-"], input=b"from a pipe\n", check=True, capture_output=True,
                           env=hub_lib.clean_env(**alfa.env))
    has(shown.stdout.decode(), "noted")
    page = alfa.out("findings", "show", mine)
    has(page, "acknowledged, with alfa-analyst", "called them", "from a pipe", "YOURS")
    assert "called" not in bravo.out("findings", "show", id_for(bravo))
    has(alfa.out("findings", "close", mine, "--why", "clean"), "closed")
    assert mine not in alfa.out("findings", "list")
    has(alfa.out("findings", "list", "--all"), mine, "closed")
    has(alfa.out("findings", "undo", mine), "acknowledged")
    has(alfa.out("findings", "false", mine), "false")
    has(alfa.out("findings", "reopen", mine), "open")
    has(alfa.out("findings", "list"), mine)
    bravo.out("findings", "close", id_for(bravo))
    has(bravo.out("findings", "list"), "No findings")
    has(alfa.out("findings", "list"), mine)
    place.hub.stop()


@test
def one_member_asks_another_answers(scratch):
    place = Place(scratch)
    alfa, bravo, charlie = (place.far(name) for name in ("alfa", "bravo", "charlie"))
    asked = alfa.out("asks", "new", "203.0.113[.]7:22", "--to", "bravo", "--words", "ssh since 3")
    has(asked, "You ask about 203.0.113.7", "No answer yet", "AMBER")
    short = re.search(r"Id +([0-9a-f]{8})", asked).group(1)
    has(bravo.out("asks", "list"), short, "alfa", "NOT YET")
    has(charlie.out("asks", "list"), "No open questions")
    has(bravo.out("asks", "answer", short, "yes", "--level", "few", "--words", "one host"), "yes", "few")
    has(bravo.out("asks", "list"), "by you")
    has(alfa.out("asks", "show", short), "bravo", "few", "one host")
    has(alfa.out("asks", "close", short), "closed")
    has(alfa.out("asks", "list"), "No open questions")
    has(alfa.out("asks", "list", "--all"), short)
    has(charlie.refused(1, "asks", "show", short), "no question begins")
    has(alfa.out("asks", "new", "23/tcp", "--to", "everyone"), "GREEN")
    has(charlie.out("asks", "list"), "23/tcp", "NOT YET")
    has(charlie.out("watch", "--only", "ask", "--count", "1"), "alfa asks about 23/tcp (open, answered 0)")
    place.hub.stop()


@test
def what_is_suppressed_is_hidden_until_it_is_undone(scratch):
    place = Place(scratch)
    alfa = place.far("alfa", "coordinator")
    mine = id_for(alfa)
    rule = alfa.out("suppress", "add", "192.0.2.7/24", "--why", "our own scanner", "--days", "5")
    has(rule, "192.0.2.0/24", "in force", "our own scanner")
    assert mine not in alfa.out("findings", "list")
    has(alfa.out("findings", "list", "--all"), mine, "hidden")
    short = rule.splitlines()[1].split()[0]
    has(alfa.out("suppress", "undo", short), "undone")
    has(alfa.out("findings", "list"), mine)
    has(alfa.out("suppress", "list"), "Nothing is suppressed")
    has(alfa.out("suppress", "list", "--all"), short)
    place.hub.stop()


class Watch:
    def __init__(self, desk, *words):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [NOROSHI, "watch", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=hub_lib.clean_env(**desk.env))
        LIVE.append(self.process)

        self.rest = {}

    def line(self, stream, seconds=30):
        rest = self.rest.get(stream, b"")
        while b"\n" not in rest:
            if not select.select([stream], [], [], seconds)[0]:
                raise AssertionError(f"nothing came behind {rest!r}")
            more = os.read(stream.fileno(), 65536)
            if not more:
                raise AssertionError(f"it ended: {self.process.wait()}")
            rest += more
        line, self.rest[stream] = rest.split(b"\n", 1)
        return line.decode()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


@test
def watch_goes_on_where_it_was_when_the_hub_was_away(scratch):
    place = Place(scratch)
    port = place.hub.url.rsplit(":", 1)[1]
    watches = [Watch(desk, "--json") for desk in (place.near(), place.far())]
    for watch in watches:  # the first word of a stream: it has begun
        eq(json.loads(watch.line(watch.process.stdout))["event"], "sensor")
    for round_ in (1, 2):
        registry = place.stopped()
        for watch in watches:
            assert watch.line(watch.process.stderr).startswith("noroshi watch: ")
        number = place.finding(0x100 + round_, SUBJECT, time.time_ns())
        registry.close()
        place.registry = None
        place.hub.start(listen=f"127.0.0.1:{port}")
        for watch in watches:
            event = {"event": ""}
            while event["event"] != "finding":
                event = json.loads(watch.line(watch.process.stdout))
            eq(event["data"]["id"], number)  # and not one that was told before
            assert event["id"]
            said = ""
            while "is back" not in said:
                said = watch.line(watch.process.stderr)
    later = Desk(scratch, "later", place.hub.dir)
    text = later.out("watch", "--after", event["id"], "--only", "sensor", "--count", "1")
    has(text, "sensor", "old")
    for watch in watches:
        watch.end()
    has(later.refused(2, "watch", "--after", "nonsense"), "cursor")
    place.hub.stop()


@test
def a_reader_who_stops_is_no_error(scratch):
    place = Place(scratch)
    env = hub_lib.clean_env(**place.near().env)
    for words in ("watch", "findings list"):
        done = subprocess.run(f"{NOROSHI.resolve()} {words} | true; exit ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash", env=env,
                              capture_output=True, text=True, check=False, timeout=60)
        eq((done.returncode, done.stderr), (0, ""), words)
    place.hub.stop()


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line)


@test
def no_line_is_wider_than_the_terminal_and_colour_is_only_there(scratch):
    place = Place(scratch)
    near = place.near()
    near.out("suppress", "add", "198.51.100.0/24", "--why", "because " * 20)
    near.out("asks", "new", "2001:db8:1111:2222:3333:4444:5555:6666", "--to", "everyone", "--words", "words " * 40)
    looks = [words for words, _ in LOOKS] + [("status",)]
    coloured = 0
    for words in looks:
        assert "\x1b" not in near.out(*words)
        for width in (40, 80, 200):
            seen = near.at_terminal(width, *words)
            plain = re.sub(r"\x1b\[[0-9]*m", "", seen)
            coloured += plain != seen
            for line in plain.splitlines():
                assert columns(line) <= width, (width, words, line)
            eq([c for c in plain if unicodedata.category(c) == "Cc" and c != "\n"], [], words)
            eq(near.at_terminal(width, *words, NO_COLOR="1").count("\x1b"), 0)
        eq(near.at_terminal(80, *words, "--no-color").count("\x1b"), 0)
        eq(near.at_terminal(80, *words, LC_ALL="C").isascii(), True, words)
    assert coloured > 20, coloured
    eq(max(map(columns, near.out("top", "ports", *PERIOD, COLUMNS="60").splitlines())) <= 60, True)
    place.hub.stop()


HOSTILE = "\x1b[2J\x1b]52;c;eA==\x07 a\r\nNov 20 hub: forged \x9b\x85 \u202egpj.exe \u2066x\x7f"


@test
def nothing_hostile_reaches_the_terminal(scratch):
    place = World(scratch)
    place.finding(0xbad, SUBJECT, time.time_ns(), summary=HOSTILE, as_name=HOSTILE, economy="\x1b[")
    place.registry.execute("UPDATE member SET title = ?, sector = ? WHERE name = 'alfa'", (HOSTILE, HOSTILE))
    place.start()
    near = Desk(scratch, "near", place.hub.dir)
    near.run("findings", "comment", "0000000000000bad", HOSTILE.replace("\x00", ""), ok=False)
    checked = 0
    for words in (("findings", "list"), ("findings", "show", "0000000000000bad"), ("members",), ("show", SUBJECT),
                  ("findings", "list", "--json"), ("members", "--json")):
        for seen in (near.at_terminal(500, *words, NO_COLOR="1"),) + (() if "--json" in words else (near.out(*words),)):
            eq([c for c in seen if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"], [], words)
            checked += "forged" in seen or "exe" in seen
    assert checked >= 6, checked
    eq(json.loads(near.at_terminal(500, "findings", "list", "--json")), json.loads(near.out("findings", "list", "--json")))
    place.hub.stop()


def commands_of(page):
    lines, fence = [], None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fence = None if fence is not None else line[3:]
        elif fence == "" and line:
            lines.append(line)
    return lines


@test
def every_command_of_the_analysts_page_works(scratch):
    place = Place(scratch)
    desk = place.far()
    lines = commands_of(ROOT / "docs" / "operator" / "commands.md")
    assert len(lines) >= 15, lines
    path = f"{NOROSHI.resolve().parent}:{os.environ['PATH']}"
    for line in lines:
        line = line.replace("FINDING", place.finding_id)
        if line.startswith("noroshi watch"):
            place_for = Watch(desk, *line.split()[2:])
            time.sleep(0.5)
            eq(place_for.process.poll(), None)
            place_for.end()
            continue
        done = subprocess.run(line, shell=True, cwd=scratch, env=hub_lib.clean_env(PATH=path, **desk.env), capture_output=True,
                              text=True, check=False, timeout=60)
        eq(done.returncode, 0, line, done.stderr)
        assert done.stdout, line
    place.hub.stop()


@test
def every_command_has_a_sound_page(scratch):
    if not shutil.which("mandoc"):
        raise Skip("no mandoc here")
    done = subprocess.run([ROOT / "tools" / "check-man", BUILD.resolve()], cwd=ROOT, capture_output=True, text=True, check=False,
                          timeout=300)
    eq(done.returncode, 0, done.stdout, done.stderr, scratch)


if __name__ == "__main__":
    hub_lib.main(TESTS)

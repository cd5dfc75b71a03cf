#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The hub's HTTP against those who mean harm, and its events: forms of requests, cursors, versions, streams, slow readers. TAP output.

NOROSHI_STREAMS=1000 for as many streams as a big hub has; 40 otherwise.
"""
import itertools
import json
import os
import pathlib
import re
import resource
import select
import selectors
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import NOROSHI, Hub, WireSensor, generate, run  # noqa: E402  pylint: disable=wrong-import-position
from members_lib import World  # noqa: E402  pylint: disable=wrong-import-position
from test_hub import HEAD, connect_from, eq, raw  # noqa: E402  pylint: disable=wrong-import-position

TESTS = []
STREAMS = int(os.environ.get("NOROSHI_STREAMS", "40"))
MANY = "api:\n  rate: 100000\n  burst: 100000\n  streams: 2000\n  recheck_s: 1\n"


def test(function):
    TESTS.append(function)
    return function


# ---- hostile 36: what two servers could read in two ways ----

FOLLOW = b"GET /readyz HTTP/1.1\r\nHost: hub\r\n\r\n"


def with_lengths():
    """Lengths that are none, more than one, or one beside a coding."""
    lengths = [b"", b"+3", b"-3", b"3,3", b"3, 4", b"0x3", b"3.0", b"3e0", b"3 3", b"3;", b"three", b"\xd9\xa3", b"1_0", b"9" * 30, b"3\x0b", b"\x0c3"]
    for method, value in itertools.product((b"POST", b"PUT", b"PATCH", b"DELETE", b"GET"), lengths):
        yield f"{method.decode()} of length {value!r}", \
            method + b" /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: " + value + b"\r\n\r\nabc"
    for a, b in ((b"3", b"3"), (b"3", b"4"), (b"0", b"3"), (b"3", b"0"), (b"03", b"3")):
        yield f"lengths {a!r} and {b!r}", \
            b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: " + a + b"\r\ncontent-length: " + b + b"\r\n\r\nabc"


def with_codings():
    codings = [b"chunked", b"xchunked", b"Chunked", b"identity", b"gzip, chunked", b"chunked, identity", b"chunked, chunked", b"\"chunked\"",
               b"chunked;a=b", b"\tchunked", b"chunked\t", b"", b"cow", b"chunk ed"]
    for coding, length in itertools.product(codings, (b"", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n")):
        yield f"coding {coding!r} beside {length!r}", \
            b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\n" + length + b"Transfer-Encoding: " + coding + b"\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n"
    yield "coding before length", b"POST /api/v1/enrol HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: h\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"


def with_fields():
    """Names, colons, ends of lines and bytes that are not as they must be."""
    for sign in b"(),/;<=>?@[\\]{}\" \x01\x1f\x7f\x80\xff":
        yield f"name with {chr(sign)!r}", HEAD + b"X" + bytes([sign]) + b"Y: z\r\n\r\n"
    for byte in [*range(0, 9), 11, 12, *range(14, 32), 127]:
        yield f"value with byte {byte}", HEAD + b"X: a" + bytes([byte]) + b"b\r\n\r\n"
    for name, sign in itertools.product((b"Host", b"Content-Length", b"X"), (b" ", b"\t", b"\0", b"\x0b")):
        yield f"{name.decode()} and {sign!r} before the colon", \
            b"GET /healthz HTTP/1.1\r\n" + (b"" if name == b"Host" else b"Host: h\r\n") + name + sign + b": 0\r\n\r\n"
    fields = [b"Host: h", b"X: a", b"Content-Length: 0", b"Y: b"]
    for i, blank in itertools.product(range(len(fields)), (b" ", b"\t")):
        folded = [field.replace(b": ", b":\r\n" + blank, 1) if k == i else field for k, field in enumerate(fields)]
        yield f"field {i} folded with {blank!r}", b"GET /healthz HTTP/1.1\r\n" + b"\r\n".join(folded) + b"\r\n\r\n"
    lines = [b"GET /healthz HTTP/1.1", *fields, b""]
    for i, end in itertools.product(range(len(lines)), (b"\n", b"\r", b"\n\r", b"\r\r\n")):
        yield f"line {i} ends with {end!r}", b"".join(line + (end if k == i else b"\r\n") for k, line in enumerate(lines))


def with_targets():
    for target in (b"http://other/healthz", b"https://hub/healthz", b"//other/healthz x", b"healthz", b"*", b"hub:443", b"/healthz#a", b"/health\tz",
                   b"/h\x80z", b"/\\healthz", b"", b"/healthz?a=%", b"/healthz?a=%0", b"/healthz?%00", b"/healthz?a=1&a=1",
                   b"/healthz?" + b"&".join(b"p%d=1" % i for i in range(40)), b"/" + b"a" * 20000):
        yield f"target {target[:30]!r}", b"GET " + target + b" HTTP/1.1\r\nHost: hub\r\n\r\n"
    for version in (b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/1.1 ", b"http/1.1", b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1.1\t", b"", b"XTTP/1.1"):
        yield f"version {version!r}", b"GET /healthz " + version + b"\r\nHost: hub\r\n\r\n"
    for hosts in (b"", b"Host: a\r\nHost: a\r\n", b"Host: a\r\nhost: b\r\n", b"Host : a\r\n", b" Host: a\r\n"):
        yield f"hosts {hosts!r}", b"GET /healthz HTTP/1.1\r\n" + hosts + b"X: y\r\n\r\n"
    for twice in (b"Authorization: Bearer a", b"Cookie: a=b", b"If-Match: \"a\"", b"If-None-Match: \"a\"", b"Idempotency-Key: a",
                  b"Last-Event-ID: a", b"Content-Type: application/json", b"Accept: a/b"):
        yield f"{twice!r} twice", HEAD + (twice + b"\r\n") * 2 + b"\r\n"
    for wrong in (b"If-Match: a", b"If-Match: \"a", b"If-None-Match: \"a\" \"b\"", b"If-Match: w/\"a\"", b"Idempotency-Key: a b", b"Idempotency-Key: ",
                  b"Idempotency-Key: " + b"a" * 65, b"Content-Encoding: gzip", b"Accept: " + b"a" * 600):
        yield f"{wrong[:40]!r}", HEAD + wrong + b"\r\n\r\n"


@test
def hostile_36_each_of_274_forms_is_refused_and_the_connection_closed(scratch):
    hub = Hub(scratch / "hub").start()
    forms = [*with_lengths(), *with_codings(), *with_fields(), *with_targets()]
    eq(len(forms), 274)
    bad = []
    for name, request in forms:
        answer, closed = raw(hub, request + FOLLOW, timeout=3)
        statuses = {line.split()[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")} - {b"100"}
        if not closed or len(statuses) > 1 or statuses - {b"400", b"405", b"413", b"414", b"431", b"505"} or b"ready\n" in answer:
            bad.append((name, statuses, closed, answer[-80:]))
    assert not bad, f"{len(bad)} of {len(forms)}:\n" + "\n".join(map(str, bad))
    answer, _ = raw(hub, HEAD + b"\r\n" + FOLLOW, timeout=1)  # and what is right is not refused
    eq([answer.count(b"HTTP/1.1 200"), b"ready\n" in answer], [2, True])
    eq(hub.stop(), 0)


@test
def head_is_get_without_a_body_and_405_says_what_would_do(scratch):
    hub = Hub(scratch / "hub").start()
    hub.settle()
    client = hub.client(hub.token())
    for path in ("/healthz", "/api/v1/status", "/api/v1/sensors", "/api/v1/findings", "/api/v1/openapi.yaml", "/metrics", "/api/v1/observations",
                 "/api/v1/events", "/nothing"):
        wanted = {"/nothing": 404}.get(path, 200)
        status, headers, text = client.get(path, method="HEAD")
        eq((path, status, text), (path, wanted, b""))
        if path not in ("/api/v1/status", "/metrics", "/api/v1/events"):
            again, same, _ = client.get(path)
            eq((again, same["Content-Type"], same.get("ETag")), (wanted, headers["Content-Type"], headers.get("ETag")))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        status, headers, _ = client.get("/api/v1/status", method=method, body=b"" if method == "DELETE" else b"{}")
        eq((method, status, headers["Allow"]), (method, 405, "GET, HEAD"))
        client = hub.client(client.token)
    for method in ("OPTIONS", "TRACE", "BREW"):
        eq((method, hub.client(client.token).get("/api/v1/status", method=method)[0]), (method, 405))
    eq(hub.client(client.token).get("/local/v1/token", method="DELETE")[0], 404)
    hub.stop()


@test
def what_was_read_is_not_sent_again(scratch):
    hub = Hub(scratch / "hub").start()
    client = hub.client(hub.token())
    _, headers, text = client.get("/api/v1/sensors")
    tag = headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag), tag
    eq(headers["Cache-Control"], "private, no-cache")
    for asked in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        status, headers, body = client.get("/api/v1/sensors", headers={"If-None-Match": asked})
        eq((asked, status, body, headers.get("ETag")), (asked, 304, b"", tag))
    eq(client.get("/api/v1/sensors", headers={"If-None-Match": '"x"'})[2], text)
    run("sensor", "enrol", hub.dir, "s1")
    status, headers, body = client.get("/api/v1/sensors", headers={"If-None-Match": tag})
    eq((status, headers["ETag"] != tag, b"s1" in body), (200, True, True))
    for path in ("/metrics", "/healthz"):
        eq(client.get(path)[1]["Cache-Control"], "no-store")
    hub.stop()


@test
def what_is_not_called_json_is_not_read_as_json(scratch):
    hub = Hub(scratch / "hub", settings=MANY).start()
    document = hub.client(None).get("/api/v1/openapi.yaml")[2].decode()
    token, seen, refused = hub.token(), [], 0
    path = method = None
    for line in document.splitlines():
        if re.match(r"  /\S+:$", line):
            path = line.strip()[:-1]
        elif re.match(r"    (get|post|put|patch|delete):$", line):
            method = line.strip()[:-1].upper()
        elif "application/json:" in line and line.startswith("          a") and method != "GET":
            seen.append((method, re.sub(r"\{[^}]*\}", "00000000-0000-0000-0000-000000000000", path)))
    for method, path in seen:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", None):
            headers = {"Idempotency-Key": "a1"} | ({"Content-Type": kind} if kind else {})
            status, _, text = hub.client(token).get(path, method=method, body=b"{}", headers=headers)
            assert status in (400, 403, 404, 409, 415, 428, 429), (method, path, kind, status, text)
            refused += status == 415
    assert len(seen) > 15 and refused > 2 * len(seen), (len(seen), refused)
    hub.stop()


def hostile_json():
    """Bodies that no reader may take, and what they are."""
    deep = 100_000
    yield "16: arrays", b"[" * deep
    yield "16: objects", b'{"a":' * deep
    yield "16: both, closed", b'[{"a":' * deep + b"1" + b"}]" * deep
    yield "17: a key twice", b'{"what":"23/tcp","what":"24/tcp"}'
    yield "17: a key twice, spelt with an escape", b'{"what":"23/tcp","wh\\u0061t":"24/tcp"}'
    for name, text in (("overlong", b"\xc0\xaf"), ("lone surrogate", b"\\ud800"), ("raw surrogate", b"\xed\xa0\x80"), ("truncated", b"\xe2\x82"),
                       ("U+0000", b"\\u0000"), ("raw NUL", b"\0"), ("above U+10FFFF", b"\xf4\x90\x80\x80")):
        yield f"18: {name}", b'{"what":"23/tcp","words":"a' + text + b'b"}'
    yield "18: a byte order mark", b"\xef\xbb\xbf{}"
    for number in (b"1e999999", b"9" * 900_000, b"NaN", b"Infinity", b"0x10", b"01", b"+1", b"1.", b".5", b"-", b"1e"):
        yield f"19: {number[:9]!r}", b'{"what":"23/tcp","words":' + number + b"}"
    yield "20: keys", b"{" + b",".join(b'"k%d":1' % i for i in range(60_000)) + b"}"
    yield "20: values", b"[" + b",".join([b"1"] * 400_000) + b"]"
    yield "20: a string", b'{"what":"' + b"a" * 900_000 + b'"}'
    yield "20: 100 MiB", 100 << 20


@test
def hostile_16_to_20_json_that_harms_readers_is_refused_at_once(scratch):
    world = World(scratch).start()
    for name, body in hostile_json():
        begun = time.monotonic()
        if isinstance(body, int):  # said, not sent
            status = int(raw(world.hub, f"POST /api/v1/asks HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {world.members['alfa'].tokens['analyst']}\r\n"
                                        f"Content-Type: application/json\r\nContent-Length: {body}\r\n\r\n".encode())[0].split()[1])
        else:
            client = world.hub.client(world.members["alfa"].tokens["analyst"])
            try:
                status = client.get("/api/v1/asks", "POST", {"Content-Type": "application/json"}, body)[0]
            except (ConnectionError, ssl.SSLError):  # refused by its length, while it was still sent
                status = 413
        assert status in (400, 413), (name, status)
        assert time.monotonic() - begun < 10, name
    eq(world.who("alfa").get("/api/v1/asks")["asks"], [])
    eq(world.hub.stop(), 0)


@test
def who_is_refused_with_a_body_on_the_way_reads_why(scratch):
    hub = Hub(scratch / "hub", settings=MANY).start()
    token = hub.token()
    for _ in range(15):
        for path, who, wanted in (("/api/v1/enrol", None, 413), ("/api/v1/tokens", None, 401), ("/nothing", token, 404), ("/api/v1/status", token, 405)):
            status, headers, text = hub.client(who).get(path, "POST", {"Content-Type": "application/json"}, b"x" * 60_000)
            eq((path, status, headers["Connection"], json.loads(text)["status"]), (path, wanted, "close", wanted))
    hub.stop()


# ---- hostile 24: cursors ----

@test
def hostile_24_a_cursor_is_good_for_one_list_one_hub_and_who_got_it(scratch):
    hub = Hub(scratch / "hub", settings=MANY).start()
    run("hub", "import", hub.dir, generate(scratch / "a.pcap", "60s"), "--sensor", "old", "--net", hub_lib.NET)
    hub.settle()
    client = hub.client(hub.token())
    good = client.json("/api/v1/findings?limit=3")["next"]
    other = client.observations("limit=100")[1]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    forged = [good[:i] + letters[(letters.index(good[i]) + 1) % 64] + good[i + 1:] for i in range(0, len(good), 3)]
    forged += [good[:-1], good + "A", good + "=", "", "A" * len(good), good.swapcase(), other]
    for text in forged:
        eq((text, client.get(f"/api/v1/findings?since={text}")[0]), (text, 400))
        eq((text, client.get("/api/v1/events", method="HEAD", headers={"Last-Event-ID": text or "x"})[0]), (text, 400))
    eq(client.get(f"/api/v1/observations?cursor={good}")[0], 400)
    eq(client.get(f"/api/v1/findings?since={good}")[0], 200)
    eq(client.json("/api/v1/findings?limit=3")["next"], good)  # and so the page has one ETag
    places = [client.json(f"/api/v1/findings?limit={n}")["next"] for n in range(1, 8)]
    same = max(sum(x == y for x, y in zip(a, b)) for a, b in itertools.combinations(places, 2))
    assert same < 16, same  # of 84: nothing of a place can be read
    hub.stop()
    with sqlite3.connect(hub.dir / "registry.db") as db:  # as a restore from a backup does
        db.execute("UPDATE meta SET value = '00000000-0000-4000-8000-000000000000' WHERE name = 'epoch'")
    client = hub.start().client(client.token)
    eq(client.get(f"/api/v1/findings?since={good}")[0], 400)
    eq(client.get("/api/v1/events", method="HEAD", headers={"Last-Event-ID": good})[0], 400)
    hub.stop()


# ---- events ----

class Stream:
    """A stream of events on a connection of its own, not blocking."""

    def __init__(self, hub, token, last=None, source="127.0.0.1", path="/api/v1/events", cookie=None):
        host, port = hub.url[8:].rsplit(":", 1)
        plain = connect_from(f"{host}:{port}", source)
        plain.settimeout(20)
        self.socket = hub.tls().wrap_socket(plain, server_hostname=host)
        more = f"Last-Event-ID: {last}\r\n" if last else ""
        more += f"Cookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n" if cookie else f"Authorization: Bearer {token}\r\n"
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: hub\r\n{more}\r\n".encode())
        self.raw, self.ended, self.last_byte = b"", False, None

    def read(self, timeout=0.0):
        """What came within @p timeout of the first byte waited for."""
        self.socket.settimeout(timeout if timeout > 0 else 0.0)
        try:
            while True:
                more = self.socket.recv(65536)
                if not more:
                    self.ended = True
                    break
                self.raw += more
                self.last_byte = time.monotonic()
                self.socket.settimeout(0.05)
        except (TimeoutError, ssl.SSLWantReadError, BlockingIOError):
            pass
        except (ssl.SSLError, ConnectionError):
            self.ended = True
        return self

    def status(self):
        return int(self.raw.split(b" ", 2)[1]) if self.raw else 0

    def text(self):
        head, _, rest = self.raw.partition(b"\r\n\r\n")
        out = b""
        while b"\r\n" in rest:
            size, rest = rest.split(b"\r\n", 1)
            n = int(size, 16)
            if len(rest) < n + 2:
                break
            out, rest = out + rest[:n], rest[n + 2:]
        return out.decode() if b"chunked" in head else ""

    def events(self):
        """[(event, id, data)]"""
        out = []
        for block in self.text().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "data" in fields:
                out.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
        return out

    def wait(self, enough, timeout=20):
        end = time.monotonic() + timeout
        while not enough(self) and time.monotonic() < end and not self.ended:
            self.read(0.2)
        assert enough(self), self.raw[-600:]
        return self

    def close(self):
        self.socket.close()


def findings_of(stream):
    return [(at, data) for kind, at, data in stream.events() if kind == "finding"]


@test
def events_are_what_the_list_gives_in_order_and_go_on_where_they_ended(scratch):
    hub = Hub(scratch / "hub", settings=MANY).start()
    token = hub.token()
    live = Stream(hub, token).wait(lambda s: any(e[0] == "status" for e in s.events()))
    eq((live.status(), b"text/event-stream" in live.raw), (200, True))
    run("hub", "import", hub.dir, generate(scratch / "a.pcap", "60s"), "--sensor", "old", "--net", hub_lib.NET)
    hub.settle()
    listed = hub.client(token).findings("revisions=all&limit=100")[0]
    assert len(listed) >= 10
    live.wait(lambda s: len(findings_of(s)) >= len(listed) and any(e[0] == "sensor" for e in s.events()))
    told = findings_of(live)
    # Whether a revision is the newest depends on when one asks; nothing else does.
    plain = [{k: v for k, v in row.items() if k != "newest"} for row in listed]
    eq([{k: v for k, v in row.items() if k != "newest"} for _, row in told], plain)
    sensor = hub.client(token).json("/api/v1/sensors")["sensors"][0]
    eq([e[2]["uuid"] for e in live.events() if e[0] == "sensor"][-1], sensor["uuid"])
    for i in (0, len(told) // 2, len(told) - 1):
        again = Stream(hub, token, last=told[i][0]).wait(lambda s, i=i: len(findings_of(s)) >= len(told) - i - 1)
        again.read(0.5)
        eq([row["sequence"] for _, row in findings_of(again)], [row["sequence"] for row in listed[i + 1:]])
        again.close()
    page = hub.client(token).json("/api/v1/findings?revisions=all&limit=4")  # the list first, then what follows it
    behind = Stream(hub, token, path=f"/api/v1/events?since={page['next']}").wait(lambda s: len(findings_of(s)) >= len(listed) - 4)
    eq([row["sequence"] for _, row in findings_of(behind)], [row["sequence"] for row in listed[4:]])
    hub.stop()  # with streams open
    live.read(5)
    assert live.ended


@test
def a_sensor_that_comes_and_goes_is_told_and_a_comment_comes_when_nothing_does(scratch):
    hub = Hub(scratch / "hub", settings=MANY).start()
    token = hub.token()
    sensor = WireSensor(hub, scratch / "s", "wire-1")
    stream = Stream(hub, token).wait(lambda s: any(e[0] == "sensor" for e in s.events()))

    def connected(s):
        return [e[2].get("live", {}).get("connected", False) for e in s.events() if e[0] == "sensor"]

    eq(connected(stream), [False])
    sensor.connect()
    stream.wait(lambda s: connected(s)[-1:] == [True])
    sensor.close()
    stream.wait(lambda s: connected(s)[-1:] == [False])
    begun = time.monotonic()
    stream.wait(lambda s: "\n:\n" in s.text() or s.text().endswith(":\n\n"), timeout=20)
    assert time.monotonic() - begun < 17
    hub.stop()


@test
def a_token_has_a_few_streams_and_one_that_closed_makes_room(scratch):
    hub = Hub(scratch / "hub").start()
    tokens = [hub.token(), hub.token()]
    streams = [Stream(hub, tokens[0]).wait(Stream.status) for _ in range(8)]
    eq([s.status() for s in streams], [200] * 8)
    more = Stream(hub, tokens[0]).wait(Stream.status)
    eq((more.status(), b"one is enough for all tabs" in more.read(0.5).raw), (429, True))
    eq(Stream(hub, tokens[1]).wait(Stream.status).status(), 200)
    streams[3].close()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        last = Stream(hub, tokens[0]).wait(Stream.status)
        if last.status() == 200:
            break
        time.sleep(0.2)
    eq(last.status(), 200)
    metrics = hub.client(tokens[1]).get("/metrics")[2].decode()
    assert re.search(r"^noroshi_http_streams_refused_total [1-9]", metrics, re.M)
    hub.stop()


def greedy(hub, source):
    """Somebody unknown who asks for much, again and again, and takes none of it."""
    host, port = hub.url[8:].rsplit(":", 1)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plain.settimeout(20)
    plain.bind((source, 0))
    plain.connect((host, int(port)))
    tls = hub.tls().wrap_socket(plain, server_hostname=host)
    tls.settimeout(1)
    try:
        for _ in range(300):
            tls.sendall(b"GET /api/v1/openapi.yaml HTTP/1.1\r\nHost: h\r\n\r\n")
    except (TimeoutError, ssl.SSLError, ConnectionError):
        pass
    return tls


def gone(tls):
    """Has the other side ended it? Asked without taking what it sent."""
    poll = select.poll()
    poll.register(tls.fileno(), select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


@test
def a_reader_who_takes_nothing_is_dropped_and_holds_up_nobody(scratch):
    hub = Hub(scratch / "hub", settings=MANY).start()
    token = hub.token()
    run("hub", "import", hub.dir, generate(scratch / "0.pcap", "5m", seed=9), "--sensor", "s0", "--net", hub_lib.NET)
    hub.settle()
    # From the first finding on, again and again, until what is not taken fills every buffer there is.
    first = hub.client(token).json("/api/v1/findings?revisions=all&limit=1")
    host, port = hub.url[8:].rsplit(":", 1)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plain.settimeout(20)
    plain.connect((host, int(port)))
    slow = hub.tls().wrap_socket(plain, server_hostname=host)
    slow.sendall(f"GET /api/v1/events?since={first['next']} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    quick = Stream(hub, token)
    strangers = [greedy(hub, f"127.0.6.{1 + i}") for i in range(4)]
    end, n = time.monotonic() + 90, 0
    while time.monotonic() < end:
        run("sensor", "enrol", hub.dir, f"filler-{n}")  # an event for each stream
        n += 1
        if n % 20 == 0:
            metrics = hub.client(token).get("/metrics")[2].decode()
            if re.search(r"^noroshi_http_streams_slow_total 1$", metrics, re.M):
                break
        quick.read(0.01)
        if n > 400:
            time.sleep(0.5)
    assert re.search(r"^noroshi_http_streams_slow_total 1$", metrics, re.M), metrics[-900:]
    quick.wait(lambda s: sum(e[0] == "sensor" for e in s.events()) >= n)
    slow.close()
    while not all(one.fileno() < 0 or gone(one) for one in strangers):
        assert time.monotonic() < end
        time.sleep(0.5)
    hub.stop()


def open_streams(hub, token, n, net):
    streams = [Stream(hub, token, source=f"127.{net}.{i // 2500}.{1 + i // 25 % 100}") for i in range(n)]
    for stream in streams:
        stream.wait(lambda s: s.text().count("\n\n") >= 1)
    return streams


def end_of(streams, seconds):
    """When the last of @p streams ended, and the last byte of any came, from now on."""
    begun = time.monotonic()
    poll = selectors.DefaultSelector()
    for stream in streams:
        stream.last_byte = None
        stream.socket.setblocking(False)
        poll.register(stream.socket, selectors.EVENT_READ, stream)
    while poll.get_map() and time.monotonic() - begun < seconds:
        for key, _ in poll.select(0.5):
            if key.data.read().ended:
                poll.unregister(key.data.socket)
    ended = sum(stream.ended for stream in streams)
    last = max((stream.last_byte or begun for stream in streams), default=begun) - begun
    return ended, time.monotonic() - begun, last


@test
def a_revoked_token_gets_no_byte_more_over_many_streams(scratch):
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    hub = Hub(scratch / "hub", settings=MANY).start(prefix=("prlimit", "--nofile=4096") if STREAMS > 400 else ())
    good, bad = hub.token(), hub.token()
    stay, go = open_streams(hub, good, max(4, STREAMS // 10), 10), open_streams(hub, bad, STREAMS, 11)
    selector = json.loads(run("token", "list", hub.dir)[1])["tokens"][1]["selector"]
    run("token", "revoke", hub.dir, selector)
    revoked = time.monotonic()
    ended, took, last = end_of(go, 60)
    print(f"# {ended} of {len(go)} ended within {took:.2f} s, last byte {last:.3f} s after the revocation")
    eq(ended, len(go))
    assert last < 60 and time.monotonic() - revoked < 60
    eq([s for s in stay if s.read(0.01).ended], [])
    eq(Stream(hub, bad).wait(Stream.status).status(), 401)
    eq(hub.stop(), 0)


def session_of(world, member, role):
    """The cookie of somebody who set a password and logged in."""
    admin, user = world.who(member, "admin"), world.members[member].users[role]
    link = admin.post(f"/api/v1/users/{user}/invite", want=None)
    secret, words = link["link"].partition("#")[2], "correct horse battery staple"
    guest = hub_lib.Client(world.hub)
    for path, body in (("/api/v1/setup", {"token": secret, "password": words}), ("/api/v1/login", {"login": f"{member}-{role}", "password": words})):
        status, headers, text = world.hub.client(None).get(path, "POST", {"Content-Type": "application/json"}, json.dumps(body).encode())
        assert status in (200, 201), (path, status, text)
    guest.connection.close()
    return headers["Set-Cookie"].split(";")[0]


@test
def who_is_disabled_suspended_logged_out_or_demoted_gets_no_byte_more(scratch):
    world = World(scratch, settings=MANY).start()
    operator, alfa = world.who("operator"), world.who("alfa", "admin")
    users, tokens = world.members["alfa"].users, world.members["alfa"].tokens
    cookie = session_of(world, "alfa", "analyst")
    n = max(4, STREAMS // 8)

    def end(streams, change):
        for stream in streams:
            stream.wait(lambda s: s.text().count("\n\n") >= 1)
            eq(stream.status(), 200)
        change()
        ended, took, last = end_of(streams, 60)
        print(f"# {ended} of {len(streams)} ended within {took:.2f} s, last byte {last:.3f} s after the change")
        eq(ended, len(streams))
        assert last < 60

    def of(token=None, cookie=None):
        return [Stream(world.hub, token, cookie=cookie, source=f"127.0.7.{1 + i % 200}") for i in range(n)]

    def logout():
        status, _, text = world.hub.client(None).get("/api/v1/logout", "POST", {
            "Cookie": cookie, "Content-Type": "application/json", "Origin": world.hub.url, "Host": world.hub.url[8:]}, b"{}")
        assert status in (200, 204), (status, text)

    end(of(cookie=cookie), logout)
    end(of(tokens["viewer"]), lambda: alfa.ask("PATCH", f"/api/v1/users/{users['viewer']}", {"disabled": True}))
    end(of(tokens["coordinator"]), lambda: alfa.ask("PATCH", f"/api/v1/users/{users['coordinator']}", {"role": "viewer"}))
    bravo = of(world.members["bravo"].tokens["viewer"])
    for stream in bravo:
        stream.wait(lambda s: s.text().count("\n\n") >= 1)
    end(of(tokens["analyst"]) + of(tokens["admin"]), lambda: operator.ask("PATCH", "/api/v1/members/alfa", {"suspended": True}))
    eq([s for s in bravo if s.read(0.01).ended], [])
    eq([Stream(world.hub, tokens[role]).wait(Stream.status).status() for role in ("viewer", "analyst", "admin")], [401] * 3)
    eq(world.hub.stop(), 0)


@test
def a_question_is_told_to_whom_it_reaches_and_its_answer_to_who_asked(scratch):
    world = World(scratch, settings=MANY).start()
    alfa, bravo = world.who("alfa"), world.who("bravo")
    label = {"tlp": "AMBER", "purposes": ["defence"], "members": [{"member": str(world.members["bravo"].uuid)}]}

    def asks(stream):
        return [data for kind, _, data in stream.events() if kind == "ask"]

    streams = {name: Stream(world.hub, member.tokens["viewer"]).wait(lambda s: s.text().count("\n\n") >= 1)
               for name, member in world.members.items()}
    asked = alfa.post("/api/v1/asks", {"what": "23/tcp", "words": "more than usual?", "label": label}, want=201)
    streams["bravo"].wait(lambda s: len(asks(s)) == 1)
    eq(asks(streams["bravo"]), bravo.get("/api/v1/asks")["asks"])
    streams["alfa"].wait(lambda s: len(asks(s)) == 1)
    bravo.post(f"/api/v1/asks/{asked['uuid']}/answer", {"seen": "yes", "level": "many"}, want=None)
    streams["alfa"].wait(lambda s: len(asks(s)) == 2)
    eq((asks(streams["alfa"])[-1]["answered"], asks(streams["alfa"])[-1]), (1, alfa.get("/api/v1/asks")["asks"][0]))
    alfa.post(f"/api/v1/asks/{asked['uuid']}/close", want=None)
    for name in ("alfa", "bravo"):
        streams[name].wait(lambda s: asks(s)[-1]["state"] == "closed")
    eq(asks(streams["charlie"].read(0.5)), [])
    world.hub.stop()


# ---- hostile 37: those who are slow, and those who stop in the middle ----

@test
def hostile_37_a_body_that_drips_is_cut_off(scratch):
    hub = Hub(scratch / "hub").start()
    host, port = hub.url[8:].rsplit(":", 1)
    streams = []
    for i in range(8):
        plain = connect_from(f"{host}:{port}", f"127.0.4.{1 + i}")
        plain.settimeout(30)
        streams.append(hub.tls().wrap_socket(plain, server_hostname=host))
        streams[-1].sendall(b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\n\r\n")
    begun, ended = time.monotonic(), set()
    while len(ended) < len(streams) and time.monotonic() - begun < 25:
        for i, stream in enumerate(streams):
            if i in ended:
                continue
            try:
                stream.sendall(b"x" * (1 + 20 * i))  # at most 141 bytes in half a second
            except (OSError, ssl.SSLError):
                ended.add(i)
        time.sleep(0.5)
    took = time.monotonic() - begun
    assert len(ended) == len(streams) and 4 < took < 20, (len(ended), took)
    eq(hub.client(None).get("/healthz")[0], 200)
    hub.stop()


def client_flights(hub):
    """What a client sends in a handshake, as bytes; the second flight needs the server's, so it is sent as far as it goes."""
    host, port = hub.url[8:].rsplit(":", 1)
    context = hub.tls()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
    return host, int(port), incoming, outgoing, tls


def handshake_until(hub, n, source):
    """Close after n bytes of the client's side of a handshake. Returns whether it was over before."""
    host, port, incoming, outgoing, tls = client_flights(hub)
    sent = 0
    with connect_from(f"{host}:{port}", source) as plain:
        plain.settimeout(5)
        while True:
            try:
                tls.do_handshake()
                finished = True
            except ssl.SSLWantReadError:
                finished = False
            flight = outgoing.read()
            plain.sendall(flight[:max(0, n - sent)])
            sent += len(flight)
            if sent > n:
                return False
            if finished:
                return True
            more = plain.recv(65536)
            if not more:
                return False
            incoming.write(more)


@test
def hostile_37_ends_at_every_byte_of_a_whole_handshake_harm_nothing(scratch):
    hub = Hub(scratch / "hub").start()
    n = 0
    while not handshake_until(hub, n, f"127.0.5.{1 + n % 250}"):
        n += 2 if n < 600 else 1
        assert n < 5000
    assert n > 300, n
    eq(hub.client(None).get("/healthz")[0], 200)
    end = time.monotonic() + 20  # and nothing of it stays
    while time.monotonic() < end:
        open_now = int(re.search(r"^noroshi_http_connections (\d+)", hub.client(hub.token()).get("/metrics")[2].decode(), re.M)[1])
        if open_now <= 4:
            break
        time.sleep(0.5)
    assert open_now <= 4, open_now
    eq(hub.stop(), 0)


@test
def hostile_37_half_open_and_slow_crowds_leave_the_console_quick(scratch):
    done = subprocess.run([sys.executable, pathlib.Path(__file__).with_name("slow_crowd.py"), "--crowd", "900", "--files", "1000", "--seconds", "12", "--goal", "30", "--dir", scratch],
                          capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    print("# " + done.stdout.strip().replace("\n", "\n# "))


# ---- hostile 38 and 52: without TLS there is nothing, and settings that are wrong are refused by their line ----

@test
def hostile_38_plain_text_on_the_port_gets_nothing_wherever_it_listens(scratch):
    hub = Hub(scratch / "hub").start(listen="0.0.0.0:0")
    port = int(hub.url.rsplit(":", 1)[1])
    for text in (b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /api/v1/status HTTP/1.0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01", b"\0" * 64,
                 b"SSH-2.0-x\r\n", b"\x80\x2e\x01\x00\x02"):
        with socket.create_connection(("127.0.0.1", port), timeout=15) as plain:
            plain.sendall(text)
            answer = b""
            try:
                answer = plain.recv(4096)
            except (ConnectionError, TimeoutError):
                pass
            assert b"HTTP" not in answer and b"ok\n" not in answer, (text, answer)
    hub.url = f"https://127.0.0.1:{port}"
    eq(hub.client(None).get("/healthz")[0], 200)
    hub.stop()


@test
def hostile_52_settings_that_are_wrong_are_refused_by_their_line(scratch):
    hub = Hub(scratch / "hub")
    cases = [
        ("listen: 127.0.0.1:0\nlissten: x\n", "line 2: "),
        ("api:\n  rate: 10\n  ratte: 3\n", "line 3: "),
        ("api:\n  rate: 10\n\njournal:\n  keep_days: 1\napi:\n  burst: 3\n", "line 6: "),
        ("listen: 0.0.0.0:7443\ntls: false\n", "line 2: "),
        ("listen: 0.0.0.0:7443\nhttp: true\n", "line 2: "),
        ("api:\n  rate: 0\n", "line 2: api.rate is from 1 to 1000000"),
        ("api:\n  recheck_s: 3600\n", "line 2: api.recheck_s is from 1 to 30"),
        ("api: [\n", "line "),
        ("#" * (10 << 20), "hub.yaml"),
    ]
    for text, words in cases:
        (hub.dir / "hub.yaml").write_text(text)
        status, _, said = run("hub", "run", hub.dir, "--listen", "127.0.0.1:0", "--ingest", "127.0.0.1:0", ok=False, timeout=20)
        assert status == 1 and words in said, (text[:60], status, said)
    (hub.dir / "hub.yaml").write_text("")
    for name in ("hub.key", "authority.key", "journal.key", "cursor.key"):
        (hub.dir / "keys" / name).chmod(0o644)
        status, _, said = run("hub", "run", hub.dir, "--listen", "127.0.0.1:0", "--ingest", "127.0.0.1:0", ok=False, timeout=20)
        assert status == 1 and name in said and ("read by others" in said or "mode 0600" in said), (name, said)
        (hub.dir / "keys" / name).chmod(0o600)
    eq(hub.start().stop(), 0)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    if not NOROSHI.exists():
        print(f"1..0 # SKIP {NOROSHI} is not built")
    else:
        hub_lib.main(TESTS)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The hub as a user runs it: directory, start and stop, tokens, API, imports, sensors, disks that are full. TAP output."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import NOROSHI, Hub, Skip, WireSensor, batches_of, generate, run

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def eq(is_, want):
    assert is_ == want, f"{is_!r} is not {want!r}"


# ---- the directory ----

@test
def a_hub_starts_says_where_stops_and_starts_again(scratch):
    hub = Hub(scratch / "hub").start()
    status = hub.status()
    eq(status["url"], hub.url)
    eq(status["journal"]["disk_full"], False)
    assert (hub.dir / "ports").exists()
    eq(hub.stop(), 0)
    assert not (hub.dir / "ports").exists() and not (hub.dir / "admin.sock").exists()
    eq(hub.start().status()["uuid"], status["uuid"])
    eq(hub.stop(), 0)
    assert "stopped in_good_order=yes" in hub.words()


@test
def nothing_in_the_directory_is_for_others(scratch):
    hub = Hub(scratch / "hub").start()
    run("hub", "import", hub.dir, generate(scratch / "a.pcap", "10s"), "--sensor", "old", "--net", hub_lib.NET)
    hub.settle()
    for path in [hub.dir, *hub.dir.rglob("*")]:
        eq((path, path.stat().st_mode & 0o077), (path, 0))
    eq(oct((hub.dir / "admin.sock").stat().st_mode & 0o777), "0o600")
    hub.stop()


@test
def each_wrong_directory_is_refused_in_words_of_its_own(scratch):
    whole = Hub(scratch / "whole")
    cases = []

    def case(name, words, change=None, path=None):
        where = path or scratch / name
        if path is None:
            shutil.copytree(whole.dir, where)
        if change:
            change(where)
        cases.append((where, words))

    case("absent", "hub init", path=scratch / "nowhere")
    (scratch / "empty").mkdir()
    case("empty", "holds no noroshi hub", path=scratch / "empty")
    (scratch / "foreign").mkdir()
    (scratch / "foreign" / "photo.jpg").write_text("x")
    case("foreign", "holds no noroshi hub", path=scratch / "foreign")
    (scratch / "file").write_text("x")
    case("file", "no directory", path=scratch / "file")
    case("half", "half-made", lambda d: (d / "NOROSHI").unlink())
    case("newer", "newer noroshi", lambda d: (d / "NOROSHI").write_text("noroshi hub 2\n"))
    case("alien", "not of a noroshi hub", lambda d: (d / "NOROSHI").write_text("something else\n"))
    case("nokey", "is missing", lambda d: (d / "keys" / "hub.key").unlink())
    case("open", "can be read by others", lambda d: (d / "keys" / "hub.key").chmod(0o644))
    case("registry", "registry", lambda d: (d / "registry.db").write_bytes(b"x" * 4096))
    case("cursor", "instead of 32", lambda d: (d / "keys" / "cursor.key").write_bytes(b"x"))
    case("yaml", "line 2", lambda d: (d / "hub.yaml").write_text("listen: 127.0.0.1:0\nlisten_: 3\n"))
    case("bounds", "line 3: engine.workers is from 1 to 64", lambda d: (d / "hub.yaml").write_text("# x\nengine:\n  workers: 0\n"))
    for where, words in cases:
        status, _, said = run("hub", "run", where, "--listen", "127.0.0.1:0", "--ingest", "127.0.0.1:0", ok=False)
        eq((status, words in said), (1, True)) if words in said else eq(said, f"...{words}...")


@test
def a_directory_in_use_is_refused_with_the_pid(scratch):
    hub = Hub(scratch / "hub").start()
    status, _, said = run("hub", "run", hub.dir, ok=False)
    eq(status, 1)
    assert f"in use by process {hub.process.pid}" in said, said
    hub.stop()


@test
def init_never_touches_what_is_there(scratch):
    hub = Hub(scratch / "hub")
    before = (hub.dir / "keys" / "authority.key").read_bytes()
    status, _, said = run("hub", "init", hub.dir, ok=False)
    eq(status, 1)
    assert "holds a hub already" in said
    eq((hub.dir / "keys" / "authority.key").read_bytes(), before)
    (scratch / "mine").mkdir()
    (scratch / "mine" / "x").write_text("")
    assert "is not empty" in run("hub", "init", scratch / "mine", ok=False)[2]


def commands_of(page):
    """The commands a page shows: lines of blocks without a language, and inline ones."""
    lines, prose, fence = [], [], None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fence = None if fence is not None else line[3:]
        elif fence is None:
            prose.append(line)
        elif fence == "" and line:
            lines.append(line)
    return lines, re.findall(r"`(noroshi [^`]+)`", "\n".join(prose))


@test
def every_command_of_the_operators_page_works(scratch):
    root = pathlib.Path(__file__).resolve().parents[2]
    lines, inline = commands_of(root / "docs" / "operator" / "hub.md")
    assert len(lines) >= 6 and len(inline) >= 6, (lines, inline)
    generate(scratch / "2025-01.pcap", "10s")
    subprocess.run(["gzip", scratch / "2025-01.pcap"], check=True)
    hub = Hub(scratch / "hub", init=False)
    done = []

    def shell(line):
        line = line.replace("/var/lib/noroshi", str(hub.dir)).replace("https://127.0.0.1:7443", hub.url or "")
        line = line.replace("--net 198.18.0.0/16", f"--net {hub_lib.NET}")
        path = f"{NOROSHI.resolve().parent}:{os.environ['PATH']}"
        out = subprocess.run(line, shell=True, cwd=scratch, env=hub_lib.clean_env(PATH=path), capture_output=True, text=True,
                             check=False, timeout=60)
        assert out.returncode == 0, f"{line}: {out.returncode} {out.stderr} {out.stdout}"
        done.append(line)

    for line in lines:
        if line.startswith("noroshi hub run"):
            hub.start()
        else:
            shell(line)
    selector = json.loads(run("token", "list", hub.dir)[1])["tokens"][0]["selector"]
    for line in inline:
        if line.startswith("noroshi store rebuild") or "journal verify" in line or "store check" in line or "hub migrate" in line:
            continue  # with the hub stopped, below
        line = line.replace(" DIR", f" {hub.dir}").replace("SELECTOR", selector).replace("NAME", "tokyo-1")
        if " hub init" not in line and " hub run" not in line:
            shell(line)
    hub.stop()
    for line in inline:
        if "journal verify" in line or "hub migrate" in line:
            shell(line.replace("DIR", str(hub.dir)))
    assert len(done) >= 12, done


# ---- tokens ----

@test
def a_token_works_whether_it_was_made_before_or_while_the_hub_runs(scratch):
    hub = Hub(scratch / "hub")
    early = hub.token()
    hub.start()
    late = hub.token()
    for token in (early, late):
        eq(hub.client(token).get("/api/v1/status")[0], 200)
    hub.stop()


@test
def only_a_whole_token_in_the_header_opens_anything(scratch):
    hub = Hub(scratch / "hub").start()
    token = hub.token()
    enrol = run("sensor", "enrol", hub.dir, "s1")[1].strip().split(".")[0]
    for wrong in (None, "", "x", token[:-1], token + "0", token[:-1] + ("0" if token[-1] != "0" else "1"), enrol,
                  "nrapi_" + "0" * 60):
        status, headers, text = hub.client(wrong).get("/api/v1/status")
        eq(status, 401)
        eq(headers["Content-Type"], "application/problem+json")
        eq(json.loads(text)["status"], 401)
    for method, path in (("GET", "/api/v1/sensors"), ("GET", "/metrics"), ("GET", "/api/v1/findings"),
                         ("GET", "/api/v1/observations"), ("HEAD", "/api/v1/status")):
        eq(hub.client(None).get(path, method=method)[0], 401)
    for path, status in (("/healthz", 200), ("/readyz", 200), ("/api/v1/openapi.yaml", 200), ("/nothing", 404),
                         ("/local/v1/tokens", 404)):
        eq(hub.client(None).get(path)[0], status)
    eq(hub.client(token).get("/api/v1/status")[0], 200)
    hub.stop()


@test
def a_token_in_a_url_or_referer_is_refused_and_revoked(scratch):
    hub = Hub(scratch / "hub").start()
    for where in ("query", "path", "encoded", "referer"):
        token = hub.token()
        path = {"query": f"/api/v1/status?access_token={token}", "path": f"/{token}", "referer": "/healthz",
                "encoded": f"/healthz?a=%6e{token[1:]}"}[where]
        headers = {"Referer": f"https://x/?{token}"} if where == "referer" else {}
        eq(hub.client(None).get(path, headers=headers)[0], 400)
        eq(hub.client(token).get("/api/v1/status")[0], 401)
    tokens = json.loads(run("token", "list", hub.dir)[1])["tokens"]
    eq([t["exposed"] for t in tokens], [True] * 4)
    assert token not in hub.words(), "a token in the log"
    hub.stop()


@test
def a_revoked_token_ends_at_once(scratch):
    hub = Hub(scratch / "hub").start()
    token = hub.token()
    eq(hub.client(token).get("/api/v1/status")[0], 200)
    selector = json.loads(run("token", "list", hub.dir)[1])["tokens"][0]["selector"]
    run("token", "revoke", hub.dir, selector)
    eq(hub.client(token).get("/api/v1/status")[0], 401)
    hub.stop()


@test
def guessing_is_limited(scratch):
    hub = Hub(scratch / "hub").start()
    good = hub.token()
    statuses = [hub.client("nrapi_" + "0" * 60).get("/api/v1/status")[0] for _ in range(40)]
    assert statuses[0] == 401 and statuses[-1] == 429 and statuses.count(401) <= 22, statuses
    eq(hub.client(good).get("/healthz")[0], 200)
    hub.stop()


# ---- the web server ----

def raw(hub, request, timeout=5):
    """What the hub answers to these bytes, and whether it closed the connection."""
    host, port = hub.url[8:].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=timeout) as plain:
        with hub.tls().wrap_socket(plain, server_hostname=host) as stream:
            stream.sendall(request)
            answer = b""
            try:
                while True:
                    more = stream.recv(65536)
                    if not more:
                        return answer, True
                    answer += more
            except TimeoutError:
                return answer, False
            except (ssl.SSLError, ConnectionError):
                return answer, True


HEAD = b"GET /healthz HTTP/1.1\r\nHost: hub\r\n"
SMUGGLED = {
    "cl and te": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two cl": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two equal cl": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "cl list": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc",
    "cl plus": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
    "cl hex": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc",
    "cl minus": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\nabc",
    "cl huge": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
    "te xchunked": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\nabcd",
    "te chunked": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n",
    "te twice": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
    "te with blank": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "te with vtab": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "no length": b"POST /api/v1/enrol HTTP/1.1\r\nHost: h\r\n\r\n",
    "get with body": HEAD + b"Content-Length: 4\r\n\r\nabcd",
    "folded": HEAD + b"X: a\r\n b\r\n\r\n",
    "folded with tab": HEAD + b"X: a\r\n\tb\r\n\r\n",
    "first field folded": b"GET /healthz HTTP/1.1\r\n X: y\r\nHost: hub\r\n\r\n",
    "bare lf": b"GET /healthz HTTP/1.1\nHost: hub\n\n",
    "bare lf in one field": HEAD + b"X: a\nY: b\r\n\r\n",
    "bare lf at the end": HEAD + b"X: a\r\n\n",
    "bare cr": HEAD + b"X: a\rY: b\r\n\r\n",
    "blank before colon": b"GET /healthz HTTP/1.1\r\nHost : hub\r\n\r\n",
    "empty name": HEAD + b": x\r\n\r\n",
    "no colon": HEAD + b"X\r\n\r\n",
    "name with blank": HEAD + b"X Y: z\r\n\r\n",
    "name with brackets": HEAD + b"X[]: z\r\n\r\n",
    "name with high byte": HEAD + b"X\xff: z\r\n\r\n",
    "nul in value": HEAD + b"X: a\0b\r\n\r\n",
    "nul in name": HEAD + b"X\0Y: a\r\n\r\n",
    "nul in path": b"GET /healthz\0x HTTP/1.1\r\nHost: hub\r\n\r\n",
    "control in value": HEAD + b"X: a\x01b\r\n\r\n",
    "absolute form": b"GET http://other/healthz HTTP/1.1\r\nHost: hub\r\n\r\n",
    "authority form": b"CONNECT hub:443 HTTP/1.1\r\nHost: hub\r\n\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\nHost: hub\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "version 1.0": b"GET /healthz HTTP/1.0\r\nHost: hub\r\n\r\n",
    "version 0.9": b"GET /healthz\r\n\r\n",
    "version 2.0": b"GET /healthz HTTP/2.0\r\nHost: hub\r\n\r\n",
    "version 1.1x": b"GET /healthz HTTP/1.1x\r\nHost: hub\r\n\r\n",
    "two blanks": b"GET  /healthz HTTP/1.1\r\nHost: hub\r\n\r\n",
    "blank in path": b"GET /healthz x HTTP/1.1\r\nHost: hub\r\n\r\n",
    "tab as blank": b"GET\t/healthz\tHTTP/1.1\r\nHost: hub\r\n\r\n",
    "fragment": b"GET /healthz#x HTTP/1.1\r\nHost: hub\r\n\r\n",
    "backslash": b"GET /\\healthz HTTP/1.1\r\nHost: hub\r\n\r\n",
    "high byte in path": b"GET /h\xffz HTTP/1.1\r\nHost: hub\r\n\r\n",
    "method with bracket": b"GE(T /healthz HTTP/1.1\r\nHost: hub\r\n\r\n",
    "101 fields": HEAD + b"".join(b"X%d: y\r\n" % i for i in range(101)) + b"\r\n",
    "32 KiB of fields": HEAD + b"X: " + b"a" * 32768 + b"\r\n\r\n",
    "parameter twice": b"GET /healthz?a=1&a=2 HTTP/1.1\r\nHost: hub\r\n\r\n",
    "bad escape": b"GET /healthz?a=%zz HTTP/1.1\r\nHost: hub\r\n\r\n",
    "nul escape": b"GET /healthz?a=%00 HTTP/1.1\r\nHost: hub\r\n\r\n",
    "two authorizations": HEAD + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
}


@test
def what_two_servers_could_read_in_two_ways_is_refused_and_closed(scratch):
    hub = Hub(scratch / "hub").start()
    follow = b"GET /readyz HTTP/1.1\r\nHost: hub\r\n\r\n"
    bad = []
    for name, request in SMUGGLED.items():
        answer, closed = raw(hub, request + follow, timeout=3)
        statuses = [line.split()[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        statuses = [s for s in statuses if s != b"100"]
        # 400 (or 413, 431 for size, or no answer at all), and never an answer to what follows. What libmicrohttpd 0.9.75
        # refuses by itself has its head twice.
        if not closed or len(set(statuses)) > 1 or any(s not in (b"400", b"405", b"413", b"431", b"505") for s in statuses) \
                or b"ready\n" in answer:
            bad.append((name, statuses, closed, answer[-80:]))
    assert not bad, "\n".join(map(str, bad))
    answer, _ = raw(hub, HEAD + b"\r\n" + follow, timeout=1)
    eq([answer.count(b"HTTP/1.1 200"), b"ok\n" in answer, b"ready\n" in answer], [2, True, True])
    hub.stop()


@test
def every_answer_has_the_security_headers(scratch):
    hub = Hub(scratch / "hub").start()
    token = hub.token()
    for path in ("/healthz", "/api/v1/status", "/nothing", "/api/v1/observations", "/api/v1/findings"):
        _, headers, _ = hub.client(token).get(path)
        assert "default-src 'none'" in headers["Content-Security-Policy"] and "frame-ancestors 'none'" in \
            headers["Content-Security-Policy"]
        eq(headers["X-Content-Type-Options"], "nosniff")
        eq(headers["Referrer-Policy"], "no-referrer")
        assert headers["Cache-Control"] == ("private, no-cache" if "ETag" in headers else "no-store"), headers
        assert "max-age" in headers["Strict-Transport-Security"]
    hub.stop()


@test
def old_tls_and_plain_http_get_nothing(scratch):
    hub = Hub(scratch / "hub").start()
    host, port = hub.url[8:].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = b""
        try:
            answer = plain.recv(4096)
        except ConnectionError:
            pass
        assert b"HTTP" not in answer, answer
    for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1):
        context = hub.tls()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        try:
            with socket.create_connection((host, int(port)), timeout=10) as plain:
                context.wrap_socket(plain, server_hostname=host)
            raise AssertionError(f"{version} was taken")
        except (ssl.SSLError, ConnectionError):
            pass
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = hub.tls()
        context.minimum_version = context.maximum_version = version
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            context.wrap_socket(plain, server_hostname=host).close()
    hub.stop()


@test
def slow_heads_are_cut_off_and_others_are_served(scratch):
    hub = Hub(scratch / "hub").start()
    host, port = hub.url[8:].rsplit(":", 1)
    slow = []
    for i in range(20):
        plain = socket.create_connection((host, int(port)), timeout=30)
        slow.append(hub.tls().wrap_socket(plain, server_hostname=host) if i % 2 else plain)
    begun = time.monotonic()
    ended = set()
    while len(ended) < len(slow) and time.monotonic() - begun < 20:
        for i, stream in enumerate(slow):
            if i in ended:
                continue
            try:
                stream.sendall(b"X" if i % 2 else b"\x16")
            except (ConnectionError, ssl.SSLError, OSError):
                ended.add(i)
        time.sleep(0.5)
    took = time.monotonic() - begun
    assert len(ended) == len(slow) and 7 < took < 18, (len(ended), took)
    eq(hub.client(None).get("/healthz")[0], 200)
    for stream in slow:
        stream.close()
    hub.stop()


@test
def ends_at_every_byte_of_a_handshake_or_head_harm_nothing(scratch):
    hub = Hub(scratch / "hub").start()
    host, port = hub.url[8:].rsplit(":", 1)
    out = ssl.MemoryBIO()
    try:
        hub.tls().wrap_bio(ssl.MemoryBIO(), out, server_hostname=host).do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = out.read()
    assert len(hello) > 200
    for n in range(0, len(hello) + 1, 3):
        with connect_from(f"{host}:{port}", f"127.0.2.{1 + n % 200}") as plain:
            plain.sendall(hello[:n])
    for n in range(0, len(HEAD), 4):
        with connect_from(f"{host}:{port}", f"127.0.3.{1 + n % 200}") as plain:
            with hub.tls().wrap_socket(plain, server_hostname=host) as stream:
                stream.sendall(HEAD[:n])
    eq(hub.client(None).get("/healthz")[0], 200)
    eq(hub.process.poll(), None)
    assert cpu_of(hub.process.pid) < 30
    hub.stop()


@test
def every_route_asks_every_caller_for_what_it_declares(scratch):
    hub = Hub(scratch / "hub").start()
    admin = hub.token()
    dead = hub.token()
    selector = [t["selector"] for t in json.loads(run("token", "list", hub.dir)[1])["tokens"]][1]
    run("token", "revoke", hub.dir, selector)
    enrol = run("sensor", "enrol", hub.dir, "s1")[1].strip().split(".")[0]
    open_to_all = {"/healthz": 200, "/readyz": 200, "/api/v1/openapi.yaml": 200}
    guarded = {"/metrics": 200, "/api/v1/status": 200, "/api/v1/sensors": 200, "/api/v1/findings": 200,
               "/api/v1/observations": 200}
    for path, status in {**open_to_all, **guarded}.items():
        for name, token in (("nobody", None), ("revoked", dead), ("enrolment", enrol), ("admin", admin)):
            want = status if path in open_to_all or name == "admin" else 401
            eq((path, name, hub.client(token).get(path)[0]), (path, name, want))
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            headers = {"Content-Length": "0"} if method == "POST" else {}
            eq((path, method, hub.client(admin).get(path, method=method, headers=headers)[0]), (path, method, 405))
    for path in ("/local/v1/tokens", "/local/v1/token-create?role=admin&name=x&days=1", "/local/v1/acked"):
        eq(hub.client(admin).get(path)[0], 404)  # commands are not for the network, whoever asks
    eq(hub.client(None).get("/api/v1/enrol")[0], 405)
    eq(hub.client(None).get("/api/v1/enrol", method="POST", body=b"nothing")[0], 400)
    eq(hub.client(None).get("/api/v1/enrol", method="POST", body=b"x" * 40000)[0], 413)
    hub.stop()


@test
def the_socket_is_for_the_hubs_user_alone(scratch):
    if os.geteuid() != 0:
        raise Skip("needs root to be somebody else")
    hub = Hub(scratch / "hub").start()
    os.chmod(scratch, 0o755)
    os.chmod(hub.dir, 0o755)
    os.chmod(hub.dir / "admin.sock", 0o666)  # as if somebody had opened it
    ask = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
           "s.sendall(b'GET /local/v1/tokens HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n'); print(s.recv(99).split()[1].decode())")
    done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", ask, hub.dir / "admin.sock"],
                          capture_output=True, text=True, check=False)
    if done.returncode and "setpriv" in done.stderr:
        raise Skip(done.stderr.strip())
    eq(done.stdout.strip(), "403")
    hub.stop()


@test
def connections_of_one_source_are_limited_and_a_closed_one_makes_room(scratch):
    hub = Hub(scratch / "hub").start()
    host, port = hub.url[8:].rsplit(":", 1)
    held = [socket.create_connection((host, int(port)), timeout=5) for _ in range(64)]
    time.sleep(0.5)
    try:
        hub.client(None).get("/healthz")
        raise AssertionError("the 65th connection of one source was served")
    except (ConnectionError, ssl.SSLError, OSError):
        pass
    for one in held:
        one.close()
    time.sleep(0.5)
    eq(hub.client(None).get("/healthz")[0], 200)
    hub.stop()


@test
def metrics_pass_promtool(scratch):
    if not shutil.which("promtool"):
        raise Skip("promtool is not there (Debian package prometheus)")
    hub = Hub(scratch / "hub").start()
    status, headers, text = hub.client(hub.token()).get("/metrics")
    eq(status, 200)
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    eq((done.returncode, done.stdout + done.stderr), (0, b""))
    hub.stop()


@test
def the_openapi_file_names_every_route(scratch):
    hub = Hub(scratch / "hub").start()
    _, _, text = hub.client(None).get("/api/v1/openapi.yaml")
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.yaml", "/api/v1/status", "/api/v1/sensors",
                 "/api/v1/findings", "/api/v1/observations", "/api/v1/enrol"):
        assert f"\n  {path}:\n".encode() in text, path
    hub.stop()


# ---- imports, pages ----

@test
def an_import_is_whole_repeatable_and_paged_without_gap_or_repeat(scratch):
    hub = Hub(scratch / "hub").start()
    hour = generate(scratch / "a.pcap", "4m")
    client = hub.client(hub.token())
    run("hub", "import", hub.dir, hour, "--sensor", "old", "--net", hub_lib.NET)
    hub.settle()
    want = sum(rows for _, rows in batches_of(hour, scratch))
    once, _ = client.observations("limit=1000000")
    eq(len(once), want)
    paged, cursor = client.observations("limit=777")
    eq(paged, once)
    eq(len(set(once)), len(set(paged)))
    said = run("hub", "import", hub.dir, hour, "--sensor", "old", "--net", hub_lib.NET)[2]
    assert "nothing changed" in said, said
    eq(hub.stop(), 0)
    said = run("hub", "import", hub.dir, hour, "--sensor", "old", "--net", hub_lib.NET)[2]
    assert "nothing changed" in said, said
    other = generate(scratch / "b.pcap", "2m", seed=2)
    run("hub", "import", hub.dir, other, "--sensor", "old", "--net", hub_lib.NET)  # while no hub runs
    hub.start()
    hub.settle()
    client = hub.client(client.token)
    more, _ = client.observations("limit=1000", after=cursor)
    eq(len(more), sum(rows for _, rows in batches_of(other, scratch)))
    hub.stop()


@test
def findings_are_the_same_after_a_restart_and_told_once(scratch):
    hub = Hub(scratch / "hub", settings="engine:\n  snapshot_s: 1\n").start()
    token = hub.token()
    run("hub", "import", hub.dir, generate(scratch / "a.pcap", "6m"), "--sensor", "old", "--net", hub_lib.NET)
    hub.settle()
    time.sleep(1)
    first, cursor = hub.client(token).findings("revisions=all&limit=50")
    assert len(first) > 10, len(first)
    eq(len({(f["id"], f["revision"]) for f in first}), len(first))
    eq([f["sequence"] for f in first], sorted(f["sequence"] for f in first))
    for how in ("stop", "kill", "no snapshot"):
        if how == "kill":
            hub.kill()
        else:
            hub.stop()
        if how == "no snapshot":
            shutil.rmtree(hub.dir / "snapshots")
            shutil.rmtree(hub.dir / "store")
        hub.start()
        hub.settle()
        time.sleep(0.6)
        eq(hub.client(token).findings("revisions=all&limit=1000")[0], first)
        eq(hub.client(token).findings("revisions=all", after=cursor)[0], [])
    hub.stop()


@test
def a_forged_cursor_or_unknown_word_is_refused(scratch):
    hub = Hub(scratch / "hub").start()
    client = hub.client(hub.token())
    good = client.json("/api/v1/findings")["next"]
    forged = good[:5] + ("0" if good[5] != "0" else "1") + good[6:]
    for path in (f"/api/v1/findings?since={forged}", f"/api/v1/observations?cursor={good}", "/api/v1/findings?since=x",
                 "/api/v1/findings?stat=new", "/api/v1/observations?limit=0", "/api/v1/observations?limit=-1",
                 "/api/v1/observations?limit=99999999999999999999", "/api/v1/observations?since=yesterday",
                 "/api/v1/observations?src=1.2.3", "/api/v1/observations?port=65536", "/api/v1/observations?sensor=none"):
        status, _, text = client.get(path)
        eq((path, status), (path, 400))
        assert "detail" in json.loads(text)
    eq(client.get(f"/api/v1/findings?since={good}")[0], 200)
    hub.stop()


# ---- sensors ----

@test
def batches_are_acknowledged_once_and_kept_once(scratch):
    hub = Hub(scratch / "hub").start()
    sensor = WireSensor(hub, scratch / "s")
    payload, rows = batches_of(generate(scratch / "a.pcap", "5s", start=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())),
                               scratch)[0]
    eq(sensor.connect(), 0)
    for seq in range(1, 21):
        sensor.send_batch(seq, payload)
    sensor.wait_ack(20)
    sensor.close()
    eq(sensor.connect(), 20)
    for seq in range(11, 26):  # ten of them again
        sensor.send_batch(seq, payload, previous=sensor.digest[seq - 1])
    sensor.wait_ack(25)
    eq(hub.acked(), {sensor.uuid: (sensor.epoch, 25)})
    hub.settle()
    eq(len(hub.client(hub.token()).observations("limit=1000000")[0]), 25 * rows)
    hub.stop()
    eq(hub.acked(), {sensor.uuid: (sensor.epoch, 25)})  # from the journal


@test
def a_revoked_sensor_is_cut_off_and_stays_out(scratch):
    hub = Hub(scratch / "hub").start()
    sensor = WireSensor(hub, scratch / "s")
    sensor.connect()
    run("sensor", "revoke", hub.dir, "wire-1")
    begun = time.monotonic()
    try:
        while True:
            kind, body = sensor.receive()
            if kind == hub_lib.TYPES["REFUSE"]:
                eq(body[0], 3)
    except (ConnectionError, ssl.SSLError, TimeoutError):
        pass
    assert time.monotonic() - begun < 60
    try:
        sensor.connect()
        raise AssertionError("a revoked sensor came in")
    except (ConnectionError, ssl.SSLError):
        pass
    hub.stop()


@test
def an_enrolment_token_is_spent_by_use(scratch):
    hub = Hub(scratch / "hub").start()
    code = run("sensor", "enrol", hub.dir, "s1")[1].strip()
    first = subprocess.run([hub_lib.SENSOR, "join", "--dir", scratch / "a", hub.url, code], capture_output=True, check=False)
    second = subprocess.run([hub_lib.SENSOR, "join", "--dir", scratch / "b", hub.url, code], capture_output=True, check=False)
    eq((first.returncode, second.returncode), (0, 1))
    hub.stop()


# ---- disks, descriptors, clocks ----

def with_tmpfs(scratch, size, act):
    if os.geteuid() != 0:
        raise Skip("needs root to mount a tmpfs")
    where = scratch / "disk"
    where.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", where], check=False, capture_output=True).returncode:
        raise Skip("no tmpfs can be mounted here")
    try:
        act(where)
    finally:
        for process in hub_lib.LIVE:
            if process.poll() is None:
                process.kill()
                process.wait()
        subprocess.run(["umount", "-l", where], check=False)


SMALL = "journal:\n  segment_mib: 1\n  reserve_mib: 2\nstore:\n  enabled: false\n"


@test
def a_full_disk_refuses_new_data_answers_reads_and_recovers(scratch):
    payload = batches_of(generate(scratch / "a.pcap", "90s"), scratch)[0][0]

    def act(disk):
        hub = Hub(disk / "hub", settings=SMALL).start()
        token = hub.token()
        sensor = WireSensor(hub, scratch / "s")
        sensor.connect()
        filler = disk / "filler"
        seq = 0
        for seq in range(1, 4):
            sensor.send_batch(seq, payload)
        sensor.wait_ack(3)
        with open(filler, "wb") as out:
            try:
                while True:
                    out.write(b"x" * 65536)
                    out.flush()
            except OSError:
                pass
        refused = False
        try:
            for seq in range(4, 60):
                sensor.send_batch(seq, payload)
                sensor.wait_ack(seq)
        except ConnectionError as why:
            refused = "REFUSE 2" in str(why)
        except TimeoutError:
            refused = True
        assert refused, "never refused"
        told = sensor.acked
        eq(hub.client(token).get("/api/v1/status")[0], 200)
        eq(hub.client(token).get("/api/v1/findings")[0], 200)
        eq(hub.client(None).get("/readyz")[0], 507)
        filler.unlink()
        end = time.monotonic() + 30
        while time.monotonic() < end and hub.client(None).get("/readyz")[0] != 200:
            time.sleep(0.3)
        sensor.close()
        sensor.acked = told
        have = sensor.connect()
        assert have >= told, (have, told)
        for seq in range(have + 1, have + 6):
            sensor.send_batch(seq, payload)
        sensor.wait_ack(have + 5)
        eq(hub.stop(), 0)
        eq(hub.acked()[sensor.uuid][1], have + 5)

    with_tmpfs(scratch, "24m", act)


def with_ext4(scratch, act):
    """A small file system of its own that can be broken."""
    if os.geteuid() != 0:
        raise Skip("needs root to mount a file system")
    image, where = scratch / "image", scratch / "disk"
    where.mkdir()
    with open(image, "wb") as out:
        out.truncate(256 << 20)
    for words in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop,errors=remount-ro", image, where]):
        if not shutil.which(words[0]) or subprocess.run(words, check=False, capture_output=True).returncode:
            raise Skip(f"{words[0]} does not work here")
    try:
        act(image, where)
    finally:
        for process in hub_lib.LIVE:
            if process.poll() is None:
                process.kill()
                process.wait()
        subprocess.run(["umount", where], check=False)


def feed_until_it_ends(hub, sensor, payload):
    sensor.connect()
    sensor.send_batch(1, payload)
    sensor.wait_ack(1)
    yield
    try:
        for seq in range(2, 400):
            sensor.send_batch(seq, payload)
            sensor.wait_ack(seq)
        raise AssertionError("it goes on acknowledging")
    except (ConnectionError, TimeoutError, ssl.SSLError):
        pass
    eq(hub.process.wait(30), 1)
    assert "nothing is acknowledged any more" in hub.words(), hub.words()[-400:]


@test
def a_disk_turned_read_only_ends_acknowledging_with_words(scratch):
    payload = batches_of(generate(scratch / "a.pcap", "90s"), scratch)[0][0]

    def act(image, disk):
        device = subprocess.run(["findmnt", "-no", "SOURCE", disk], capture_output=True, text=True, check=True).stdout.strip()
        trigger = f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error"
        if not os.access(trigger, os.W_OK):
            raise Skip("this kernel has no trigger_fs_error")
        hub = Hub(disk / "hub", settings=SMALL)
        hub.log = scratch / "hub.log"
        hub.start()
        sensor = WireSensor(hub, scratch / "s")
        steps = feed_until_it_ends(hub, sensor, payload)
        next(steps)
        with open(trigger, "w", encoding="ascii") as out:
            out.write("1")
        assert next(steps, None) is None
        hub.process.stdout.close()
        subprocess.run(["umount", disk], check=True)
        subprocess.run(["e2fsck", "-fy", image], check=False, capture_output=True)
        subprocess.run(["mount", "-o", "loop", image, disk], check=True)
        told = sensor.acked
        assert hub.start() and sensor.connect() >= told
        hub.stop()

    with_ext4(scratch, act)


@test
def a_disk_that_dies_with_what_was_not_synced_loses_nothing_acknowledged(scratch):
    import fcntl
    import struct
    payload = batches_of(generate(scratch / "a.pcap", "90s"), scratch)[0][0]

    def act(image, disk):
        hub = Hub(disk / "hub", settings=SMALL)
        hub.log = scratch / "hub.log"
        sensor = None
        for _ in range(3):
            hub.start()
            sensor = sensor or WireSensor(hub, scratch / "s")
            have = sensor.connect()
            assert have >= sensor.acked, (have, sensor.acked)
            for seq in range(have + 1, have + 30):
                sensor.send_batch(seq, payload)
            sensor.wait_ack(have + 5)
            fd = os.open(disk, os.O_RDONLY)
            # As if the power went: the hub first, so that it cannot acknowledge what an fdatasync says that runs into the
            # shutdown of the file system (its aborted log counts as committed for who comes a moment later).
            hub.process.send_signal(signal.SIGSTOP)
            try:  # EXT4_IOC_SHUTDOWN without flushing its log
                fcntl.ioctl(fd, 0x8004587D, struct.pack("I", 2))
            except OSError as why:
                raise Skip(f"no EXT4_IOC_SHUTDOWN: {why}") from why
            finally:
                os.close(fd)
            try:  # what it said before
                sensor.socket.settimeout(0.3)
                sensor.wait_ack(have + 29)
            except (ConnectionError, TimeoutError, ssl.SSLError):
                pass
            hub.kill()
            subprocess.run(["umount", disk], check=True)
            subprocess.run(["mount", "-o", "loop", image, disk], check=True)
        hub.start()
        assert sensor.connect() >= sensor.acked
        hub.stop()

    with_ext4(scratch, act)


def connect_from(where, source):
    host, port = where.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=2, source_address=(source, 0))


@test
def without_descriptors_the_hub_waits_and_goes_on(scratch):
    hub = Hub(scratch / "hub", settings="store:\n  enabled: false\n")
    hub.start(prefix=("prlimit", "--nofile=360:360"))
    sensor = WireSensor(hub, scratch / "s")
    payload = batches_of(generate(scratch / "a.pcap", "30s"), scratch)[0][0]
    sensor.connect()
    sensor.send_batch(1, payload)
    sensor.wait_ack(1)
    held = []
    for i in range(400):
        try:
            held.append(connect_from(hub.url[8:] if i % 2 else hub.ingest, f"127.0.1.{1 + i // 20}"))
        except OSError:
            break
    for seq in range(2, 8):  # who is in goes on
        sensor.send_batch(seq, payload)
    sensor.wait_ack(7)
    cpu = cpu_of(hub.process.pid)
    time.sleep(2)
    assert cpu_of(hub.process.pid) - cpu < 1.0, "it spins"
    for one in held:
        one.close()
    time.sleep(1)
    eq(hub.client(None).get("/healthz")[0], 200)
    eq(hub.stop(), 0)


def cpu_of(pid):
    fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@test
def strange_clocks_do_not_stop_it(scratch):
    library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
    if not os.path.exists(library):
        raise Skip("libfaketime is not there")
    hub = Hub(scratch / "hub", settings="store:\n  enabled: false\n")
    hour = generate(scratch / "a.pcap", "1m")
    uuid = None
    for clock in ("@2027-01-01 00:00:00", "@2030-06-30 23:59:59", "@2035-12-31 23:59:59"):
        hub.start(env={"LD_PRELOAD": library, "FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        status = hub.status()
        uuid = uuid or status["uuid"]
        eq(status["uuid"], uuid)
        assert clock[1:5] == status["now"][:4], status["now"]
        run("hub", "import", hub.dir, hour, "--sensor", "old", "--net", hub_lib.NET)
        eq(hub.stop(), 0)
    hub.start()  # back to now: the journal's stamps are ahead, nothing breaks
    eq(hub.status()["uuid"], uuid)
    eq(hub.stop(), 0)


# ---- ends ----

@test
def twenty_kills_lose_nothing_and_double_nothing(scratch):
    done = subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "kill_hub.py"), "20", "--dir", scratch],
                          capture_output=True, text=True, check=False, timeout=280)
    last = (done.stdout.splitlines() or [""])[-1]
    assert done.returncode == 0, done.stdout[-800:] + done.stderr[-800:]
    assert last.startswith("kills 20 ") and last.endswith(" lost 0 doubled 0"), last


@test
def the_audit_chain_is_whole_and_says_who(scratch):
    hub = Hub(scratch / "hub").start()
    hub.token()
    run("sensor", "enrol", hub.dir, "s1")
    run("sensor", "revoke", hub.dir, "s1")
    hub.stop()
    import sqlite3
    with sqlite3.connect(f"file:{hub.dir}/registry.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT actor, action FROM audit ORDER BY sequence").fetchall()
    eq([action for _, action in rows], ["hub.init", "member.add", "token.create", "sensor.add", "sensor.invite", "sensor.revoke"])
    eq({actor for actor, _ in rows[2:]}, {f"uid:{os.getuid()}"})


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    if not NOROSHI.exists():
        print(f"1..0 # SKIP {NOROSHI} is not built")
    else:
        hub_lib.main(TESTS)

# SPDX-License-Identifier: Apache-2.0
"""A real hub on loopback, its API, and a sensor that speaks the wire byte by byte, for the tests beside this file."""
import hashlib
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.parse

BUILD = pathlib.Path(os.environ.get("NOROSHI_BUILD_ROOT", "build"))
NOROSHI = BUILD / "noroshi"
SENSOR = BUILD / "noroshi-sensor"
NET = "198.18.0.0/22"
TYPES = {"HELLO": 1, "WELCOME": 2, "BATCH": 3, "GAP": 4, "BEAT": 5, "BEAT_BACK": 6, "ACK": 7, "REFUSE": 8}


def clean_env(**more):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "NOROSHI_"))}
    return {**keep, "LC_ALL": "C.UTF-8", **more}


def run(*words, ok=True, env=None, timeout=120):
    done = subprocess.run([NOROSHI, *map(str, words)], capture_output=True, timeout=timeout, check=False,
                          env=clean_env(**(env or {})))
    if ok and done.returncode != 0:
        raise AssertionError(f"noroshi {' '.join(map(str, words))}: {done.returncode}: {done.stderr.decode()}")
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Hub:
    """The hub of a directory; start() as often as one likes."""

    def __init__(self, directory, settings="", init=True):
        self.dir = pathlib.Path(directory)
        self.process = None
        self.url = self.ingest = None
        self.log = self.dir.parent / (self.dir.name + ".log")
        if init:
            run("hub", "init", self.dir)
        if settings:
            (self.dir / "hub.yaml").write_text(settings)

    def start(self, wait=True, env=None, prefix=(), listen="127.0.0.1:0", ingest="127.0.0.1:0"):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [*prefix, NOROSHI, "hub", "run", self.dir, "--listen", listen, "--ingest", ingest],
                stdout=subprocess.PIPE, stderr=log, env=clean_env(**(env or {})))
        LIVE.append(self.process)
        if wait:
            line = self.process.stdout.readline().decode().strip()
            if not line.startswith("https://"):
                raise AssertionError(f"no URL but {line!r}; {self.process.wait()}: {self.words()[-600:]}")
            self.url = line
            ports = dict(row.split(" ", 1) for row in (self.dir / "ports").read_text().splitlines())
            self.ingest = ports["ingest"]
        return self

    def stop(self, timeout=30):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout)
        self.process.stdout.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def words(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def token(self):
        return run("token", "create", self.dir, "--role", "admin")[1].strip()

    def status(self):
        return json.loads(run("hub", "status", self.dir)[1])

    def acked(self):
        rows = [line.split() for line in run("hub", "acked", self.dir)[1].splitlines()]
        return {sensor: (int(epoch), int(seq)) for sensor, epoch, seq in rows}

    def settle(self, timeout=60):
        """Until engine and store have seen all of the journal."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            status = self.status()
            behind = [status[part]["behind"] for part in ("engine", "store") if part in status]
            if not any(behind) and status["journal"]["waiting_bytes"] == 0:
                return status
            time.sleep(0.1)
        raise AssertionError(f"not caught up: {status}")

    def tls(self):
        context = ssl.create_default_context(cafile=str(self.dir / "keys" / "authority.pem"))
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        return context

    def client(self, token=None):
        return Client(self, token)


class Client:
    """The API with one connection."""

    def __init__(self, hub, token=None):
        where = urllib.parse.urlsplit(hub.url)
        self.connection = http.client.HTTPSConnection(where.hostname, where.port, context=hub.tls(), timeout=60)
        self.token = token

    def get(self, path, method="GET", headers=None, body=None):
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        self.connection.request(method, path, headers=headers, body=body)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, dict(answer.getheaders()), text

    def json(self, path):
        status, _, text = self.get(path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {text[:300]}")
        return json.loads(text)

    def observations(self, query="", after=""):
        """All pages behind a cursor. Returns rows and the last cursor."""
        rows, cursor = [], f"&cursor={after}" if after else ""
        while True:
            status, _, text = self.get(f"/api/v1/observations?{query}{cursor}")
            if status != 200:
                raise AssertionError(f"{status} {text[:300]}")
            lines = text.decode().splitlines()
            page = json.loads(lines[-1])
            if page["record"] != "page" or page["observations"] != len(lines) - 1:
                raise AssertionError(f"broken off: {lines[-1][:200]}")
            rows += lines[:-1]
            cursor = f"&cursor={page['next']}"
            if not page["more"]:
                return rows, page["next"]

    def findings(self, query="", after=""):
        rows, cursor = [], f"&since={after}" if after else ""
        while True:
            page = self.json(f"/api/v1/findings?{query}{cursor}")
            rows += page["findings"]
            cursor = f"&since={page['next']}"
            if not page["more"]:
                return rows, page["next"]


class WireSensor:
    """An enrolled sensor whose batches we make ourselves."""

    def __init__(self, hub, directory, name="wire-1"):
        self.hub = hub
        self.dir = pathlib.Path(directory)
        code = run("sensor", "enrol", hub.dir, name)[1].strip()
        done = subprocess.run([SENSOR, "join", "--dir", self.dir, hub.url, code], capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode())
        identity = (self.dir / "keys" / "identity.pem").read_text()
        self.uuid = next(line.split()[1] for line in identity.splitlines() if line.startswith("sensor "))
        pem = self.dir / "client.pem"
        pem.write_text(identity[identity.index("-----BEGIN"):])
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_verify_locations(str(hub.dir / "keys" / "authority.pem"))
        self.context.load_cert_chain(str(pem))
        self.socket = None
        self.buffer = b""
        self.digest = {0: bytes(32)}
        self.epoch = int(time.time())
        self.acked = 0  # what we were told

    def send(self, kind, body):
        self.socket.sendall(struct.pack("<IBBH", len(body), 1, TYPES[kind], 0) + body)

    def receive(self):
        """The next message: (type, body)."""
        while len(self.buffer) < 8 or len(self.buffer) < 8 + struct.unpack_from("<I", self.buffer)[0]:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the hub ended the session")
            self.buffer += more
        size, _, kind, _ = struct.unpack_from("<IBBH", self.buffer)
        body, self.buffer = self.buffer[8:8 + size], self.buffer[8 + size:]
        return kind, body

    def connect(self, timeout=10):
        host, port = self.hub.ingest.rsplit(":", 1)
        self.buffer = b""
        plain = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket = self.context.wrap_socket(plain, server_hostname=host)
        self.send("HELLO", struct.pack("<QQq", self.epoch, self.acked + 1, time.time_ns()) + b"test 1")
        kind, body = self.receive()
        if kind != TYPES["WELCOME"]:
            raise ConnectionError(f"no WELCOME but {kind}: {body!r}")
        epoch, seq = struct.unpack_from("<QQ", body)
        return seq if epoch == self.epoch else 0

    def send_batch(self, seq, payload, previous=None):
        previous = self.digest[seq - 1] if previous is None else previous
        head = struct.pack("<QQ", self.epoch, seq) + previous
        self.digest[seq] = hashlib.blake2b(head + payload, digest_size=32).digest()
        self.send("BATCH", head + struct.pack("<q", time.time_ns()) + payload)

    def wait_ack(self, seq):
        while self.acked < seq:
            kind, body = self.receive()
            if kind == TYPES["ACK"]:
                epoch, got = struct.unpack_from("<QQ", body)
                if epoch != self.epoch:
                    raise AssertionError(f"ACK of epoch {epoch} seq {got}")
                self.acked = max(self.acked, got)  # of a repeat its own number comes back
            elif kind == TYPES["REFUSE"]:
                raise ConnectionError(f"REFUSE {body[0]}: {body[21:]!r}")

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def batches_of(pcap, scratch, *words):
    """The batches of a capture, as (payload, number of observations): docs/internals/batch.md."""
    flows = pathlib.Path(scratch) / (pathlib.Path(pcap).name + ".flows")
    run("observe", pcap, "--net", NET, "--prefixes", "none", "--benign", "none", "--json", "--only", "findings",
        "--write-flows", flows, *words)
    data, out = flows.read_bytes()[16:], []
    while data:
        body, rows = struct.unpack_from("<II", data, 12)
        out.append((data[:48 + body], rows))
        data = data[48 + body:]
    return out


def generate(path, duration, seed=1, start="2026-01-05T00:00:00Z", scenario="sample", net=NET):
    run("lab", "generate", "-s", scenario, "-n", net, "--duration", duration, "--seed", seed, "--start", start, "--out", path)
    return path


# ---- TAP ----

class Skip(Exception):
    pass


def main(tests):
    import tempfile
    import traceback

    only = sys.argv[1:]
    chosen = [t for t in tests if not only or any(word in t.__name__ for word in only)]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for i, one in enumerate(chosen, 1):
        name = one.__name__
        with tempfile.TemporaryDirectory(prefix="nrhub_") as scratch:
            try:
                one(pathlib.Path(scratch))
                print(f"ok {i} - {name}", flush=True)
            except Skip as why:
                print(f"ok {i} - {name} # SKIP {why}", flush=True)
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {i} - {name}", flush=True)
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}", flush=True)
            finally:
                for process in LIVE:
                    if process.poll() is None:
                        process.kill()
                        process.wait()
                LIVE.clear()
    sys.exit(1 if failed else 0)


LIVE = []  # processes to end after a test, whatever happened

# SPDX-License-Identifier: Apache-2.0
"""A hub with several members: users, tokens of every role, and findings that stand in its registry, for the tests beside this file."""
import datetime
import json
import socket
import sqlite3
import uuid

from hub_lib import Hub, run

ROLES = ("viewer", "analyst", "coordinator", "admin")
OPEN_RATES = "api:\n  rate: 100000\n  burst: 100000\n"
NS = 10**9


def moment(ns):
    return datetime.datetime.fromtimestamp(ns / NS, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Member:
    def __init__(self, name, number):
        self.name = name
        self.uuid = uuid.UUID(int=0xA0000000000040008000000000000000 + number)
        self.users = {role: uuid.UUID(int=0xB0000000000040008000000000000000 + number * 16 + i) for i, role in enumerate(ROLES)}
        self.tokens = {}


class World:
    """`names` are members beside the one that runs the hub, each with a user and a token of each role. The first holds
    192.0.2.0/24 and 2001:db8::/32, each other the lower half of what the one before it has: all hold 192.0.2.7 and 2001:db8::7."""

    def __init__(self, scratch, names=("alfa", "bravo", "charlie"), settings=OPEN_RATES):
        self.hub = Hub(scratch / "hub", settings=settings)
        self.members = {name: Member(name, i + 1) for i, name in enumerate(names)}
        self.made = {}
        self.registry = sqlite3.connect(self.hub.dir / "registry.db", isolation_level=None)
        for i, member in enumerate(self.members.values()):
            self.make_member(member, (f"192.0.2.0/{24 + i}", f"2001:db8::/{32 + i}"))
        self.operator = self.hub.token()

    def make_member(self, member, prefixes):
        sql = self.registry.execute
        sql("INSERT INTO member (uuid, name, created_ns) VALUES (?, ?, 1)", (member.uuid.bytes, member.name))
        for prefix in prefixes:
            sql("INSERT INTO member_prefix (member, prefix, since_ns) VALUES (?, ?, 1)", (member.uuid.bytes, prefix))
        for role, user in member.users.items():
            login = f"{member.name}-{role}"
            sql("INSERT INTO user (uuid, member, login, role, created_ns) VALUES (?, ?, ?, ?, 1)",
                (user.bytes, member.uuid.bytes, login, role))
            member.tokens[role] = run("token", "create", self.hub.dir, "--role", "admin", "--name", login)[1].strip()
            sql("UPDATE token SET role = ?, member = ?, user = ?, member_epoch = 1 WHERE name = ?",
                (role, member.uuid.bytes, user.bytes, login))

    def finding(self, number, subject, now_ns, detector="scan.v1", kind="campaign", asn=64500, **more):
        """One that every holder of the subject is warned of. Returns the engine's id."""
        number = f"{number:016x}"
        text = json.dumps({"record": "finding", "id": number, "detector": detector, "kind": kind, "subject": subject, "confidence": 0.9,
                           "state": "continuing", "first": moment(now_ns - 3600 * NS), "last": moment(now_ns - 60 * NS), "asn": asn,
                           "summary": "made for a test", "evidence": {}, **more})
        self.registry.execute("INSERT INTO finding (id, revision, at, made_ns, detector, state, newest, json, subject) "
                              "VALUES (?, 1, 1, ?, ?, 'new', 1, ?, ?)", (number, now_ns, detector, text, subject))
        return number

    def start(self):
        """The registry is the hub's alone from here."""
        if self.registry:
            self.registry.close()
            self.registry = None
        self.made.clear()
        self.hub.start()
        return self

    def stopped(self):
        """The registry, while no hub runs."""
        self.hub.stop()
        self.registry = sqlite3.connect(self.hub.dir / "registry.db", isolation_level=None)
        return self.registry

    def local(self, path):
        """Over the hub's own socket."""
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(str(self.hub.dir / "admin.sock"))
            end.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            text = b"".join(iter(lambda: end.recv(65536), b""))
        return json.loads(text.partition(b"\r\n\r\n")[2])

    def who(self, member, role="analyst"):
        if (member, role) not in self.made:
            token = self.operator if member == "operator" else self.members[member].tokens[role]
            self.made[member, role] = Asker(self.hub.client(token))
        return self.made[member, role]


class Asker:
    """One caller of the API."""

    def __init__(self, client):
        self.client = client

    def raw(self, method, path, body=None, headers=None, kind="application/json"):
        """(status, headers, bytes)"""
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", kind)
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
        for again in (False, True):  # an answer to a body ends the connection
            try:
                return self.client.get(path, method, headers, body)
            except (ConnectionError, OSError):
                self.client.connection.close()
                if again:
                    raise
        return None

    def ask(self, method, path, body=None, want=200, **headers):
        status, _, text = self.raw(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        if want is None and status < 300:
            want = status
        if status != want:
            raise AssertionError(f"{method} {path}: {status}, not {want}: {text[:400]}")
        return json.loads(text) if text else None

    def get(self, path, want=200):
        return self.ask("GET", path, want=want)

    def post(self, path, body=None, want=200, **headers):
        return self.ask("POST", path, body, want, **headers)

    def findings(self, query=""):
        return self.get(f"/api/v1/findings?{query}")["findings"]

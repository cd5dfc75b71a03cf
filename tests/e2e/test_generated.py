#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests made from the hub's own OpenAPI document: right ones, wrong ones, hostile ones. TAP output.

Every answer must be one that the document describes: its status, its type, its schema. None is a 500, none ends the hub.
NOROSHI_REQUESTS=100000 for more of them; NOROSHI_SEED=N for others.
"""
import json
import os
import random
import re
import sys
import time
import urllib.parse
import uuid

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import NOROSHI, Hub, Skip, generate, run

try:
    import jsonschema
    import yaml
except ImportError:
    jsonschema = yaml = None

REQUESTS = int(os.environ.get("NOROSHI_REQUESTS", "1500"))
SEED = int(os.environ.get("NOROSHI_SEED", "1"))
REFUSED_EVERY_S = 4
CUT_OFF = 4 << 10  # bytes of a body; of a longer one that is refused a client that is still sending may see the end alone
STREAMS = ("/api/v1/events",)  # never end: test_answers_http.py
HOSTILE = ("", " ", "0", "-1", "00", "1e9", "18446744073709551616", "null", "NaN", "true", "[]", "{}", "../../etc/passwd", "%00", "a" * 3000,
           "'; DROP TABLE member; --", "\" OR 1=1 --", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\x1b[2J\x07", "\u202e", "\U0001f525",
           "日本", "\r\nX-Injected: 1", "{{7*7}}", "%s%s%s%n", "0.0.0.0/0", "::/0", "::", "0.0.0.0", "255.255.255.255", "1970-01-01", "9999-12-31",
           "2106-02-07T06:28:16Z", "-99999999h", "AS0", "AS4294967296", "65536/tcp", "23/tcp", "JP", "198.18.0.0/16", "2001:db8::/32", "ports", "*")
JSON_TEXTS = ('{"a":1,"a":2}', '{"a":1,"\\u0061":2}', "[" * 100000, '{"a":' * 5000, '"\\ud800"', '{"a":"\\u0000"}', "1e999999", "9" * 100000,
              "", "{", "nul", "[1,]", "\ufeff{}", '{"a":NaN}', "{}", "[]", "null", "0", '"x"', "{" + ",".join(f'"k{i}":{i}' for i in range(20000)) + "}")


class World:
    """A hub with some data, and who may ask it."""

    def __init__(self, scratch):
        self.hub = Hub(scratch / "hub", settings="api:\n  rate: 100000\n  burst: 100000\n" if rates_are_settings(scratch) else "")
        self.hub.start()
        for i in range(3):
            run("hub", "import", self.hub.dir, generate(scratch / f"{i}.pcap", "5m", seed=i + 1), "--sensor", f"s{i}", "--net", hub_lib.NET)
        self.hub.settle()
        self.document = yaml.safe_load(self.hub.client(None).get("/api/v1/openapi.yaml")[2])
        self.resolver = jsonschema.RefResolver.from_schema(self.document)
        self.seen = {"": [str(uuid.UUID(int=0)), str(uuid.uuid4()), "0" * 32, "none"]}  # values that answers held, by member name
        self.tokens = {}
        self.clients = {}

    def client(self, role):
        if role not in self.clients:
            self.clients[role] = self.hub.client(self.token(role))
        return self.clients[role]

    def token(self, role):
        if role in ("nobody", "wrong"):
            return None if role == "nobody" else "nrt_" + "x" * 60
        status, out, _ = run("token", "create", self.hub.dir, "--role", role, "--name", f"t-{role}", ok=False)
        if status != 0:
            return None
        return out.strip()

    def again(self, role):
        self.clients.pop(role, None)


def rates_are_settings(scratch):
    run("hub", "init", scratch / "probe")
    return "rate" in (scratch / "probe" / "hub.yaml").read_text()


class Maker:
    """Values and bodies from schemas."""

    def __init__(self, world, dice):
        self.world, self.dice = world, dice

    def resolve(self, schema):
        while "$ref" in schema:
            schema = self.world.resolver.resolve(schema["$ref"])[1]
        return schema

    def known(self, name):
        pool = self.world.seen
        for key in (name, name + "s", "uuid", "id", ""):
            if pool.get(key) and self.dice.random() < 0.7:
                return self.dice.choice(pool[key])
        return self.dice.choice(pool[""])

    def value(self, schema, name="", depth=0):
        dice, schema = self.dice, self.resolve(schema)
        for many in ("oneOf", "anyOf"):
            if many in schema:
                return self.value(dice.choice(schema[many]), name, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return dice.choice(schema["enum"])
        if schema.get("examples") and dice.random() < 0.5:
            return dice.choice(schema["examples"])
        kind = schema.get("type", "string")
        if isinstance(kind, list):
            kind = dice.choice(kind)
        if kind == "integer":
            lo, hi = schema.get("minimum", 0), schema.get("maximum", 1 << 40)
            return dice.choice([lo, hi, dice.randint(lo, hi), dice.randint(lo, min(hi, lo + 50))])
        if kind == "number":
            return dice.uniform(schema.get("minimum", 0), schema.get("maximum", 1e6))
        if kind == "boolean":
            return dice.random() < 0.5
        if kind == "null":
            return None
        if kind == "array":
            return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(dice.randint(0, 3))] if depth < 6 else []
        if kind == "object":
            must = schema.get("required", [])
            return {key: self.value(its, key, depth + 1) for key, its in schema.get("properties", {}).items()
                    if key in must or dice.random() < 0.5}
        return self.text(schema, name)

    def text(self, schema, name):
        form, dice = schema.get("format"), self.dice
        if form == "uuid" or name in ("id", "uuid", "finding", "sensor", "member", "user"):
            return self.known(name)
        if form == "date-time" or name in ("since", "until", "expires"):
            return dice.choice(["2026-01-05T00:00:00Z", "2026-01-05", "1767571200", "-24h", "now", "-1h"])
        if name in ("cursor", "next", "since"):
            return self.known("next")
        return dice.choice(["x", "alice", "tokyo-1", "203.0.113.7", "198.51.100.0/24", "23/tcp", "AS64500", "JP", "why not", self.known(name)])

    def spoil(self, value):
        """A copy that is wrong somewhere."""
        dice = self.dice
        if isinstance(value, dict) and value and dice.random() < 0.8:
            copy, key = dict(value), dice.choice(list(value))
            what = dice.randrange(4)
            if what == 0:
                del copy[key]
            elif what == 1:
                copy[key] = self.spoil(copy[key])
            elif what == 2:
                copy[dice.choice(["x", "__proto__", "role", "member", "is_operator", "id"])] = dice.choice(HOSTILE)
            else:
                copy[key] = dice.choice([None, [], {}, 1.5, -1, True, "x" * 100000, 2 ** 63])
            return copy
        return dice.choice([None, [], {}, 0, -1, 2 ** 53 + 1, 1e308, True, *HOSTILE])


def remember(world, value, name=""):
    if isinstance(value, dict):
        for key, its in value.items():
            remember(world, its, key)
    elif isinstance(value, list):
        for its in value[:20]:
            remember(world, its, name)
    elif isinstance(value, str) and value and len(value) < 200:
        pool = world.seen.setdefault(name, [])
        if len(pool) < 200 and value not in pool:
            pool.append(value)


def operations(document):
    for path, item in document["paths"].items():
        if path in STREAMS:
            continue
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield path, method.upper(), operation, item.get("parameters", [])


def request(world, maker, path, method, operation, shared):
    """(path with query, headers, body)"""
    dice, query, headers, body = maker.dice, [], {}, None
    for parameter in [maker.resolve(p) for p in [*shared, *operation.get("parameters", [])]]:
        name, where = parameter["name"], parameter["in"]
        value = maker.value(parameter.get("schema", {}), name)
        if dice.random() < 0.12:
            value = dice.choice(HOSTILE)
        value = str(value).lower() if isinstance(value, bool) else str(value)
        if where == "path":
            path = path.replace("{" + name + "}", urllib.parse.quote(value or "x", safe=""))
        elif where == "query" and (parameter.get("required") or dice.random() < 0.35):
            query.append((name, value))
        elif where == "header" and dice.random() < 0.3:
            headers[name] = re.sub(r"[^\x21-\x7e]", "", value)[:500] or "x"
    if dice.random() < 0.03:
        query.append((dice.choice(["x", "limit", "since", "_method", "role"]), dice.choice(HOSTILE)))
    if "requestBody" in operation:
        kind, its = next(iter(operation["requestBody"]["content"].items()))
        if kind == "application/json":
            value = maker.value(its["schema"])
            if dice.random() < 0.35:
                value = maker.spoil(value)
            body = (dice.choice(JSON_TEXTS) if dice.random() < 0.1 else json.dumps(value)).encode("utf-8", "surrogatepass")
        else:
            body = str(maker.value(its["schema"])).encode()
        headers["Content-Type"] = kind if dice.random() < 0.97 else "text/html"
    if query:
        path += "?" + urllib.parse.urlencode(query)
    return path, headers, body


def fault(world, operation, answer):
    """What the document does not say of this answer; None: nothing."""
    status, headers, text = answer
    responses = operation["responses"]
    if status >= 500 and status not in (503, 507):
        return "the hub failed"
    told = responses.get(str(status)) or responses.get(f"{status // 100}XX") or responses.get("default")
    if told is None:
        return "the status is not described"
    while "$ref" in told:
        told = world.resolver.resolve(told["$ref"])[1]
    content = told.get("content")
    if content is None:
        return "a body that is not described" if text else None
    kind = headers.get("Content-Type", "").split(";")[0]
    if kind not in content:
        return f"the type {kind!r} is not described"
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    try:
        value = json.loads(text)
    except ValueError as why:
        return f"no JSON: {why}"
    schema = content[kind].get("schema", {})
    error = next(jsonschema.Draft202012Validator(schema, resolver=world.resolver).iter_errors(value), None)
    if error is not None:
        return f"{'/'.join(map(str, error.path))}: {error.message[:300]}"
    if status < 300:
        remember(world, value)
    return None


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def every_answer_is_one_that_the_document_describes(scratch):
    if jsonschema is None:
        raise Skip("python3-jsonschema or python3-yaml is not there")
    world = World(scratch)
    dice = random.Random(SEED)
    maker = Maker(world, dice)
    todo = list(operations(world.document))
    faults, answers, began, refused = {}, {}, time.monotonic(), 0.0
    for number in range(REQUESTS):
        path, method, operation, shared = todo[number % len(todo)] if number < 5 * len(todo) else dice.choice(todo)
        if operation.get("operationId") in ("logout", "logoutEverywhere"):
            role = "viewer"
        else:
            role = dice.choices(["admin", "coordinator", "analyst", "viewer"], [4, 1, 1, 1])[0]
            if time.monotonic() > refused + REFUSED_EVERY_S:  # more of them, and the hub hears nobody from here
                refused, role = time.monotonic(), dice.choice(["nobody", "wrong"])
        where, headers, body = request(world, maker, path, method, operation, shared)
        try:
            answer = world.client(role).get(where, method, headers, body)
        except Exception as why:  # pylint: disable=broad-except
            answer = (599, {}, repr(why).encode())
            world.again(role)
        if answer[0] in (401, 429) and role not in ("nobody", "wrong"):
            world.again(role)  # it has ended its own token, or asked wrongly too often
        if answer[0] == 400 and answer[1].get("Connection", "").lower() == "close":
            world.again(role)
        answers[answer[0]] = answers.get(answer[0], 0) + 1
        if answer[0] == 599 and len(body or b"") > CUT_OFF:
            continue  # the hub has said 413 and closed while we were still sending: not every client reads it then
        why = fault(world, operation, answer)
        if why:
            faults.setdefault((method, path, answer[0], why[:80]), f"{method} {where[:300]} {role} {(body or b'')[:300]!r}: {answer[0]}: {why} {answer[2][:200]!r}")
        assert world.hub.process.poll() is None, f"the hub ended after {method} {where[:500]} {(body or b'')[:500]!r}"
    print(f"# {REQUESTS} requests, seed {SEED}, {len(todo)} operations, {time.monotonic() - began:.0f} s; answers "
          + " ".join(f"{status}:{n}" for status, n in sorted(answers.items())) + f"; {memory_kib(world.hub.process.pid)} KiB", flush=True)
    assert not faults, f"{len(faults)} kinds of faults:\n" + "\n".join(list(faults.values())[:60])
    assert world.hub.stop() == 0


if __name__ == "__main__":
    if not NOROSHI.exists():
        print(f"1..0 # SKIP {NOROSHI} is not built")
    else:
        hub_lib.main([every_answer_is_one_that_the_document_describes])

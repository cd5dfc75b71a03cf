#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every route of the hub's own OpenAPI document, as every caller, with objects of his own, another's, and none. TAP output."""
import json
import re
import sqlite3
import sys
import time

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import Skip, run
from members_lib import ROLES, Asker, World
from test_answers_http import Stream

try:
    import yaml
except ImportError:
    yaml = None

RANKS = ("anyone", "viewer", "analyst", "coordinator", "admin", "operator")
NEVER = "00000000-0000-4000-8000-000000000007"
STREAM = "/api/v1/events"
SECRETS = ("/api/v1/setup", "/api/v1/login", "/api/v1/logout", "/api/v1/enrol")  # test_answers_who.py: what they take is the caller
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
EXTRA = {"role": "admin", "member": "alfa", "is_operator": True, "operator": True, "uuid": NEVER, "user": NEVER, "epoch": 9, "owner": NEVER,
         "created_by": "x", "can_write": True, "admin": True}
QUERY = {"/api/v1/show": "?what=192.0.2.7", "/api/v1/top": "?by=ports", "/api/v1/compare": "?by=ports"}
BODIES = {
    "POST /api/v1/asks/{ask}/answer": {"seen": "no"},
    "POST /api/v1/communities": {"name": "made-here"},
    "POST /api/v1/communities/{community}/members": {"member": "bravo"},
    "POST /api/v1/filters": {"name": "x", "view": "findings"},
    "PATCH /api/v1/filters/{filter}": {"name": "y"},
    "POST /api/v1/findings/{finding}/comments": {"words": "x"},
    "PATCH /api/v1/findings/{finding}/comments/{comment}": {"removed": True},
    "POST /api/v1/findings/{finding}/triage": {"action": "acknowledge"},
    "PATCH /api/v1/me": {"title": "x"},
    "PUT /api/v1/me/password": {"old": "x" * 12, "new": "correct horse battery"},
    "POST /api/v1/me/totp": {"password": "x" * 12},
    "PUT /api/v1/me/totp": {"code": "000000"},
    "POST /api/v1/members": {"name": "made-here"},
    "PATCH /api/v1/members/{member}": {"contacts": []},
    "POST /api/v1/members/{member}/asns": {"asn": 64999},
    "POST /api/v1/members/{member}/prefixes": {"prefix": "203.0.113.0/24"},
    "PATCH /api/v1/sensors/{sensor}": {"label": {"tlp": "GREEN", "everyone": True, "purposes": ["defence"]}},
    "POST /api/v1/suppressions": {"asn": 64999, "words": "x", "days": 1},
    "POST /api/v1/tokens": {"name": "made", "role": "viewer"},
    "POST /api/v1/users": {"login": "made-here", "role": "viewer"},
    "PATCH /api/v1/users/{user}": {"title": "x"},
}
# Refused to who has the rank, and so described: a token makes no other one and has no password; a comment is its author's, and
# a filter of the whole member its coordinators'.
REFUSED = {"POST /api/v1/tokens", "PATCH /api/v1/me", "PUT /api/v1/me/password", "POST /api/v1/me/totp", "PUT /api/v1/me/totp",
           "PATCH /api/v1/findings/{finding}/comments/{comment}", "DELETE /api/v1/findings/{finding}/comments/{comment}",
           "PATCH /api/v1/filters/{filter}", "DELETE /api/v1/filters/{filter}", "POST /api/v1/asks/{ask}/answer"}


def check(what, *words):
    if not what:
        raise AssertionError(" ".join(map(str, words)))


def seen(answer):
    return answer[0], sorted((k, v) for k, v in answer[1].items() if k != "Date"), answer[2]


class Matrix:
    """Members alfa and bravo with one object of each kind; what the document says of every operation."""

    def __init__(self, scratch):
        if yaml is None:
            raise Skip("python3-yaml is not there")
        self.world = world = World(scratch)
        for i, subject in enumerate(("192.0.2.7", "192.0.2.200", "2001:db8::7")):  # the second is alfa's alone
            world.finding(i + 1, subject, time.time_ns())
        for name in ("s-alfa", "s-bravo"):
            run("sensor", "enrol", world.hub.dir, name)
        world.registry.execute("UPDATE sensor SET state = 'imported'")
        self.secrets = {f"house-{role}": run("token", "create", world.hub.dir, "--role", role, "--name", f"house-{role}")[1].strip()
                        for role in ("viewer", "analyst")}
        world.start()
        self.document = yaml.safe_load(world.hub.client(None).get("/api/v1/openapi.yaml")[2])
        self.n = 0
        operator = world.who("operator")
        self.of = {name: self.make(name, operator) for name in ("alfa", "bravo")}
        shared = {f["subject"]: f["id"] for f in world.who("bravo").findings()}
        everything = {f["subject"]: f["id"] for f in world.who("alfa").findings()}
        self.of["alfa"]["finding"], self.of["bravo"]["finding"] = everything["192.0.2.200"], shared["192.0.2.7"]
        self.second = shared["2001:db8::7"]
        for name, mine in self.of.items():
            made = world.who(name, "admin").post(f"/api/v1/findings/{shared['192.0.2.7']}/comments", {"words": f"of {name}"}, want=201)
            mine["comment"] = made["uuid"]
            world.who(name, "admin").post(f"/api/v1/findings/{mine['finding']}/triage", {"action": "acknowledge"})
        self.of["none"] = {kind: "0123456789abcdef" if kind == "finding" else "0" * 16 if kind == "selector" else NEVER for kind in self.of["alfa"]}

    def make(self, name, operator):
        admin, analyst = self.world.who(name, "admin"), self.world.who(name)
        label = {"tlp": "AMBER", "members": [{"member": str(self.world.members["charlie"].uuid)}]}
        made = {"member": name, "sensor": f"s-{name}", "community": f"c-{name}"}
        operator.ask("PATCH", f"/api/v1/sensors/s-{name}", {"member": name})
        operator.post("/api/v1/communities", {"name": f"c-{name}"}, want=201)
        operator.post(f"/api/v1/communities/c-{name}/members", {"member": name}, want=201)
        operator.post(f"/api/v1/members/{name}/asns", {"asn": 64600 + len(name)}, want=201)
        made["filter"] = admin.post("/api/v1/filters", {"name": "f", "for": "member", "view": "findings"}, want=201)["uuid"]
        made["suppression"] = admin.post("/api/v1/suppressions", {"asn": 64998, "words": "x"}, want=201)["uuid"]
        made["ask"] = analyst.post("/api/v1/asks", {"what": "23/tcp", "label": label}, want=201)["uuid"]
        made["user"] = admin.post("/api/v1/users", {"login": f"made-{name}", "role": "viewer"}, want=201)["uuid"]
        admin.post("/api/v1/tokens", {"name": f"made-{name}", "role": "viewer"}, want=201)
        made["selector"] = next(t["selector"] for t in admin.get("/api/v1/tokens")["tokens"] if t["name"] == f"made-{name}")
        return made

    def operations(self):
        """(method, path as in the document, operation)"""
        for path, item in self.document["paths"].items():
            if path.startswith("/api/") or path == "/metrics":
                for method, operation in item.items():
                    if method != "parameters" and path not in SECRETS:
                        yield method.upper(), path, operation

    def filled(self, path, whose, **instead):
        return re.sub(r"\{(\w+)\}", lambda part: instead.get(part[1], self.of[whose].get(part[1])), path)

    def body(self, method, path):
        if f"{method} {path}" == "POST /api/v1/asks":
            return {"what": "23/tcp", "label": {"tlp": "AMBER", "members": [{"member": str(self.world.members["charlie"].uuid)}]}}
        return BODIES.get(f"{method} {path}")

    def asker(self, token):
        """From an address of its own: who is refused often is slowed down by his address."""
        client = self.world.hub.client(token)
        self.n += 1
        client.connection.source_address = (f"127.0.{1 + self.n // 250}.{1 + self.n % 250}", 0)
        return Asker(client)

    def ask(self, token, method, path, body=None):
        asker = self.asker(token)
        answer = asker.raw(method, path, body)
        asker.client.connection.close()
        return answer

    def query(self, method, path, whose):
        if method != "DELETE":
            return QUERY.get(path, "")
        return {"asns": f"?asn={64600 + len(whose)}", "prefixes": "?prefix=198.51.100.0/24",
                "members": f"?member={whose}"}.get(path.rsplit("/", 1)[-1], "")


def principals(matrix):
    """name, token, rank"""
    yield "nobody", None, "anyone"
    yield "wrong", "nrt_" + "x" * 60, "anyone"
    for role in ROLES:
        yield f"bravo-{role}", matrix.world.members["bravo"].tokens[role], role
    for role in ("viewer", "analyst"):
        yield f"house-{role}", matrix.secrets[f"house-{role}"], role
    yield "operator", matrix.world.operator, "operator"


def rows(world, mine=None):
    """What stands in the registry: of the tables that people change, the rows in which any of @p mine is named; all without it."""
    out = {}
    registry = world.stopped()
    for (table,) in registry.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('meta', 'place', 'sqlite_sequence')"):
        got = registry.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in got.description]
        kept = [i for i, name in enumerate(names) if name != "last_used_ns"]
        out[table] = sorted(repr([row[i] for i in kept]) for row in got
                            if mine is None or any(names_one(value, mine) for value in row))
    world.start()
    return out


def names_one(value, mine):
    return value.hex() in mine if isinstance(value, bytes) else isinstance(value, str) and any(one in value.replace("-", "") for one in mine)


def identities(matrix, name):
    member = matrix.world.members[name]
    mine = {member.uuid.hex} | {user.hex for user in member.users.values()}
    return mine | {v.replace("-", "") for k, v in matrix.of[name].items() if k not in ("member", "sensor", "community", "finding")}


def rank_is_asked_first_on_every_route(scratch):
    matrix, tried, faults = Matrix(scratch), 0, []
    for name, token, rank in principals(matrix):
        for method, path, operation in matrix.operations():
            enough = RANKS.index(rank) >= RANKS.index(operation["x-role"])
            if enough and (path == STREAM or name == "operator"):
                continue
            where = matrix.filled(path, "bravo") + matrix.query(method, path, "bravo")
            if enough and method in ("DELETE", "PATCH") and "{user}" in path + "{selector}":
                where = matrix.filled(path, "bravo")
            got = matrix.ask(token, method, where, matrix.body(method, path))[0]
            tried += 1
            want = (got in (401,) if name in ("nobody", "wrong") else got == 403) if not enough else got != 401 and str(got) in operation["responses"]
            if enough and got == 403 and f"{method} {path}" not in REFUSED:
                want = False
            if not want:
                faults.append(f"{name} {method} {where}: {got}")
    check(not faults, *faults)
    check(tried > 400, tried)


def the_operators_rank_is_enough_everywhere(scratch):
    matrix = Matrix(scratch)
    for method, path, operation in matrix.operations():
        if path == STREAM:
            continue
        got = matrix.ask(matrix.world.operator, method, matrix.filled(path, "none") + matrix.query(method, path, "bravo"), matrix.body(method, path))[0]
        check(str(got) in operation["responses"] and got != 401, method, path, got)
        check(got != 403 or f"{method} {path}" in REFUSED, method, path, got)
        check("{" not in path or got in (404, 405), method, path, got)


def what_is_anothers_is_not_there(scratch):
    """The same bytes as for what never was, whatever the method and the body; and nothing of it changes."""
    matrix, faults, tried = Matrix(scratch), [], 0
    mine = identities(matrix, "alfa")
    before = rows(matrix.world, mine)
    check(all(before[table] for table in ("member", "user", "token", "sensor", "label", "triage", "comment", "suppression", "saved_filter", "ask",
                                          "member_prefix", "member_asn", "community_member", "audit")), {k: len(v) for k, v in before.items()})
    for role in ROLES:
        token = matrix.world.members["bravo"].tokens[role]
        for path in sorted({p for _, p, _ in matrix.operations() if "{" in p}):
            if path == "/api/v1/members/{member}":
                continue  # its name is known to all
            pairs = [(matrix.filled(path, "alfa"), matrix.filled(path, "none"))]
            if "{comment}" in path:
                pairs = [(matrix.filled(path, "bravo", comment=c, finding=f), matrix.filled(path, "bravo", comment=NEVER, finding=f))
                         for f, c in ((matrix.of["bravo"]["finding"], matrix.of["alfa"]["comment"]), (matrix.second, matrix.of["bravo"]["comment"]),
                                      (matrix.second, matrix.of["alfa"]["comment"]), (matrix.of["alfa"]["finding"], matrix.of["alfa"]["comment"]))]
            for method in METHODS:
                good = matrix.body(method, path)
                bodies = [None] if method in ("GET", "HEAD") else [good, {}, {"unknown": 1}, {**(good or {}), "member": "bravo"}, b"{"]
                for other, none in pairs:
                    for body in bodies:
                        query = matrix.query(method, path, "alfa")
                        theirs, never = (matrix.ask(token, method, where + query, body) for where in (other, none))
                        tried += 1
                        if seen(theirs) != seen(never) or theirs[0] < 400:
                            faults.append(f"{role} {method} {other} {body}: {theirs[0]} {theirs[2][:150]} {never[0]} {never[2][:150]}")
    check(not faults, *faults[:20], len(faults), "of", tried)
    after = rows(matrix.world, mine)
    for table, was in before.items():
        check(after[table] == was, table, set(after[table]) ^ set(was))


def a_child_is_not_found_under_another_parent(scratch):
    """For the operator too, who may change both."""
    matrix = Matrix(scratch)
    before = rows(matrix.world)
    for path, theirs, never in (("members/bravo/asns", "asn=64604", "asn=64999"), ("communities/c-bravo/members", "member=alfa", "member=charlie"),
                                ("members/bravo/prefixes", "prefix=192.0.2.0/24", "prefix=203.0.113.0/24")):
        there, none = (matrix.ask(matrix.world.operator, "DELETE", f"/api/v1/{path}?{one}") for one in (theirs, never))
        check(there[0] == none[0] == 404 and sorted(there[1]) == sorted(none[1]), path, there, none)
    check(rows(matrix.world) == before)


def lists_hold_nothing_of_another(scratch):
    matrix = Matrix(scratch)
    hidden = {v for k, v in matrix.of["alfa"].items() if k != "member"} | {"64604", "192.0.2.0/24", "made-alfa"}
    for role in ROLES:
        for method, path, _ in matrix.operations():
            if method == "GET" and path not in (STREAM, "/api/v1/openapi.yaml", "/metrics"):
                text = matrix.ask(matrix.world.members["bravo"].tokens[role], method, matrix.filled(path, "bravo") + QUERY.get(path, ""))[2].decode()
                check(not any(one in text for one in hidden), role, path, [one for one in hidden if one in text], text[:300])


def members_of_a_body_that_nobody_asked_for_change_nothing(scratch):
    matrix, faults = Matrix(scratch), []
    before = rows(matrix.world)
    for name, token in (("bravo", matrix.world.members["bravo"].tokens["admin"]), ("operator", matrix.world.operator)):
        for method, path, operation in matrix.operations():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None or (name == "bravo" and operation["x-role"] == "operator"):
                continue
            for extra, value in EXTRA.items():
                if extra in content["schema"]["properties"]:
                    continue
                got = matrix.ask(token, method, matrix.filled(path, "bravo"), {**matrix.body(method, path), extra: value})
                if got[0] not in (400, 403, 404) or (got[0] != 400 and f"{method} {path}" not in REFUSED and name == "bravo"):
                    faults.append(f"{name} {method} {path} {extra}: {got[0]} {got[2][:150]}")
    check(not faults, *faults)
    after = rows(matrix.world)
    for table, was in before.items():
        check(after[table] == was, table, set(after[table]) ^ set(was))


def a_token_that_reads_only_changes_nothing_and_one_without_rows_gets_none(scratch):
    matrix = Matrix(scratch)
    admin = matrix.world.who("bravo", "admin")
    weak = {name: admin.post("/api/v1/tokens", {"name": name, "role": "admin", name: False}, want=201)["token"] for name in ("can_write", "can_rows")}
    before = rows(matrix.world)
    for method, path, operation in matrix.operations():
        if method == "GET":
            continue
        got = matrix.ask(weak["can_write"], method, matrix.filled(path, "bravo") + matrix.query(method, path, "bravo"), matrix.body(method, path))
        check(got[0] == 403, method, path, got)
    for form in ("jsonl", "csv", "parquet"):
        check(matrix.ask(weak["can_rows"], "GET", f"/api/v1/observations?format={form}")[0] == 403, form)
        check(matrix.ask(weak["can_write"], "GET", f"/api/v1/observations?format={form}")[0] == 200, form)
    check(matrix.ask(weak["can_rows"], "POST", "/api/v1/tokens", {"name": "more", "role": "admin"})[0] == 403)
    after = rows(matrix.world)
    for table, was in before.items():
        left = [row for row in after[table] if row not in was and not (table == "audit" and "observations" in row)]
        check(not left and not set(was) - set(after[table]), table, left)


TESTS = [rank_is_asked_first_on_every_route, the_operators_rank_is_enough_everywhere, what_is_anothers_is_not_there,
         a_child_is_not_found_under_another_parent, lists_hold_nothing_of_another,
         members_of_a_body_that_nobody_asked_for_change_nothing, a_token_that_reads_only_changes_nothing_and_one_without_rows_gets_none]

if __name__ == "__main__":
    hub_lib.main(TESTS)

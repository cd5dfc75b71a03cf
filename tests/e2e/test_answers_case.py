#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What people say: triage, comments, suppressions, saved filters, questions to other members, repeated requests. TAP output."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import uuid

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import NET, Skip, generate, run
from members_lib import NS, Asker, World, moment
from test_answers_http import Stream, session_of

try:
    import yaml
except ImportError:
    yaml = None

HOUR = 3600 * NS
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "operator" / "together.md"
BODY_LEAST = 4 << 10  # the smallest limit of a body that a route has


def check(what, *words):
    if not what:
        raise AssertionError(" ".join(map(str, words)))


def same_refusal(answers, status=404):
    """All of them are refused with the same bytes, and the same fields of the head."""
    def seen(answer):
        return answer[0], sorted((k, v) for k, v in answer[1].items() if k != "Date"), answer[2]

    check(answers[0][0] == status, answers[0])
    for answer in answers[1:]:
        check(seen(answer) == seen(answers[0]), answer, "is not", answers[0])


def world_with_findings(scratch, subjects=("192.0.2.7", "192.0.2.200", "2001:db8::7"), **more):
    """The first and the last are seen by all members, the second by alfa alone. The ids that members see."""
    world = World(scratch, **more)
    for i, subject in enumerate(subjects):
        world.finding(i + 1, subject, time.time_ns(), asn=64500 + i)
    world.start()
    ids = {f["subject"]: f["id"] for f in world.who("alfa").findings()}
    check(set(ids) == set(subjects), ids)
    return world, ids


def audited(world):
    return world.local("/local/v1/audit")["whole"]


# ---- triage ----

def triage_is_each_members_own_and_no_other_sees_it(scratch):
    world, ids = world_with_findings(scratch)
    where = f"/api/v1/findings/{ids['192.0.2.7']}/triage"
    alfa, bravo = world.who("alfa"), world.who("bravo")
    before = bravo.raw("GET", where)
    said = alfa.post(where, {"action": "false", "words": "our own scanner"})
    check(said["state"] == "false" and said["version"] == 1 and said["changed_by"] == "token:alfa-analyst", said)
    check([f["triage"] for f in alfa.findings() if "triage" in f] == [{"state": "false", "version": 1}])
    check(all("triage" not in f for f in bravo.findings()))
    check(all("triage" not in f for f in world.who("operator").findings()))
    after = bravo.raw("GET", where)
    check((before[0], before[2]) == (after[0], after[2]) and json.loads(after[2])["version"] == 0, after)
    check(world.who("alfa", "viewer").get(where)["state"] == "false")
    world.who("alfa", "viewer").post(where, {"action": "close"}, want=403)
    check(alfa.get(where)["version"] == 1)


def a_change_thought_for_another_version_is_refused(scratch):
    world, ids = world_with_findings(scratch)
    where = f"/api/v1/findings/{ids['192.0.2.7']}/triage"
    alfa = world.who("alfa")
    tag = alfa.raw("GET", where)[1]["ETag"]
    alfa.post(where, {"action": "acknowledge"}, If_Match=tag)
    alfa.post(where, {"action": "close"}, want=412, If_Match=tag)
    alfa.post(where, {"action": "close", "version": 0}, want=412)
    alfa.post(where, {"action": "close", "version": 2}, want=412)
    check(alfa.get(where)["state"] == "acknowledged")
    alfa.post(where, {"action": "close", "version": 1})
    alfa.post(where, {"action": "reopen"}, If_Match="*")
    status, headers, text = alfa.raw("GET", where)
    check(json.loads(text)["version"] == 3 and status == 200)
    check(alfa.raw("GET", where, headers={"If-None-Match": headers["ETag"]})[0] == 304)
    tag_of_bravo = world.who("bravo").raw("GET", where)[1]["ETag"]
    alfa.post(where, {"action": "close"}, want=412, If_Match=tag_of_bravo)


def every_change_goes_back_and_stays_to_be_read(scratch):
    world, ids = world_with_findings(scratch)
    where = f"/api/v1/findings/{ids['192.0.2.7']}/triage"
    alfa = world.who("alfa")
    alfa.post(where, {"action": "undo"}, want=400)
    for body in ({"action": "acknowledge"}, {"action": "assign", "assignee": "alfa-viewer"}, {"action": "close", "words": "done"}):
        alfa.post(where, body)
    check(alfa.get(where)["assignee"] == "alfa-viewer")
    states = [alfa.post(where, {"action": "undo"})["state"] for _ in range(3)]
    check(states == ["acknowledged", "acknowledged", "open"], states)
    alfa.post(where, {"action": "undo"}, want=400)
    history = alfa.get(where)["history"]
    check([step["version"] for step in history] == [6, 5, 4, 3, 2, 1], history)
    check([step["action"] for step in history] == ["undo"] * 3 + ["close", "assign", "acknowledge"], history)
    alfa.post(where, {"action": "assign", "assignee": "bravo-analyst"}, want=400)
    check(audited(world))
    world.hub.stop()
    world.start()
    check(world.who("alfa").get(where)["history"] == history, "it outlives a restart")


def who_cannot_see_a_finding_cannot_say_anything_of_it(scratch):
    world, ids = world_with_findings(scratch)
    hidden, unknown = ids["192.0.2.200"], "0123456789abcdef"
    bravo = world.who("bravo", "admin")
    for method, rest, body in (("GET", "", None), ("GET", "/triage", None), ("POST", "/triage", {"action": "close"}), ("GET", "/comments", None),
                               ("POST", "/comments", {"words": "x"})):
        same_refusal([bravo.raw(method, f"/api/v1/findings/{one}{rest}", body) for one in (unknown, hidden, "0" * 16, "1", "x" * 90)])
    check(world.who("alfa").get(f"/api/v1/findings/{hidden}/triage")["version"] == 0)


# ---- comments ----

def hostile_25_a_comment_of_another_finding_or_member_is_not_there(scratch):
    world, ids = world_with_findings(scratch)
    one, other = ids["192.0.2.7"], ids["2001:db8::7"]
    alfa, bravo = world.who("alfa"), world.who("bravo", "admin")
    mine = alfa.post(f"/api/v1/findings/{one}/comments", {"words": "mine"}, want=201)["uuid"]
    theirs = bravo.post(f"/api/v1/findings/{one}/comments", {"words": "theirs"}, want=201)["uuid"]
    for asker, wrong in ((alfa, [(other, mine), (one, theirs), (other, theirs)]), (bravo, [(one, mine), (other, mine), (other, theirs)])):
        for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"removed": True})):
            paths = [f"/api/v1/findings/{finding}/comments/{comment}" for finding, comment in
                     [(one, str(uuid.UUID(int=7))), *wrong, (one, "no-uuid"), ("0123456789abcdef", mine)]]
            same_refusal([asker.raw(method, path, body) for path in paths if not (path.endswith(mine) and "0123456789abcdef" in path)])
            check(asker.raw(method, paths[-1], body)[0] == 404)
    check([c["words"] for c in alfa.get(f"/api/v1/findings/{one}/comments")["comments"]] == ["mine"])
    check([c["words"] for c in bravo.get(f"/api/v1/findings/{one}/comments")["comments"]] == ["theirs"])
    check("removed" not in alfa.get(f"/api/v1/findings/{one}/comments/{mine}"))


def a_comment_reaches_whom_its_label_names(scratch):
    world, ids = world_with_findings(scratch)
    where = f"/api/v1/findings/{ids['192.0.2.7']}/comments"
    alfa, bravo, charlie = (world.who(name) for name in ("alfa", "bravo", "charlie"))
    label = {"tlp": "AMBER", "members": [{"member": str(world.members["bravo"].uuid)}]}
    made = alfa.post(where, {"words": "seen here", "label": label}, want=201)
    seen = bravo.get(where)["comments"]
    check(len(seen) == 1 and seen[0]["words"] == "seen here" and seen[0]["member"] == "alfa" and not seen[0]["own"], seen)
    check(not {"by", "label"} & set(seen[0]), "who said it, and to whom else, is not told", seen)
    check(charlie.get(where)["comments"] == [])
    same_refusal([bravo.raw("DELETE", f"{where}/{one}") for one in (uuid.UUID(int=7), made["uuid"])])
    check(world.who("alfa", "viewer").raw("DELETE", f"{where}/{made['uuid']}")[0] == 403)
    check("removed" in alfa.ask("DELETE", f"{where}/{made['uuid']}"))
    check(bravo.get(where)["comments"] == [] and "removed" in alfa.get(where)["comments"][0])
    alfa.ask("PATCH", f"{where}/{made['uuid']}", {"removed": False})
    check(len(bravo.get(where)["comments"]) == 1)
    label["members"].append({"member": str(uuid.UUID(int=9))})
    alfa.post(where, {"words": "to nobody", "label": label}, want=400)


# ---- suppressions ----

def subjects(asker, query=""):
    return sorted(f["subject"] for f in asker.findings(query))


def what_is_suppressed_is_hidden_from_its_member_alone_until_it_ends(scratch):
    world, ids = world_with_findings(scratch)
    alfa, bravo = world.who("alfa", "coordinator"), world.who("bravo")
    everything = subjects(alfa)
    rule = alfa.post("/api/v1/suppressions", {"subject": "192.0.2.0/25", "words": "our own scanner"}, want=201)
    check(rule["kind"] == "suppress" and rule["in_force"] and rule["own"], rule)
    check(subjects(alfa) == ["192.0.2.200", "2001:db8::7"], subjects(alfa))
    check(subjects(alfa, "suppressed=true") == ["192.0.2.7"] and subjects(alfa, "suppressed=all") == everything)
    hidden = alfa.findings("suppressed=true")[0]
    check(hidden["suppressed"] == {"by": rule["uuid"], "kind": "suppress", "words": "our own scanner", "expires": rule["expires"]}, hidden)
    check(alfa.get(f"/api/v1/findings/{ids['192.0.2.7']}")["suppressed"]["by"] == rule["uuid"], "by its name it is still there")
    check(subjects(bravo) == ["192.0.2.7", "2001:db8::7"] and bravo.get("/api/v1/suppressions")["suppressions"] == [])
    same_refusal([world.who("bravo", "admin").raw(method, f"/api/v1/suppressions/{one}") for method in ("GET", "DELETE")
                  for one in (uuid.UUID(int=7), rule["uuid"], "x")])
    world.who("alfa").ask("DELETE", f"/api/v1/suppressions/{rule['uuid']}", want=403)
    undone = alfa.ask("DELETE", f"/api/v1/suppressions/{rule['uuid']}")
    check(not undone["in_force"] and undone["undone_by"] == "token:alfa-coordinator", undone)
    check(subjects(alfa) == everything)
    check(alfa.get("/api/v1/suppressions")["suppressions"] == [])
    check(len(alfa.get("/api/v1/suppressions?state=all")["suppressions"]) == 1)
    soon = alfa.post("/api/v1/suppressions", {"asn": 64500, "words": "soon over", "expires": moment(time.time_ns() + 3 * NS)}, want=201)
    check("192.0.2.7" not in subjects(alfa) or not alfa.get(f"/api/v1/suppressions/{soon['uuid']}")["in_force"])
    while alfa.get(f"/api/v1/suppressions/{soon['uuid']}")["in_force"]:
        time.sleep(0.2)
    check(subjects(alfa) == everything)


def what_the_operator_allows_holds_for_everyone(scratch):
    world, _ = world_with_findings(scratch)
    operator, alfa, bravo = world.who("operator"), world.who("alfa", "admin"), world.who("bravo", "coordinator")
    body = {"kind": "allow", "for": "everyone", "subject": "2001:db8::7", "words": "a resolver that all need"}
    alfa.post("/api/v1/suppressions", body, want=403)
    rule = operator.post("/api/v1/suppressions", body, want=201)
    operator.post("/api/v1/suppressions", {**body, "kind": "suppress"}, want=400)
    for asker in (operator, alfa, bravo):
        check("2001:db8::7" not in subjects(asker), subjects(asker))
    check(alfa.findings("suppressed=true")[0]["suppressed"]["kind"] == "allow")
    seen = bravo.get("/api/v1/suppressions")["suppressions"]
    check(seen[0]["uuid"] == rule["uuid"] and not seen[0]["own"] and "created_by" not in seen[0], seen)
    bravo.ask("DELETE", f"/api/v1/suppressions/{rule['uuid']}", want=403)
    check("2001:db8::7" not in subjects(alfa))
    operator.ask("DELETE", f"/api/v1/suppressions/{rule['uuid']}")
    check("2001:db8::7" in subjects(alfa) and "2001:db8::7" in subjects(operator))


def hostile_47_what_has_no_address_fits_no_prefix(scratch):
    world = World(scratch)
    for i, subject in enumerate(("", "mirai-like", "AS64500", "0.0.0.0", "192.0.2.7", "2001:db8::7")):
        world.finding(i + 1, subject, time.time_ns(), asn=0)
    world.start()
    operator = world.who("operator")
    for subject, left in (("0.0.0.0/0", ["", "2001:db8::7", "AS64500", "mirai-like"]), ("0.0.0.0/8", ["", "192.0.2.7", "2001:db8::7", "AS64500", "mirai-like"]),
                          ("::/0", ["", "0.0.0.0", "192.0.2.7", "AS64500", "mirai-like"])):
        rule = operator.post("/api/v1/suppressions", {"subject": subject, "words": "as wide as can be"}, want=201)
        check(subjects(operator) == left, subject, subjects(operator))
        operator.ask("DELETE", f"/api/v1/suppressions/{rule['uuid']}")
    for wrong in ({}, {"subject": ""}, {"asn": 0}, {"subject": None}, {"detector": ""}, {"subject": "192.0.2.1/24"}, {"subject": "0"}):
        operator.post("/api/v1/suppressions", {"words": "of nothing", **wrong}, want=400)
    check(len(subjects(operator)) == 6)


# ---- filters ----

def filters_are_ones_own_or_the_members_and_fit_their_view(scratch):
    world, _ = world_with_findings(scratch)
    alfa, colleague, coordinator, bravo = world.who("alfa"), world.who("alfa", "viewer"), world.who("alfa", "coordinator"), world.who("bravo", "admin")
    own = alfa.post("/api/v1/filters", {"name": "\u671d", "view": "findings", "query": "state=new&detector=scan.v1"}, want=201)
    check(own["for"] == "me" and own["name"] == "\u671d", own)
    alfa.post("/api/v1/filters", {"name": "all", "for": "member", "view": "top"}, want=403)
    whole = coordinator.post("/api/v1/filters", {"name": "all", "for": "member", "view": "top", "query": "by=ports"}, want=201)
    check([f["uuid"] for f in colleague.get("/api/v1/filters")["filters"]] == [whole["uuid"]])
    check(len(alfa.get("/api/v1/filters")["filters"]) == 2 and bravo.get("/api/v1/filters")["filters"] == [])
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"name": "x"})):
        same_refusal([bravo.raw(method, f"/api/v1/filters/{one}", body) for one in (uuid.UUID(int=7), own["uuid"], whole["uuid"], "x")])
        same_refusal([colleague.raw(method, f"/api/v1/filters/{one}", body) for one in (uuid.UUID(int=7), own["uuid"])])
    alfa.ask("PATCH", f"/api/v1/filters/{whole['uuid']}", {"name": "x"}, want=403)
    check(alfa.ask("PATCH", f"/api/v1/filters/{own['uuid']}", {"query": "limit=5"})["query"] == "limit=5")
    for wrong in ({"view": "users"}, {"query": "by=ports"}, {"query": "state=new&state=ended"}, {"query": "state=new#x"}, {"query": "x"},
                  {"query": "state=new\r\nX: y"}, {"name": ""}, {"query": "%"}):
        alfa.ask("PATCH", f"/api/v1/filters/{own['uuid']}", wrong, want=400)
    check(alfa.raw("DELETE", f"/api/v1/filters/{own['uuid']}")[0] == 204)
    check(alfa.raw("GET", f"/api/v1/filters/{own['uuid']}")[0] == 404)


def a_filter_takes_every_parameter_that_its_view_has(scratch):
    if yaml is None:
        raise Skip("python3-yaml is not there")
    world = World(scratch).start()
    alfa = world.who("alfa")
    document = yaml.safe_load(alfa.raw("GET", "/api/v1/openapi.yaml")[2])
    views = document["components"]["schemas"]["FilterView"]["enum"]
    tried = 0
    for view in views:
        if f"/api/v1/{view}" not in document["paths"]:
            continue
        for parameter in document["paths"][f"/api/v1/{view}"]["get"].get("parameters", []):
            if parameter.get("in") != "query":
                continue
            made = alfa.post("/api/v1/filters", {"name": "x", "view": view, "query": f"{parameter['name']}=1"}, want=201)
            alfa.raw("DELETE", f"/api/v1/filters/{made['uuid']}")
            tried += 1
    check(tried > 10, tried)


# ---- asks ----

def to(world, *names, tlp="AMBER"):
    return {"tlp": tlp, "members": [{"member": str(world.members[name].uuid)} for name in names]}


def a_question_reaches_whom_it_names_and_each_answers_for_himself(scratch):
    world = World(scratch, names=("alfa", "bravo", "charlie", "delta")).start()
    alfa, bravo, charlie, delta = (world.who(name) for name in ("alfa", "bravo", "charlie", "delta"))
    world.who("alfa", "viewer").post("/api/v1/asks", {"what": "23/tcp", "label": to(world, "bravo")}, want=403)
    asked = alfa.post("/api/v1/asks", {"what": "192.0.2.7", "words": "many logins", "label": to(world, "bravo", "charlie")}, want=201)
    where = f"/api/v1/asks/{asked['uuid']}"
    check(asked["state"] == "open" and asked["what"] == "192.0.2.7" and asked["own"], asked)
    seen = bravo.get(where)
    check(seen["member"] == "alfa" and seen["words"] == "many logins" and not seen["own"] and seen["tlp"] == "AMBER", seen)
    for told in (seen, bravo.get("/api/v1/asks")["asks"][0]):
        check(not {"label", "by"} & set(told) and "charlie" not in json.dumps(told) and str(world.members["charlie"].uuid) not in json.dumps(told), told)
    for method, rest, body in (("GET", "", None), ("POST", "/answer", {"seen": "no"}), ("POST", "/close", None)):
        same_refusal([delta.raw(method, f"/api/v1/asks/{one}{rest}", body) for one in (uuid.UUID(int=7), asked["uuid"], "x")])
    check(delta.get("/api/v1/asks")["asks"] == [] and world.who("operator").get("/api/v1/asks")["asks"] == [])
    alfa.post(where + "/answer", {"seen": "yes"}, want=403)
    bravo.post(where + "/close", want=403)
    world.who("bravo", "viewer").post(where + "/answer", {"seen": "no"}, want=403)
    hour = time.time_ns() // HOUR * HOUR
    given = {"seen": "yes", "level": "few", "first": moment(hour - 2 * HOUR), "last": moment(hour), "words": "on two ports"}
    bravo.post(where + "/answer", given)
    check(charlie.get(where)["answers"] == [] and charlie.get(where)["answered"] == 0, "nobody hears another's answer")
    charlie.post(where + "/answer", {"seen": "declined"})
    heard = alfa.get(where)
    check([(a["member"], a["seen"]) for a in heard["answers"]] == [("bravo", "yes"), ("charlie", "declined")] and heard["answered"] == 2, heard)
    check({k: heard["answers"][0][k] for k in given} == given and "by" not in heard["answers"][0], heard)
    mine = bravo.get(where)["answers"]
    check(len(mine) == 1 and mine[0]["member"] == "bravo" and mine[0]["by"] == "token:bravo-analyst", mine)
    bravo.post(where + "/answer", {"seen": "no"})
    check([a["seen"] for a in alfa.get(where)["answers"]] == ["no", "declined"])
    check(alfa.post(where + "/close")["state"] == "closed" and bravo.get(where)["state"] == "closed")
    bravo.post(where + "/answer", {"seen": "yes"}, want=409)
    check(bravo.get("/api/v1/asks?state=open")["asks"] == [] and len(bravo.get("/api/v1/asks")["asks"]) == 1)


def questions_and_answers_that_cannot_be_are_refused(scratch):
    world = World(scratch).start()
    alfa, bravo = world.who("alfa"), world.who("bravo")
    label = to(world, "bravo")
    for wrong in ({"what": "everything"}, {"what": "23"}, {"what": "99999/tcp"}, {"what": "192.0.2.7/24"}, {"what": "AS0"}, {"what": ""}, {"label": {}},
                  {"label": None}, {"label": {"tlp": "AMBER"}}, {"label": {"tlp": "AMBER", "everyone": True}}, {"label": {**label, "tlp": "WHITE"}},
                  {"label": {**label, "owner": str(uuid.UUID(int=7)), "x": 1}}, {"label": to(world)}, {"since": "2026-01-02", "until": "2026-01-01"},
                  {"until": "2999-01-01"}, {"since": "1960-01-01"}, {"extra": 1}, {"words": "x" * 2001}):
        alfa.post("/api/v1/asks", {"what": "23/tcp", "label": label, **wrong}, want=400)
    check(bravo.get("/api/v1/asks")["asks"] == [])
    for written, read in (("AS64500", "AS64500"), ("as64500", "AS64500"), ("2001:DB8::/32", "2001:db8::/32"), ("53/udp", "53/udp"), ("192.0.2.0/24", "192.0.2.0/24")):
        check(alfa.post("/api/v1/asks", {"what": written, "label": label}, want=201)["what"] == read, written)
    where = f"/api/v1/asks/{bravo.get('/api/v1/asks')['asks'][0]['uuid']}/answer"
    for wrong in ({}, {"seen": "maybe"}, {"seen": "no", "level": "few"}, {"seen": "yes", "first": "2026-01-02T03:04:05Z"},
                  {"seen": "yes", "first": "2026-01-02T04:00:00Z", "last": "2026-01-02T03:00:00Z"}, {"seen": "yes", "level": "3 sensors"},
                  {"seen": "declined", "last": "2026-01-02T03:00:00Z"}, {"seen": True}):
        bravo.post(where, wrong, want=400)


def what_ones_own_sensors_saw_is_suggested_and_a_person_sends_it(scratch):
    world = World(scratch, names=("alfa", "bravo", "charlie"))
    for name in ("bravo-1", "hub-1"):
        run("hub", "import", world.hub.dir, generate(scratch / f"{name}.pcap", "5m", seed=len(name)), "--sensor", name, "--net", NET)
    world.registry.execute("UPDATE sensor SET member = ? WHERE name = 'bravo-1'", (world.members["bravo"].uuid.bytes,))
    home = uuid.UUID(bytes=world.registry.execute("SELECT uuid FROM member WHERE is_operator = 1").fetchone()[0])
    world.start()
    world.hub.settle()
    world.hub.stop()  # sums are written by then
    world.start()
    world.hub.settle()
    alfa, bravo, charlie, operator = (world.who(name) for name in ("alfa", "bravo", "charlie", "operator"))
    label = to(world, "bravo", "charlie")
    label["members"].append({"member": str(home)})
    source = json.loads(operator.raw("GET", "/api/v1/observations?limit=1&since=2026-01-05&until=2026-01-06")[2].splitlines()[0])["src"]
    times = {"since": "2026-01-05T00:00:00Z", "until": "2026-01-05T01:00:00Z"}
    for what in ("23/tcp", source):
        where = f"/api/v1/asks/{alfa.post('/api/v1/asks', {'what': what, 'label': label, **times}, want=201)['uuid']}"
        told = bravo.get(where + "/suggestion")
        want = {"packets": 0, "flows": 0}
        for row in bravo.client.observations("since=2026-01-05&until=2026-01-06&" + (f"src={source}" if what == source else "port=23"))[0]:
            row = json.loads(row)
            if what == source or row["proto"] == "tcp" and row["dport"] == 23:
                want = {"packets": want["packets"] + row["packets"], "flows": want["flows"] + 1}
        check(told["sensors"] == 1 and told["figures"] == {**want, "hours": 1 if want["packets"] else 0}, what, told, want)
        check(what == source or want["packets"] > 0, "nothing to suggest")
        if want["packets"]:
            level = "few" if want["packets"] < 100 else "some" if want["packets"] < 10000 else "many"
            check(told["suggestion"] == {"seen": "yes", "level": level, "first": times["since"], "last": times["since"]}, told)
        else:
            check(told["suggestion"] == {"seen": "no"}, told)
        check("suggestion" not in charlie.get(where + "/suggestion") and charlie.get(where + "/suggestion")["sensors"] == 0)
        check(operator.get(where + "/suggestion")["sensors"] == 1, "the operator answers for his own sensors, not for all")
        early = alfa.post("/api/v1/asks", {"what": what, "label": label, "since": "2026-01-05T05:00:00Z", "until": "2026-01-05T06:00:00Z"}, want=201)
        check("suggestion" not in bravo.get(f"/api/v1/asks/{early['uuid']}/suggestion"), "of that time nothing was told")
        check(alfa.get(where)["answers"] == [], "nothing is answered by itself")
        bravo.post(where + "/answer", told["suggestion"])
        check([{k: v for k, v in a.items() if k not in ("member", "made")} for a in alfa.get(where)["answers"]] == [told["suggestion"]])
    for path in (where, where + "/suggestion"):
        check(world.who("bravo", "viewer").raw("GET", path)[0] == 200)
    world.who("bravo").get(f"/api/v1/asks/{uuid.UUID(int=7)}/suggestion", want=404)


def who_asks_too_much_is_told_to_wait(scratch):
    world = World(scratch).start()
    alfa, bravo = world.who("alfa"), world.who("bravo")
    for _ in range(20):
        alfa.post("/api/v1/asks", {"what": "23/tcp", "label": to(world, "bravo")}, want=201)
    status, headers, _ = world.who("alfa", "admin").raw("POST", "/api/v1/asks", {"what": "23/tcp", "label": to(world, "bravo")})
    check(status == 429 and "Retry-After" in headers, status, headers)
    bravo.post("/api/v1/asks", {"what": "23/tcp", "label": to(world, "alfa")}, want=201)
    first = bravo.get("/api/v1/asks?limit=15")
    check(len(first["asks"]) == 15 and first["more"], first["more"])
    rest = bravo.get(f"/api/v1/asks?limit=15&since={first['next']}")
    check(len(rest["asks"]) == 6 and not rest["more"], len(rest["asks"]))
    check(len({a["uuid"] for a in first["asks"] + rest["asks"]}) == 21)
    check(alfa.raw("GET", f"/api/v1/asks?since={first['next']}")[0] == 400, "another's cursor")


def events_tell_questions_to_whom_they_reach_and_hide_what_is_suppressed(scratch):
    world, _ = world_with_findings(scratch)
    alfa = world.who("alfa")
    tokens = {name: member.tokens["viewer"] for name, member in world.members.items()}
    begin = world.who("bravo", "viewer").get("/api/v1/findings?limit=1&suppressed=all")["next"]
    world.who("bravo", "coordinator").post("/api/v1/suppressions", {"subject": "2001:db8::7", "words": "known"}, want=201)
    streams = {name: Stream(world.hub, tokens[name]) for name in ("bravo", "charlie")}
    for stream in streams.values():
        stream.wait(lambda s: s.status() == 200 and "retry:" in s.text())
    asked = [alfa.post("/api/v1/asks", {"what": what, "label": to(world, "bravo")}, want=201)["uuid"] for what in ("23/tcp", "53/udp")]
    streams["bravo"].wait(lambda s: len([e for e in s.events() if e[0] == "ask"]) == 2)
    told = [e[2] for e in streams["bravo"].events() if e[0] == "ask"]
    check(told == world.who("bravo", "viewer").get("/api/v1/asks")["asks"] and [one["uuid"] for one in told] == asked, told)
    streams["charlie"].read(1.0)
    check(not [e for e in streams["charlie"].events() if e[0] == "ask"], streams["charlie"].text())
    after = Stream(world.hub, tokens["bravo"], path=f"/api/v1/events?since={begin}").wait(lambda s: s.status() == 200).read(1.0)
    check(not [e for e in after.events() if e[0] == "finding" and e[2]["subject"] == "2001:db8::7"], after.text())
    for stream in (*streams.values(), after):
        stream.close()


# ---- the page ----

def blocks_of(page):
    """[[command, ...], ...]: what stands between fences without a language."""
    out, fence = [], None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fence = line[3:] if fence is None else None
            if fence == "":
                out.append([])
        elif fence == "" and line:
            out[-1].append(line)
    return out


def every_command_of_the_page_on_working_together_runs(scratch):
    if not shutil.which("curl"):
        raise Skip("curl is not there")
    world = World(scratch)
    for i, name in enumerate(("alfa-1", "hub-1")):
        run("hub", "import", world.hub.dir, generate(scratch / f"{name}.pcap", "1m", seed=i + 1), "--sensor", name, "--net", NET)
    world.registry.execute("UPDATE sensor SET member = ? WHERE name = 'alfa-1'", (world.members["alfa"].uuid.bytes,))
    world.finding(1, "192.0.2.7", time.time_ns())
    world.start()
    world.hub.settle()
    desks = {}
    for name in ("alfa", "bravo"):
        desk = desks[name] = scratch / name
        (desk / "noroshi").mkdir(parents=True)
        for path, text in (("noroshi/token", world.members[name].tokens["coordinator"]), ("token.header", f"Authorization: Bearer {world.members[name].tokens['coordinator']}")):
            (desk / path).write_text(text + "\n")
            (desk / path).chmod(0o600)
        for path in ("noroshi/authority.pem", "authority.pem"):
            shutil.copy(world.hub.dir / "keys" / "authority.pem", desk / path)
    alfa, bravo = world.who("alfa", "coordinator"), world.who("bravo", "coordinator")
    known = {"DIR": str(world.hub.dir), "HUB": world.hub.url.removeprefix("https://"), "SENSOR": "alfa-1", "FINDING": alfa.findings()[0]["id"]}
    ran = 0
    for block in blocks_of(PAGE):
        text = "\n".join(block)
        who = "bravo" if "asks answer" in text or "WHOLE" in text else "alfa"
        for line in block:
            asks = alfa.get("/api/v1/asks?state=open")["asks"]
            rules = alfa.get("/api/v1/suppressions")["suppressions"]
            known.update({"WHOLE": asks[-1]["uuid"], "ASK": asks[-1]["uuid"][:8], "MINE": asks[-1]["uuid"][:8]} if asks else {})
            known.update({"RULE": rules[0]["uuid"][:8]} if rules else {})
            line = re.sub(r"\b(DIR|HUB|SENSOR|FINDING|WHOLE|ASK|MINE|RULE)\b", lambda found: known[found.group()], line)
            done = subprocess.run(line, shell=True, cwd=desks[who], capture_output=True, text=True, check=False, timeout=60,
                                  env=hub_lib.clean_env(PATH=f"{hub_lib.NOROSHI.resolve().parent}:{os.environ['PATH']}", HOME=str(desks[who]),
                                                        XDG_CONFIG_HOME=str(desks[who]), NOROSHI_HUB=world.hub.url))
            check(done.returncode == 0 and (done.stdout or "sensor share" in line) and '"status":4' not in done.stdout, line, done.stdout, done.stderr)
            ran += 1
    check(ran >= 18, ran)
    closed = [a for a in alfa.get("/api/v1/asks")["asks"] if a["state"] == "closed"]
    check(len(closed) == 1 and closed[0]["answered"] == 1, closed)
    check(len(bravo.get("/api/v1/asks")["asks"]) == 2)
    check(alfa.get("/api/v1/sensors")["sensors"][0]["label"]["everyone"] is True)
    check([s["state"] for s in alfa.get(f"/api/v1/findings/{known['FINDING']}/triage")["history"]] == ["open", "acknowledged"])


# ---- done once ----

def a_repeated_request_is_done_once_also_after_a_restart(scratch):
    world = World(scratch).start()
    alfa, bravo = world.who("alfa", "coordinator"), world.who("bravo", "coordinator")
    body = {"subject": "192.0.2.1", "words": "once"}

    def add(asker, key, what=None):
        return asker.raw("POST", "/api/v1/suppressions", what or body, {"Idempotency-Key": key})

    first = add(alfa, "one")
    again = add(alfa, "one")
    check(first[0] == again[0] == 201 and first[2] == again[2] and first[1]["Location"] == again[1]["Location"], again)
    check("Noroshi-Repeated" not in first[1] and again[1]["Noroshi-Repeated"] == "true")
    check(add(alfa, "one", {**body, "words": "twice"})[0] == 422)
    check(alfa.raw("POST", "/api/v1/suppressions?x=1", body, {"Idempotency-Key": "one"})[0] == 422)
    check(add(bravo, "one")[0] == 201 and add(alfa, "two")[0] == 201)
    check(add(alfa, "wrong", {"words": "of nothing"})[0] == 400, "what was refused ...")
    check(add(alfa, "wrong")[0] == 201, "... may be tried again")
    world.hub.kill()
    world.start()
    alfa = world.who("alfa", "coordinator")
    check(add(alfa, "one")[2] == first[2])
    check(len(alfa.get("/api/v1/suppressions")["suppressions"]) == 3)
    uuids = [s["uuid"] for s in alfa.get("/api/v1/suppressions")["suppressions"]]
    one = [alfa.raw("DELETE", f"/api/v1/suppressions/{uuids[0]}", headers={"Idempotency-Key": "gone"}) for _ in range(2)]
    check(one[0][2] == one[1][2] and one[1][1].get("Noroshi-Repeated") == "true", one)
    check(alfa.raw("DELETE", f"/api/v1/suppressions/{uuids[1]}", headers={"Idempotency-Key": "gone"})[0] == 422)
    made = alfa.post("/api/v1/filters", {"name": "x", "view": "top"}, want=201)["uuid"]
    gone = [alfa.raw("DELETE", f"/api/v1/filters/{made}", headers={"Idempotency-Key": "filter"}) for _ in range(2)]
    check([g[0] for g in gone] == [204, 204] and gone[1][2] == b"", gone)


def every_change_says_that_it_takes_a_key(scratch):
    if yaml is None:
        raise Skip("python3-yaml is not there")
    world = World(scratch).start()
    document = yaml.safe_load(world.who("alfa").raw("GET", "/api/v1/openapi.yaml")[2])
    silent = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in ("post", "put", "patch", "delete") or operation["x-role"] == "anyone" or path.endswith("/logout"):
                continue
            names = [p.get("name") for p in operation.get("parameters", []) + item.get("parameters", [])]
            if "Idempotency-Key" not in names or not {"409", "422"} <= set(operation["responses"]):
                silent.append((method, path))
    check(not silent, silent)


def what_was_begun_when_the_hub_died_is_not_done_again(scratch):
    world = World(scratch).start()
    alfa = world.who("alfa", "coordinator")
    body = {"subject": "192.0.2.1", "words": "once"}
    check(alfa.raw("POST", "/api/v1/suppressions", body, {"Idempotency-Key": "one"})[0] == 201)
    registry = world.stopped()
    registry.execute("UPDATE idempotency SET status = 0, body = NULL")
    world.start()
    status, _, text = world.who("alfa", "coordinator").raw("POST", "/api/v1/suppressions", body, {"Idempotency-Key": "one"})
    check(status == 409 and b"look whether it was done" in text, status, text)
    check(len(world.who("alfa").get("/api/v1/suppressions")["suppressions"]) == 1)


def a_secret_that_was_answered_is_not_kept(scratch):
    world = World(scratch).start()
    admin = world.who("alfa", "admin")
    body, key = {"name": "robot", "role": "viewer"}, {"Idempotency-Key": "one"}
    status, _, text = admin.raw("POST", "/api/v1/tokens", body, key)
    check(status == 201, status, text)
    secret = json.loads(text)["token"]
    status, _, text = admin.raw("POST", "/api/v1/tokens", body, key)
    check(status == 409 and b"it was done" in text and secret.encode() not in text, status, text)
    check(len([t for t in admin.get("/api/v1/tokens")["tokens"] if t["name"] == "robot"]) == 1)
    world.hub.stop()
    for path in world.hub.dir.rglob("*"):
        check(not path.is_file() or secret.encode() not in path.read_bytes(), path)


def many_at_the_same_time_with_one_key_make_one(scratch):
    world = World(scratch).start()
    token = world.members["alfa"].tokens["coordinator"]
    answers, gate = [], threading.Barrier(8)

    def one():
        client = world.hub.client(token)
        client.get("/healthz")
        gate.wait()
        answers.append(client.get("/api/v1/suppressions", "POST", {"Content-Type": "application/json", "Idempotency-Key": "k"},
                                  b'{"subject":"192.0.2.1","words":"once"}'))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check({a[0] for a in answers} <= {201, 409} and any(a[0] == 201 for a in answers), [a[0] for a in answers])
    check(len({a[2] for a in answers if a[0] == 201}) == 1)
    check(len(world.who("alfa").get("/api/v1/suppressions")["suppressions"]) == 1)


# ---- hostile bodies ----

def routes_with_json(document):
    for path, item in sorted(document["paths"].items()):
        for method, operation in item.items():
            if method in ("post", "put", "patch") and "application/json" in operation.get("requestBody", {}).get("content", {}):
                yield method.upper(), path


def memory_kib(world):
    with open(f"/proc/{world.hub.process.pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def refused_everywhere(scratch, bodies):
    """Each body gets a 400 (413 when it is too long to be looked at) from every route that takes JSON, and costs no memory."""
    if yaml is None:
        raise Skip("python3-yaml is not there")
    world, ids = world_with_findings(scratch)
    operator = world.who("operator")
    finding = operator.findings()[0]["id"]
    document = yaml.safe_load(operator.raw("GET", "/api/v1/openapi.yaml")[2])
    known = {"finding": finding, "comment": operator.post(f"/api/v1/findings/{finding}/comments", {"words": "x"}, want=201)["uuid"],
             "filter": operator.post("/api/v1/filters", {"name": "x", "for": "member", "view": "top"}, want=201)["uuid"],
             "ask": operator.post("/api/v1/asks", {"what": "23/tcp", "label": to(world, "alfa")}, want=201)["uuid"]}
    routes = list(routes_with_json(document))
    check(len(routes) >= 8, routes)
    cookie, browser = session_of(world, "alfa", "admin"), Asker(world.hub.client(None))
    before = memory_kib(world)
    wrong = []
    for method, path in routes:
        filled = path
        for name, value in known.items():
            filled = filled.replace("{" + name + "}", value)
        mine = "{" not in filled
        filled = filled.replace("{", "").replace("}", "")
        asker, headers = operator, {}
        if operator.raw(method, filled, b"{}")[0] == 403:  # a token is none who logged in
            asker, headers = browser, {"Cookie": cookie, "Origin": world.hub.url, "Sec-Fetch-Site": "same-origin"}
        for body in bodies:
            try:
                status = asker.raw(method, filled, body, headers)[0]
            except (ConnectionError, OSError):  # it ends the connection of who goes on sending what is too long
                asker.client.connection.close()
                status = 413 if len(body) > BODY_LEAST else "cut off"
            if status not in ((400, 413) if mine else (400, 413, 404)):
                wrong.append((method, path, status, body[:60]))
    check(not wrong, wrong)
    grown = memory_kib(world) - before
    sanitized = any(word in hub_lib.NOROSHI.read_bytes() for word in (b"__asan_init", b"__tsan_init"))  # it keeps what was freed
    check(sanitized or grown < 48 << 10, f"{grown} KiB more")
    check(operator.raw("GET", "/healthz")[0] == 200 and ids)


def hostile_16_nested_bodies_are_refused(scratch):
    deep = [b"[" * 100000, b'{"a":' * 8000, b'{"words":' + b"[" * 33 + b"]" * 33 + b"}", b'{"words":' + b'[{"a":' * 5000 + b"1" + b"}]" * 5000 + b"}"]
    refused_everywhere(scratch, deep)


def hostile_17_duplicate_keys_are_refused(scratch):
    refused_everywhere(scratch, [b'{"words":"a","words":"b"}', b'{"words":"a","w\\u006frds":"b"}', b'{"label":{"tlp":"RED","tlp":"CLEAR"}}'])


def hostile_18_invalid_utf8_is_refused(scratch):
    refused_everywhere(scratch, [b'{"words":"\xc0\xaf"}', b'{"words":"\xed\xa0\x80"}', b'{"words":"\\ud800"}', b'{"words":"\xe3\x81"}', b'{"words":"\\u0000"}',
                                 b'{"words":"\x00"}', b'\xef\xbb\xbf{"words":"a"}', b'{"wo\xffrds":"a"}'])


def hostile_19_numbers_that_cannot_be_are_refused(scratch):
    refused_everywhere(scratch, [b'{"version":1e999999}', b'{"version":' + b"1" * 60000 + b"}", b'{"version":NaN}', b'{"version":0x10}', b'{"version":01}',
                                 b'{"version":9223372036854775808}', b'{"days":-}', b'{"days":1.5}', b'{"asn":-0.0e}'])


def hostile_20_many_keys_and_long_texts_are_refused(scratch):
    keys = b"{" + b",".join(b'"k%d":1' % i for i in range(1000000)) + b"}"
    refused_everywhere(scratch, [b"{" + b",".join(b'"%d":1' % i for i in range(5500)) + b"}", keys[:60000] + b"}",
                                 b'{"words":"' + b"x" * 65000 + b'"}', keys, b'{"words":"' + b"x" * (2 << 20) + b'"}'])


# ---- what comes out ----

HOSTILE_TEXTS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx", 'a"b,c\nd', '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "</script><script>alert(1)</script>",
                 "{{7*7}}", "\u202eevil", "/\\evil.example", "\x1b[2J", "\x1b]8;;http://evil\x07link\x1b]8;;\x07", "\x1b]52;c;eA==\x07", "\x07", "a\r\nSet-Cookie: x=1", "\x9b31m",
                 "\u0085\u2028"]


def hostile_33_34_35_words_come_back_as_they_were_and_raw_nowhere(scratch):
    world, ids = world_with_findings(scratch)
    alfa = world.who("alfa", "coordinator")
    where = f"/api/v1/findings/{ids['192.0.2.7']}"
    for text in HOSTILE_TEXTS:
        check(alfa.post(f"{where}/comments", {"words": text}, want=201)["words"] == text)
        check(alfa.post(f"{where}/triage", {"action": "acknowledge", "words": text})["words"] == text)
        alfa.post("/api/v1/suppressions", {"words": text, "detector": text}, want=201)
        alfa.post("/api/v1/filters", {"name": text, "view": "top"}, want=201)
    for path, name in ((f"{where}/comments", "comments"), ("/api/v1/suppressions", "suppressions"), ("/api/v1/filters", "filters"), (f"{where}/triage", "history")):
        _, headers, body = alfa.raw("GET", path)
        check(headers["Content-Type"] == "application/json" and headers["X-Content-Type-Options"] == "nosniff", headers)
        check(not any(byte < 0x20 and byte != 0x0a or byte == 0x7f for byte in body) and b"\n" not in body[:-1], "a control goes out raw", path)
        key = "name" if name == "filters" else "words"
        check({row[key] for row in json.loads(body)[name]} == set(HOSTILE_TEXTS), path)
    log = world.hub.words()
    check(not any(c in log for c in ("\x1b", "\x07", "\x9b", "Set-Cookie")), "they stand in the log")
    check(audited(world))


TESTS = [
    triage_is_each_members_own_and_no_other_sees_it,
    a_change_thought_for_another_version_is_refused,
    every_change_goes_back_and_stays_to_be_read,
    who_cannot_see_a_finding_cannot_say_anything_of_it,
    hostile_25_a_comment_of_another_finding_or_member_is_not_there,
    a_comment_reaches_whom_its_label_names,
    what_is_suppressed_is_hidden_from_its_member_alone_until_it_ends,
    what_the_operator_allows_holds_for_everyone,
    hostile_47_what_has_no_address_fits_no_prefix,
    filters_are_ones_own_or_the_members_and_fit_their_view,
    a_filter_takes_every_parameter_that_its_view_has,
    a_question_reaches_whom_it_names_and_each_answers_for_himself,
    questions_and_answers_that_cannot_be_are_refused,
    what_ones_own_sensors_saw_is_suggested_and_a_person_sends_it,
    who_asks_too_much_is_told_to_wait,
    events_tell_questions_to_whom_they_reach_and_hide_what_is_suppressed,
    every_command_of_the_page_on_working_together_runs,
    a_repeated_request_is_done_once_also_after_a_restart,
    every_change_says_that_it_takes_a_key,
    what_was_begun_when_the_hub_died_is_not_done_again,
    a_secret_that_was_answered_is_not_kept,
    many_at_the_same_time_with_one_key_make_one,
    hostile_16_nested_bodies_are_refused,
    hostile_17_duplicate_keys_are_refused,
    hostile_18_invalid_utf8_is_refused,
    hostile_19_numbers_that_cannot_be_are_refused,
    hostile_20_many_keys_and_long_texts_are_refused,
    hostile_33_34_35_words_come_back_as_they_were_and_raw_nowhere,
]

if __name__ == "__main__":
    hub_lib.main(TESTS)

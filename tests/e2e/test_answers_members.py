#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Members, communities, labels of sensors and the audit chain: over the API as each of its callers, and by the commands."""
import json
import sqlite3

import hub_lib
from hub_lib import run
from members_lib import World

TESTS = []

PUBLIC = {"uuid", "name", "title", "economy", "sector", "layer", "operator"}
GREEN = {"tlp": "GREEN", "everyone": True, "purposes": ["defence", "statistics"]}


def test(function):
    TESTS.append(function)
    return function


def check(good, words):
    if not good:
        raise AssertionError(words)


def same(got, want):
    check(got == want, f"{got!r}, not {want!r}")


def enrol(world, names):
    for name in names:
        run("sensor", "enrol", world.hub.dir, name)
    with sqlite3.connect(world.hub.dir / "registry.db") as registry:  # as if they had come
        registry.execute("UPDATE sensor SET state = 'imported'")


@test
def the_operators_member_is_there_once(scratch):
    world = World(scratch).start()
    rows = world.who("operator").ask("GET", "/api/v1/members")["members"]
    same([row["name"] for row in rows if row["operator"]], [rows[0]["name"]])
    same([row["name"] for row in rows[1:]], ["alfa", "bravo", "charlie"])
    name = rows[0]["name"]
    world.who("operator").ask("PATCH", f"/api/v1/members/{name}", {"suspended": True}, want=403)
    world.hub.stop()
    world.hub.start()
    world.made.clear()
    same([row["name"] for row in world.who("operator").ask("GET", "/api/v1/members")["members"]][0], name)


@test
def others_see_what_is_public_of_a_member_and_no_more(scratch):
    world = World(scratch).start()
    operator, alfa = world.who("operator"), world.who("alfa", "viewer")
    operator.ask("PATCH", "/api/v1/members/bravo", {"title": "Bravo \u65e5\u672c", "economy": "JP", "sector": "isp",
                                                    "layer": "policy", "contacts": [{"role": "duty", "address": "+81 3"}]})
    row = alfa.ask("GET", "/api/v1/members/bravo")
    same(set(row), PUBLIC)
    same((row["title"], row["economy"], row["layer"]), ("Bravo \u65e5\u672c", "JP", "policy"))
    same(alfa.ask("GET", f"/api/v1/members/{row['uuid']}"), row)
    check(all(set(one) <= PUBLIC for one in alfa.ask("GET", "/api/v1/members")["members"] if one["name"] != "alfa"), "more in the list")
    own = alfa.ask("GET", "/api/v1/members/alfa")
    check({"epoch", "contacts"} <= set(own), own)
    for what in ("prefixes", "asns"):
        alfa.ask("GET", f"/api/v1/members/alfa/{what}")
        inside = alfa.raw("GET", f"/api/v1/members/bravo/{what}")
        none = alfa.raw("GET", f"/api/v1/members/nobody/{what}")
        same((inside[0], inside[2]), (404, none[2]))  # not there, word by word


@test
def pages_hold_each_member_once(scratch):
    world = World(scratch).start()
    alfa, names, since = world.who("alfa", "viewer"), [], ""
    while True:
        page = alfa.ask("GET", f"/api/v1/members?limit=1{since}")
        names += [row["name"] for row in page["members"]]
        if not page["more"]:
            break
        since = f"&since={page['next']}"
    same(names[1:], ["alfa", "bravo", "charlie"])
    world.who("bravo", "viewer").ask("GET", f"/api/v1/members?since={page['next']}", want=400)  # another's cursor
    alfa.ask("GET", "/api/v1/members?limit=0", want=400)
    alfa.ask("GET", "/api/v1/members?name=x", want=400)


@test
def a_coordinator_changes_the_contacts_of_his_own_and_nothing_else(scratch):
    """Hostile input 51: a rank reaches no further than its own member."""
    world = World(scratch).start()
    contacts = [{"role": "abuse", "address": "abuse@example.net"}]
    row = world.who("alfa", "coordinator").ask("PATCH", "/api/v1/members/alfa", {"contacts": contacts})
    same(row["contacts"], contacts)
    for role in ("coordinator", "admin"):
        alfa = world.who("alfa", role)
        for body in ({"title": "x"}, {"suspended": False}, {"layer": "policy", "contacts": []}):
            alfa.ask("PATCH", "/api/v1/members/alfa", body, want=403)
        alfa.ask("PATCH", "/api/v1/members/bravo", {"contacts": []}, want=403)
        for method, path, body in (("POST", "/api/v1/members", {"name": "delta"}),
                                   ("POST", "/api/v1/members/alfa/prefixes", {"prefix": "203.0.113.0/24"}),
                                   ("POST", "/api/v1/members/alfa/asns", {"asn": 64511}),
                                   ("POST", "/api/v1/communities", {"name": "c"}),
                                   ("DELETE", "/api/v1/members/alfa/prefixes?prefix=192.0.2.0/24", None)):
            alfa.ask(method, path, body, want=403)
    for role in ("viewer", "analyst"):
        world.who("alfa", role).ask("PATCH", "/api/v1/members/alfa", {"contacts": []}, want=403)
    same(world.who("alfa", "viewer").ask("GET", "/api/v1/members/alfa")["contacts"], contacts)


@test
def a_prefix_is_one_members(scratch):
    world = World(scratch).start()
    operator = world.who("operator")
    held = operator.ask("POST", "/api/v1/members/alfa/prefixes", {"prefix": "203.0.113.0/24", "since": "2026-01-01T00:00:00Z"}, want=201)
    check({"prefix": "203.0.113.0/24", "since": "2026-01-01T00:00:00Z"} in held["prefixes"], held)
    problem = operator.ask("POST", "/api/v1/members/bravo/prefixes", {"prefix": "203.0.113.0/24"}, want=409)
    check("alfa" in problem["detail"] and "203.0.113.0/24" in problem["detail"], problem)
    operator.ask("POST", "/api/v1/members/bravo/prefixes", {"prefix": "203.0.113.128/25"}, want=201)  # handed on
    for bad in ("203.0.113.1/24", "0.0.0.0/0", "::/0", "", "x", "203.0.113.0/33", None):
        operator.ask("POST", "/api/v1/members/bravo/prefixes", {"prefix": bad}, want=400)
    operator.ask("DELETE", "/api/v1/members/bravo/prefixes?prefix=203.0.113.0/24", want=404)
    operator.ask("DELETE", "/api/v1/members/alfa/prefixes?prefix=203.0.113.0/24", want=204)
    operator.ask("POST", "/api/v1/members/bravo/prefixes", {"prefix": "203.0.113.0/24"}, want=201)
    operator.ask("POST", "/api/v1/members/alfa/asns", {"asn": 64511}, want=201)
    check("AS64511 is held by alfa" in operator.ask("POST", "/api/v1/members/bravo/asns", {"asn": 64511}, want=409)["detail"], "words")
    for bad in (0, -1, 2**32, "64511", 1.5, None):
        operator.ask("POST", "/api/v1/members/bravo/asns", {"asn": bad}, want=400)
    operator.ask("DELETE", "/api/v1/members/alfa/asns?asn=64511", want=204)


@test
def an_empty_name_is_nobody(scratch):
    """Hostile input 47: empty, zero and null are no member, wherever one may be named."""
    world = World(scratch).start()
    operator, zero = world.who("operator"), "00000000-0000-0000-0000-000000000000"
    for name in (zero, "-", "%20", "a" * 64):
        operator.ask("GET", f"/api/v1/members/{name}", want=404)
    for body in ({"name": ""}, {"name": None}, {}, {"name": 0}, {"name": "a", "operator": True}, {"name": "a", "uuid": zero}):
        operator.ask("POST", "/api/v1/members", body, want=400)
    operator.ask("POST", "/api/v1/communities", {"name": "c"}, want=201)
    for member in ("", zero, None, 0):
        operator.ask("POST", "/api/v1/communities/c/members", {"member": member}, want=400)
    same(operator.ask("GET", "/api/v1/communities/c/members")["members"], [])


@test
def a_community_is_there_for_who_is_in_it(scratch):
    world = World(scratch).start()
    operator, alfa = world.who("operator"), world.who("alfa", "viewer")
    operator.ask("POST", "/api/v1/communities", {"name": "apcert", "title": "AP"}, want=201)
    operator.ask("POST", "/api/v1/communities", {"name": "apcert"}, want=409)
    same(alfa.ask("GET", "/api/v1/communities")["communities"], [])
    alfa.ask("GET", "/api/v1/communities/apcert/members", want=404)
    operator.ask("POST", "/api/v1/communities/apcert/members", {"member": "alfa"}, want=201)
    same([c["name"] for c in alfa.ask("GET", "/api/v1/communities")["communities"]], ["apcert"])
    same([(m["name"], m["epoch"]) for m in alfa.ask("GET", "/api/v1/communities/apcert/members")["members"]], [("alfa", 1)])
    operator.ask("DELETE", "/api/v1/communities/apcert/members?member=alfa", want=204)
    alfa.ask("GET", "/api/v1/communities/apcert/members", want=404)
    operator.ask("POST", "/api/v1/communities/apcert/members", {"member": "alfa"}, want=201)
    same([(m["name"], m["epoch"]) for m in alfa.ask("GET", "/api/v1/communities/apcert/members")["members"]], [("alfa", 2)])


@test
def who_is_suspended_may_nothing_at_once(scratch):
    world = World(scratch).start()
    operator, alfa = world.who("operator"), world.who("alfa", "admin")
    alfa.ask("GET", "/api/v1/members")
    operator.ask("PATCH", "/api/v1/members/alfa", {"suspended": True})
    alfa.ask("GET", "/api/v1/members", want=401)
    bravo = world.who("bravo", "viewer")
    bravo.ask("GET", "/api/v1/members/alfa", want=404)
    check("alfa" not in [row["name"] for row in bravo.ask("GET", "/api/v1/members")["members"]], "still in the list")
    row = operator.ask("PATCH", "/api/v1/members/alfa", {"suspended": False})
    same(row["epoch"], 3)
    alfa.ask("GET", "/api/v1/members", want=401)  # its tokens are of the membership that ended


@test
def a_sensor_is_its_owners_and_shared_as_he_says(scratch):
    world = World(scratch)
    enrol(world, ("tokyo-1", "tokyo-2", "hub-1"))
    world.start()
    operator, alfa, bravo = world.who("operator"), world.who("alfa", "coordinator"), world.who("bravo", "viewer")
    for name in ("tokyo-1", "tokyo-2"):
        row = operator.ask("PATCH", f"/api/v1/sensors/{name}", {"member": "alfa"})
        same((row["member"], row["label"]["tlp"], row["label"]["everyone"]), ("alfa", "AMBER+STRICT", False))
    same(len(operator.ask("GET", "/api/v1/sensors")["sensors"]), 3)
    mine = alfa.ask("GET", "/api/v1/sensors")
    same(([row["name"] for row in mine["sensors"]], mine["shared_with_you"]), (["tokyo-1", "tokyo-2"], 0))
    same(bravo.ask("GET", "/api/v1/sensors"), {"sensors": [], "shared_with_you": 0})
    alfa.ask("PATCH", "/api/v1/sensors/tokyo-1", {"label": GREEN})
    same(bravo.ask("GET", "/api/v1/sensors"), {"sensors": [], "shared_with_you": 1})
    # Another's is not there, whatever is tried, in the same words as one that never was.
    other = world.who("bravo", "admin")
    for method, body in (("GET", None), ("PATCH", {"label": GREEN}), ("PATCH", {"member": "bravo"}), ("PATCH", {"label": {"tlp": "purple"}})):
        there, never = (other.raw(method, f"/api/v1/sensors/{name}", body) for name in ("tokyo-1", "tokyo-9"))
        same((there[0], there[2]), (404, never[2]))
    alfa.ask("PATCH", "/api/v1/sensors/tokyo-1", {"member": "bravo"}, want=403)
    world.who("alfa", "analyst").ask("PATCH", "/api/v1/sensors/tokyo-1", {"label": None}, want=403)
    operator.ask("PATCH", "/api/v1/sensors/tokyo-1", {"label": {"tlp": "CLEAR", "everyone": True, "purposes": ["defence"]}})
    same(alfa.ask("GET", "/api/v1/sensors/tokyo-1")["label"]["tlp"], "GREEN")  # tightened at most, never relaxed
    operator.ask("PATCH", "/api/v1/sensors/tokyo-2", {"label": GREEN}, want=403)
    alfa.ask("PATCH", "/api/v1/sensors/tokyo-1", {"label": None})
    same(bravo.ask("GET", "/api/v1/sensors")["shared_with_you"], 0)
    alfa.ask("PATCH", "/api/v1/sensors/tokyo-1", {"label": GREEN})
    operator.ask("PATCH", "/api/v1/sensors/tokyo-1", {"member": "charlie"})  # his word ended with his ownership
    same(bravo.ask("GET", "/api/v1/sensors")["shared_with_you"], 0)
    same(len(alfa.ask("GET", "/api/v1/sensors")["sensors"]), 1)


@test
def a_label_names_members_as_they_are_now(scratch):
    world = World(scratch)
    enrol(world, ("s1",))
    world.start()
    operator, alfa = world.who("operator"), world.who("alfa", "coordinator")
    bravo, charlie = str(world.members["bravo"].uuid), str(world.members["charlie"].uuid)
    operator.ask("PATCH", "/api/v1/sensors/s1", {"member": "alfa"})
    label = {"tlp": "RED", "purposes": ["defence"], "members": [{"member": bravo}]}
    row = alfa.ask("PATCH", "/api/v1/sensors/s1", {"label": label})
    same(row["label"]["members"], [{"member": bravo, "epoch": 1}])
    same([world.who(name, "viewer").ask("GET", "/api/v1/sensors")["shared_with_you"] for name in ("bravo", "charlie")], [1, 0])
    for bad in ({}, {"tlp": "RED", "everyone": True}, {"tlp": "AMBER", "everyone": True, "purposes": ["defence"]},
                {"tlp": "RED", "members": [{"member": bravo}]}, {"tlp": "RED", "purposes": ["defence"], "members": [{"member": bravo[::-1]}]},
                {**label, "members": [{"member": str(world.members["bravo"].uuid)[:-1] + "9"}]}, {**label, "tlp": ""}, []):
        alfa.ask("PATCH", "/api/v1/sensors/s1", {"label": bad}, want=400)
    uuid = operator.ask("POST", "/api/v1/communities", {"name": "c"}, want=201)["uuid"]
    operator.ask("POST", "/api/v1/communities/c/members", {"member": "charlie"}, want=201)
    alfa.ask("PATCH", "/api/v1/sensors/s1", {"label": {"tlp": "AMBER", "purposes": ["defence"], "communities": [{"community": uuid}]}})
    same(world.who("charlie", "viewer").ask("GET", "/api/v1/sensors")["shared_with_you"], 1)
    operator.ask("DELETE", "/api/v1/communities/c/members?member=charlie", want=204)
    same(world.who("charlie", "viewer").ask("GET", "/api/v1/sensors")["shared_with_you"], 0)
    operator.ask("POST", "/api/v1/communities/c/members", {"member": charlie}, want=201)  # he came back: another
    same(world.who("charlie", "viewer").ask("GET", "/api/v1/sensors")["shared_with_you"], 0)


@test
def an_admin_reads_what_was_done_for_his_own(scratch):
    world = World(scratch).start()
    operator = world.who("operator")
    operator.ask("POST", "/api/v1/communities", {"name": "secret-one"}, want=201)
    world.who("alfa", "coordinator").ask("PATCH", "/api/v1/members/alfa", {"contacts": []})
    world.who("bravo", "coordinator").ask("PATCH", "/api/v1/members/bravo", {"contacts": []})
    rows = world.who("alfa", "admin").ask("GET", "/api/v1/audit")["audit"]
    check(rows and all(row["member"] == "alfa" and "row" not in row for row in rows), rows)
    check([row["object"] for row in rows if row["action"] == "member.contacts"] == ["alfa"], rows)
    everything = operator.ask("GET", "/api/v1/audit")["audit"]
    check({"hub.init", "community.add", "member.contacts"} <= {row["action"] for row in everything}, everything)
    same([row["row"] for row in everything], list(range(1, len(everything) + 1)))
    first = operator.ask("GET", "/api/v1/audit?limit=2")
    check(first["more"], first)
    same(operator.ask("GET", f"/api/v1/audit?limit=1&since={first['next']}")["audit"][0]["row"], 3)
    for role in ("viewer", "analyst", "coordinator"):
        world.who("alfa", role).ask("GET", "/api/v1/audit", want=403)


@test
def the_commands_do_the_same_whether_the_hub_runs_or_not(scratch):
    for runs in (False, True):
        place = scratch / str(runs)
        place.mkdir()
        world = World(place, names=())
        hub = world.hub
        if runs:
            world.start()
        directory = hub.dir

        def told(*words):
            return json.loads(run(*words)[1])

        run("member", "add", directory, "jp-cert", "--title", "Example \u65e5\u672c", "--economy", "JP", "--layer", "policy")
        same(run("member", "add", directory, "jp-cert", ok=False)[::2], (1, "noroshi member add: there is a member 'jp-cert' already\n"))
        same(run("member", "add", directory, "x", "--layer", "navy", ok=False)[0], 2)
        run("member", "add", directory, "other")
        run("member", "prefix-add", directory, "jp-cert", "192.0.2.0/24", "--since", "2026-01-01")
        run("member", "prefix-add", directory, "jp-cert", "AS64500")
        words = run("member", "prefix-add", directory, "other", "AS64500", ok=False)
        check(words[0] == 1 and "held by jp-cert" in words[2], words)
        for bad in ("AS0", "ASx", "0.0.0.0/0", "192.0.2.1/24", "AS99999999999"):
            same(run("member", "prefix-add", directory, "other", bad, ok=False)[0], 2)
        shown = told("member", "show", directory, "jp-cert")
        same((shown["prefixes"], [a["asn"] for a in shown["asns"]]), ([{"prefix": "192.0.2.0/24", "since": "2026-01-01T00:00:00Z"}], [64500]))
        same((shown["member"]["title"], shown["member"]["layer"]), ("Example \u65e5\u672c", "policy"))
        run("member", "prefix-remove", directory, "jp-cert", "AS64500")
        same(told("member", "show", directory, "jp-cert")["asns"], [])
        same([m["name"] for m in told("member", "list", directory)["members"]][1:], ["jp-cert", "other"])
        run("member", "suspend", directory, "other")
        check("suspended" in told("member", "list", directory)["members"][2], "not suspended")
        run("member", "resume", directory, "other")
        same(told("member", "list", directory)["members"][2]["epoch"], 3)
        same(run("member", "suspend", directory, "nobody", ok=False)[0], 1)
        run("community", "add", directory, "apcert", "--title", "AP")
        run("community", "join", directory, "apcert", "jp-cert")
        same([(c["name"], c["members"]) for c in told("community", "list", directory)["communities"]], [("apcert", 1)])
        run("community", "leave", directory, "apcert", "jp-cert")
        same(run("community", "leave", directory, "apcert", "jp-cert", ok=False)[0], 1)
        if runs:
            hub.stop()


@test
def a_sensor_is_shared_by_a_command(scratch):
    world = World(scratch)
    enrol(world, ("s1",))
    directory = world.hub.dir

    def label():
        return json.loads(run("sensor", "label", directory, "s1")[1])

    same((label()["tlp"], label()["purposes"]), ("AMBER+STRICT", []))
    run("sensor", "share", directory, "s1", "--tlp", "GREEN", "--everyone")
    same((label()["tlp"], label()["everyone"], len(label()["purposes"])), ("GREEN", True, 4))
    run("sensor", "share", directory, "s1", "--tlp", "RED", "--member", "alfa,bravo", "--member", "charlie", "--purpose", "defence",
        "--expires", "2030-01-01")
    same(([m["epoch"] for m in label()["members"]], label()["purposes"], label()["expires"]), ([1, 1, 1], ["defence"], "2030-01-01T00:00:00Z"))
    for words in ([], ["--tlp", "GREEN"], ["--everyone"], ["--tlp", "AMBER", "--everyone"], ["--tlp", "purple", "--everyone"],
                  ["--tlp", "GREEN", "--everyone", "--purpose", "fun"], ["--tlp", "RED", "--member", "nobody"], ["--tlp", "RED", "--member", ""],
                  ["--tlp", "AMBER", "--community", "none"], ["--nobody", "--everyone", "--tlp", "GREEN"],
                  ["--tlp", "GREEN", "--everyone", "--expires", "soon"]):
        same((words, run("sensor", "share", directory, "s1", *words, ok=False)[0]), (words, 2))
    same(label()["tlp"], "RED")
    run("sensor", "share", directory, "s1", "--nobody")
    same((label()["tlp"], label()["members"]), ("AMBER+STRICT", []))
    run("sensor", "give", directory, "s1", "alfa")
    status, _, words = run("sensor", "share", directory, "s1", "--tlp", "GREEN", "--everyone", ok=False)
    check(status == 1 and "another member's" in words, words)
    world.start()
    same(run("sensor", "share", directory, "s1", "--tlp", "GREEN", "--everyone", ok=False)[2], words)  # the same over the socket
    world.who("alfa", "coordinator").ask("PATCH", "/api/v1/sensors/s1", {"label": GREEN})
    same(label()["tlp"], "GREEN")


@test
def a_chain_that_was_cut_is_found_by_an_older_head(scratch):
    world = World(scratch, names=())
    directory = world.hub.dir
    run("member", "add", directory, "a")
    early, late = scratch / "early", scratch / "late"
    early.write_text(run("audit", "head", directory)[1])
    run("member", "add", directory, "b")
    world.start()
    late.write_text(run("audit", "head", directory)[1])
    for head in (early, late):
        check(json.loads(run("audit", "verify", directory, "--head", head)[1])["whole"], head)
    rows = json.loads(run("audit", "list", directory, "--last", "2")[1])["audit"]
    same([row["object"] for row in rows if row["action"] == "member.add"], ["a", "b"][-len(rows):])
    same(run("hub", "audit", directory)[1], run("audit", "verify", directory)[1])
    registry = world.stopped()
    registry.execute("DROP TRIGGER audit_stays")
    registry.execute("DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)")
    registry.close()
    run("audit", "verify", directory)  # what is left is a chain
    run("audit", "verify", directory, "--head", early)
    status, _, words = run("audit", "verify", directory, "--head", late, ok=False)
    check(status == 1 and "shorter" in words, words)
    late.write_text(late.read_text().replace("chain ", "chain 0"))
    same(run("audit", "verify", directory, "--head", late, ok=False)[0], 1)
    same(run("audit", "verify", directory, "--head", scratch / "none", ok=False)[0], 1)
    same(run("audit", "verify", ok=False)[0], 2)


if __name__ == "__main__":
    hub_lib.main(TESTS)

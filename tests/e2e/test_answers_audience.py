#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may know what, against a model of it in sets: labelled comments, questions and sensors, while memberships and labels change. TAP output.

NOROSHI_SEED=N for other changes, NOROSHI_CHANGES=N for more of them.
"""
import json
import os
import random
import sys
import time

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import run
from members_lib import Asker, World
from test_answers_http import Stream

SEED = int(os.environ.get("NOROSHI_SEED", "1"))
CHANGES = int(os.environ.get("NOROSHI_CHANGES", "40"))
NAMES = ("alfa", "bravo", "charlie", "delta")
PURPOSE_OF = {"technical": "defence", "law-enforcement": "investigation", "policy": "statistics", "diplomatic": "statistics", "research": "research"}
PURPOSES = ("defence", "investigation", "statistics", "research")
TLPS = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")


def check(what, *words):
    if not what:
        raise AssertionError(" ".join(map(str, words)))


class Model:
    """docs/internals/answers.md in sets."""

    def __init__(self):
        self.epoch = dict.fromkeys(NAMES, 1)
        self.suspended, self.layer = set(), dict.fromkeys(NAMES, "technical")
        self.community = {"c1": {}, "c2": {}}  # name: {member: epoch}
        self.left = {"c1": {}, "c2": {}}
        self.comments, self.asks, self.sensors = {}, {}, {}  # id: label with owner
        self.removed = set()

    def complete(self, owner, wish):
        label = {"owner": owner, "tlp": wish["tlp"], "everyone": wish["everyone"], "layers": set(wish["layers"]),
                 "purposes": set(wish["purposes"]), "members": {(m, self.epoch[m]) for m in wish["members"]}, "communities": set()}
        for name in wish["communities"]:
            label["communities"] |= {(name, epoch) for epoch in set(self.community[name].values()) or {1}}
        return label

    def reads(self, who, label):
        if who == label["owner"]:
            return True
        if PURPOSE_OF[self.layer[who]] not in label["purposes"]:
            return False
        if (label["everyone"] and label["tlp"] in ("CLEAR", "GREEN")) or (who, self.epoch[who]) in label["members"]:
            return True
        mine = {(name, inside[who]) for name, inside in self.community.items() if who in inside}
        return label["tlp"] != "RED" and bool(self.layer[who] in label["layers"] or mine & label["communities"])

    def sees(self, who, things):
        return {one for one, label in things.items() if self.reads(who, label) and (one not in self.removed or who == label["owner"])}


class Play:
    def __init__(self, scratch):
        self.dice, self.model, self.world = random.Random(SEED), Model(), World(scratch, names=NAMES)
        self.world.finding(1, "192.0.2.7", time.time_ns())
        for name in NAMES:
            for i in range(2):
                run("sensor", "enrol", self.world.hub.dir, f"{name}-{i}")
        self.world.registry.execute("UPDATE sensor SET state = 'imported'")
        self.world.start()
        self.operator = self.world.who("operator")
        self.callers, self.refused = {}, 0
        for name in NAMES:
            self.again(name)
            for i in range(2):
                self.operator.ask("PATCH", f"/api/v1/sensors/{name}-{i}", {"member": name})
                self.model.sensors[f"{name}-{i}"] = self.model.complete(name, self.nobody())
        self.uuid = {c: self.operator.post("/api/v1/communities", {"name": c}, want=201)["uuid"] for c in self.model.community}
        self.finding = self.callers["alfa"].findings()[0]["id"]

    @staticmethod
    def nobody():
        return {"tlp": "AMBER+STRICT", "everyone": False, "layers": [], "purposes": [], "members": [], "communities": []}

    def again(self, name):
        """A token of the membership that is in force now: those of the one before ended with it."""
        made = self.operator.post("/api/v1/tokens", {"name": f"of-{name}", "role": "coordinator", "member": name}, want=201)
        self.callers[name] = Asker(self.world.hub.client(made["token"]))

    def wish(self):
        dice, model = self.dice, self.model
        tlp = dice.choice(TLPS)
        some = [name for name in NAMES if name not in model.suspended]
        wish = {"tlp": tlp, "everyone": tlp in ("CLEAR", "GREEN") and dice.random() < 0.2, "members": dice.sample(some, dice.randint(0, min(2, len(some)))),
                "layers": dice.sample(list(PURPOSE_OF), dice.randint(0, 1)) if tlp != "RED" else [],
                "communities": dice.sample(["c1", "c2"], dice.randint(0, 1)) if tlp != "RED" else [],
                "purposes": dice.sample(PURPOSES, dice.randint(1, 4)) if dice.random() < 0.5 else list(PURPOSES)}
        return wish if wish["everyone"] or wish["members"] or wish["layers"] or wish["communities"] else self.wish()

    def said(self, wish):
        return {**wish, "members": [{"member": str(self.world.members[name].uuid)} for name in wish["members"]],
                "communities": [{"community": self.uuid[name]} for name in wish["communities"]]}

    def say(self, name, kind):
        wish = self.wish()
        if kind == "comment":
            made = self.callers[name].post(f"/api/v1/findings/{self.finding}/comments", {"words": "x", "label": self.said(wish)}, want=201)
        else:
            made = self.callers[name].post("/api/v1/asks", {"what": "23/tcp", "label": self.said(wish)}, want=201)
        (self.model.comments if kind == "comment" else self.model.asks)[made["uuid"]] = self.model.complete(name, wish)

    def change(self):
        """One of what people and the operator do; its words."""
        dice, model = self.dice, self.model
        what = dice.choice(("relabel", "suspend", "resume", "join", "join", "leave", "layer", "comment", "ask", "remove"))
        name, community = dice.choice(NAMES), dice.choice(("c1", "c2"))
        inside = model.community[community]
        if what == "suspend" and name not in model.suspended and len(model.suspended) < 2:
            self.operator.ask("PATCH", f"/api/v1/members/{name}", {"suspended": True})
            model.suspended.add(name)
            model.epoch[name] += 1
        elif what in ("suspend", "resume") and model.suspended:
            name = dice.choice(sorted(model.suspended))
            self.operator.ask("PATCH", f"/api/v1/members/{name}", {"suspended": False})
            model.suspended.remove(name)
            self.begins_anew(name)
            self.callers[name].get("/api/v1/asks", want=401)
            self.again(name)
        elif what == "join" and name not in inside and name not in model.suspended:
            self.operator.post(f"/api/v1/communities/{community}/members", {"member": name}, want=201)
            inside[name] = model.left[community].pop(name, 0) + 1
        elif what == "leave" and name in inside:
            self.operator.ask("DELETE", f"/api/v1/communities/{community}/members?member={name}", want=204)
            model.left[community][name] = inside.pop(name)
        elif what == "layer":
            model.layer[name] = dice.choice(list(PURPOSE_OF))
            self.operator.ask("PATCH", f"/api/v1/members/{name}", {"layer": model.layer[name]})
        elif name in model.suspended:
            return self.change()
        elif what == "relabel":
            sensor, wish = f"{name}-{dice.randrange(2)}", self.wish()
            self.callers[name].ask("PATCH", f"/api/v1/sensors/{sensor}", {"label": self.said(wish)})
            model.sensors[sensor] = model.complete(name, wish)
        elif what in ("comment", "ask"):
            self.say(name, what)
        elif what == "remove":
            one = dice.choice(sorted(k for k, label in model.comments.items() if label["owner"] == name))
            self.callers[name].ask("PATCH", f"/api/v1/findings/{self.finding}/comments/{one}", {"removed": one not in model.removed})
            model.removed ^= {one}
        else:
            return self.change()
        return f"{what} {name} {community}"

    def begins_anew(self, name):
        """From then on it is another, in its communities too."""
        self.model.epoch[name] += 1
        for inside in self.model.community.values():
            if name in inside:
                inside[name] += 1

    def same(self, after):
        for name in NAMES:
            caller, model = self.callers[name], self.model
            if name in model.suspended:
                for path in ("asks", "sensors", f"findings/{self.finding}/comments", "events"):
                    self.refused += 1  # from an address of its own: who is refused often is slowed down
                    client = self.world.hub.client(caller.client.token)
                    client.connection.source_address = (f"127.0.{1 + self.refused // 250}.{1 + self.refused % 250}", 0)
                    Asker(client).get(f"/api/v1/{path}", want=401)
                    client.connection.close()
                continue
            comments, asks = model.sees(name, model.comments), model.sees(name, model.asks)
            heard = {c["uuid"]: c for c in caller.get(f"/api/v1/findings/{self.finding}/comments")["comments"]}
            self.equal(after, name, "comments", set(heard), comments, model.comments)
            check(all(c["own"] == (model.comments[u]["owner"] == name) == ("label" in c) for u, c in heard.items()), after, name, heard)
            self.equal(after, name, "asks", {a["uuid"] for a in self.pages(caller)}, asks, model.asks)
            sensors = caller.get("/api/v1/sensors")
            mine = {one for one, label in model.sensors.items() if label["owner"] == name}
            self.equal(after, name, "sensors", {s["name"] for s in sensors["sensors"]}, mine, model.sensors)
            shared = model.sees(name, model.sensors) - mine
            check(sensors["shared_with_you"] == len(shared), after, name, "shares", sensors["shared_with_you"], shared)
            told = caller.get("/api/v1/series?of=packets&step=1h&scope=shared")["sensors"]
            check(told == len(shared), after, name, "series over", told, len(shared))
            for path, things, visible in ((f"findings/{self.finding}/comments/", model.comments, comments), ("asks/", model.asks, asks),
                                          ("sensors/", model.sensors, mine)):
                for one in self.dice.sample(sorted(things), min(len(things), 12)):
                    got = caller.raw("GET", f"/api/v1/{path}{one}")[0]
                    check(got == (200 if one in visible else 404), after, name, path, one, got, things[one])

    def pages(self, caller):
        since = ""
        while True:
            page = caller.get(f"/api/v1/asks?limit=7{since}")
            yield from page["asks"]
            if not page["more"]:
                return
            since = f"&since={page['next']}"

    def equal(self, after, name, what, got, want, things):
        check(got == want, f"after {after}: {name} {what}: too much {[things.get(i) for i in got - want]}, missing {[things[i] for i in want - got]}",
              f"epochs {self.model.epoch} {self.model.community} {self.model.layer}")

    def streams(self):
        """A stream tells the open questions and the own sensors, and no other."""
        for name in NAMES:
            if name in self.model.suspended:
                continue
            stream = Stream(self.world.hub, self.callers[name].client.token)
            end, asks, sensors = time.monotonic() + 10, self.model.sees(name, self.model.asks), {f"{name}-0", f"{name}-1"}
            got = {"ask": set(), "sensor": set()}
            while time.monotonic() < end and (got["ask"] != asks or got["sensor"] != sensors):
                stream.read(0.3)
                blocks = [dict(line.split(": ", 1) for line in block.splitlines() if ": " in line) for block in stream.text().split("\n\n")[:-1]]
                got = {kind: {json.loads(b["data"])["uuid" if kind == "ask" else "name"] for b in blocks if b.get("event") == kind} for kind in got}
            stream.socket.close()
            check(got == {"ask": asks, "sensor": sensors}, name, "is told", got, asks)


def everybody_knows_what_the_model_says_after_every_change(scratch):
    play = Play(scratch)
    for _ in range(25):
        for name in NAMES:
            play.say(name, "comment")
    for _ in range(8):
        for name in NAMES:
            play.say(name, "ask")
    play.same("the beginning")
    for i in range(CHANGES):
        play.same(f"change {i} ({play.change()}), seed {SEED}")
    play.streams()
    check(play.world.local("/local/v1/audit")["whole"])


if __name__ == "__main__":
    hub_lib.main([everybody_knows_what_the_model_says_after_every_change])

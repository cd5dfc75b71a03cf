#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who asks: set-up, login, one-time codes, sessions, tokens, ranks, limits; and that no secret stays anywhere. TAP output."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import secrets
import socket
import ssl
import sqlite3
import struct
import time
import urllib.parse

import hub_lib
from hub_lib import Hub, run

TESTS = []
PASSWORD = "correct horse battery"
SETTINGS = "api:\n  rate: 100000\n  burst: 100000\n  recheck_s: 1\n"


def test(function):
    TESTS.append(function)
    return function


def eq(is_, want):
    assert is_ == want, f"{is_!r} is not {want!r}"


class Browser:
    """Somebody who asks from one address, with a cookie when he logged in, or with a token."""

    def __init__(self, hub, source="127.0.0.1", token=None, cookie=None):
        self.hub, self.source, self.token, self.cookie = hub, source, token, cookie

    def raw(self, method, path, body=None, headers=None):
        """(status, headers, bytes); each on a connection of its own."""
        where = urllib.parse.urlsplit(self.hub.url)
        connection = http.client.HTTPSConnection(where.hostname, where.port, context=self.hub.tls(), timeout=60,
                                                 source_address=(self.source, 0))
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if self.cookie:
            headers.setdefault("Cookie", f"__Host-noroshi={self.cookie}")
            headers.setdefault("Origin", self.hub.url)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, body, {k: v for k, v in headers.items() if v is not None})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), text

    def ask(self, method, path, body=None, want=200, **headers):
        status, _, text = self.raw(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        assert status == want, f"{method} {path}: {status}, not {want}: {text[:300]}"
        return json.loads(text) if text else None

    def login(self, login, password=PASSWORD, code=None, want=200):
        body = {"login": login, "password": password, **({"code": code} if code else {})}
        status, headers, text = self.raw("POST", "/api/v1/login", body)
        assert status == want, f"login {login}: {status}, not {want}: {text[:300]}"
        if status == 200:
            self.cookie = re.fullmatch(r"__Host-noroshi=(nrsession_\w{60}); Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200",
                                       headers["Set-Cookie"]).group(1)
        return self


def secret_of(link):
    return re.fullmatch(r"https://[^/]+/setup#(nrsetup_\w{60})", link.strip()).group(1)


def first_admin(hub, login="boss"):
    """Sets the hub up; the browser that logged in."""
    link = run("hub", "setup-link", hub.dir)[1]
    Browser(hub).ask("POST", "/api/v1/setup", {"token": secret_of(link), "login": login, "password": PASSWORD})
    return Browser(hub).login(login)


def person(hub, admin, login, role, member="", source="127.0.0.1", password=PASSWORD):
    """A new user who has set his password. Returns him as the API shows him."""
    user = admin.ask("POST", "/api/v1/users", {"login": login, "role": role, **({"member": member} if member else {})}, 201)
    link = admin.ask("POST", f"/api/v1/users/{user['uuid']}/invite")["link"]
    Browser(hub, source).ask("POST", "/api/v1/setup", {"token": secret_of(link), "password": password})
    return user


def code_of(secret, step):
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    return f"{(struct.unpack_from('>I', mac, mac[19] & 15)[0] & 0x7fffffff) % 1000000:06d}"


def begin(scratch, settings=SETTINGS):
    return Hub(scratch / "hub", settings=settings).start()


# ---- set-up ----

@test
def a_new_hub_is_set_up_by_a_link_once(scratch):
    hub = begin(scratch)
    assert "nobody_can_log_in" in hub.words() and "nrsetup_" not in hub.words()
    old = secret_of(run("hub", "setup-link", hub.dir)[1])
    link = secret_of(run("hub", "setup-link", hub.dir)[1])
    me = Browser(hub)
    me.ask("POST", "/api/v1/setup", {"token": old, "password": PASSWORD}, 403)
    eq(me.ask("POST", "/api/v1/setup", {"token": link}), {"login": "admin", "title": "", "first": True, "done": False})
    for weak in ("short", "a" * 40, "BossBossBoss"):
        me.ask("POST", "/api/v1/setup", {"token": link, "login": "bossbossboss", "password": weak}, 400)
    done = me.ask("POST", "/api/v1/setup", {"token": link, "login": "boss", "title": "\u5c71\u7530", "password": PASSWORD,
                                            "member": {"title": "CSIRT", "economy": "JP"}})
    eq(done, {"login": "boss", "title": "\u5c71\u7530", "first": True, "done": True})
    me.ask("POST", "/api/v1/setup", {"token": link, "password": PASSWORD}, 403)
    eq(run("hub", "setup-link", hub.dir, ok=False)[0], 1)
    who = me.login("boss").ask("GET", "/api/v1/me")
    eq((who["by"], who["role"], who["user"]["login"], who["member"]["title"]), ("session", "operator", "boss", "CSIRT"))
    eq(hub.stop(), 0)


@test
def users_are_made_from_the_machine_while_the_hub_runs_and_while_not(scratch):
    hub = Hub(scratch / "hub", settings=SETTINGS)
    link = run("user", "add", hub.dir, "closed", "--role", "analyst")[1]
    hub.start()
    open_link = run("user", "add", hub.dir, "open", "--role", "admin", "--title", "O Pen")[1]
    for login, one in (("closed", link), ("open", open_link)):
        Browser(hub).ask("POST", "/api/v1/setup", {"token": secret_of(one), "password": PASSWORD})
        Browser(hub).login(login)
    rows = {row["login"]: row for row in json.loads(run("user", "list", hub.dir)[1])["users"]}
    eq({login: (row["role"], row["set_up"]) for login, row in rows.items()}, {"closed": ("analyst", True), "open": ("admin", True)})
    run("user", "disable", hub.dir, "closed")
    Browser(hub).login("closed", want=401)
    run("user", "enable", hub.dir, "closed")
    Browser(hub).login("closed")
    eq(run("user", "disable", hub.dir, "open", ok=False)[0], 1)  # nobody would have the hub
    again = secret_of(run("user", "invite", hub.dir, "closed")[1])
    Browser(hub).ask("POST", "/api/v1/setup", {"token": again, "password": "another long password"})
    Browser(hub).login("closed", want=401)
    Browser(hub).login("closed", "another long password")
    for words in (("--role", "owner"), ("--role", "viewer", "--member", "nobody")):
        assert run("user", "add", hub.dir, "x", *words, ok=False)[0] != 0
    rows = sqlite3.connect(f"file:{hub.dir}/registry.db?mode=ro", uri=True).execute("SELECT action FROM audit").fetchall()
    assert {"user.add", "user.invite", "user.setup", "user.password", "user.disable", "user.enable", "session.begin"} <= {r for r, in rows}


# ---- sessions ----

@test
def a_session_is_for_pages_of_this_hub_alone(scratch):
    """The matrix of forged requests."""
    hub = begin(scratch)
    me = first_admin(hub)
    port = urllib.parse.urlsplit(hub.url).port
    changes = [("PATCH", "/api/v1/me", {"title": "x"}), ("POST", "/api/v1/tokens", {"name": "t", "role": "viewer"}),
               ("PUT", "/api/v1/me/password", {"old": "x" * 12, "new": "y" * 12})]
    origins = [None, "null", "https://evil.example", "http://127.0.0.1:%d" % port, f"https://127.0.0.1:{port + 1}",
               f"https://127.0.0.1:{port}.evil.example", f"https://127.0.0.1:{port}/", "https://localhost:%d" % port]
    for method, path, body in changes:
        for origin in origins:
            eq(me.raw(method, path, body, {"Origin": origin})[0], 403)
        for site in ("cross-site", "same-site", "", "SAME-ORIGIN", "x"):
            eq(me.raw(method, path, body, {"Sec-Fetch-Site": site})[0], 403)
    for site in (None, "same-origin", "none"):
        me.ask("PATCH", "/api/v1/me", {"title": "x"}, Sec_Fetch_Site=site)
    eq(me.raw("GET", "/api/v1/me", headers={"Origin": None})[0], 200)
    eq(me.raw("GET", "/api/v1/me", headers={"Sec-Fetch-Site": "cross-site"})[0], 403)
    # a login that another site makes would log the browser in as somebody else
    eq(Browser(hub).raw("POST", "/api/v1/login", {"login": "boss", "password": PASSWORD}, {"Origin": "https://evil.example"})[0], 403)
    eq(Browser(hub).raw("POST", "/api/v1/login", b"login=boss", {"Content-Type": "application/x-www-form-urlencoded"})[0], 415)
    # the cookie is a session's and nothing else, and a session is a cookie's
    eq(Browser(hub, cookie=hub.token()).raw("GET", "/api/v1/me")[0], 401)
    eq(Browser(hub, token=me.cookie).raw("GET", "/api/v1/me")[0], 401)
    two = {"Cookie": f"__Host-noroshi={me.cookie}; __Host-noroshi={me.cookie}"}
    eq(me.raw("GET", "/api/v1/me", headers=two)[0], 401)
    with_others = {"Cookie": f"a=b; __Host-noroshi={me.cookie}; c=d"}
    eq(me.raw("GET", "/api/v1/me", headers=with_others)[0], 200)
    eq(me.ask("GET", "/api/v1/me")["user"]["title"], "x")


@test
def sessions_end_with_logout_a_new_login_and_a_new_password(scratch):
    hub = begin(scratch)
    one, two, three = first_admin(hub), Browser(hub).login("boss"), Browser(hub).login("boss")
    before = three.cookie
    three.login("boss")  # the cookie it had ends with the new one
    Browser(hub, cookie=before).ask("GET", "/api/v1/me", want=401)
    eq(one.raw("POST", "/api/v1/logout")[1]["Set-Cookie"].split(";")[0], "__Host-noroshi=")
    one.ask("GET", "/api/v1/me", want=401)
    hub.stop()  # the limits of logins are in its memory, sessions are not
    hub.start()
    two.ask("PUT", "/api/v1/me/password", {"old": "wrong wrong wrong", "new": "another long password"}, 403)
    two.ask("PUT", "/api/v1/me/password", {"old": PASSWORD, "new": "boss"}, 400)
    two.ask("PUT", "/api/v1/me/password", {"old": PASSWORD, "new": "another long password"})
    two.ask("GET", "/api/v1/me")
    three.ask("GET", "/api/v1/me", want=401)
    two.ask("POST", "/api/v1/logout", {"everywhere": True})
    two.ask("GET", "/api/v1/me", want=401)
    hub.stop()
    hub.start()
    Browser(hub).login("boss", want=401)
    back = Browser(hub).login("boss", "another long password")
    hub.stop()
    hub.start()
    back.ask("GET", "/api/v1/me")  # a restart ends no session


@test
def one_time_codes_work_once(scratch):
    hub = begin(scratch)
    me = first_admin(hub)
    token = hub.token()
    eq(Browser(hub, token=token).raw("POST", "/api/v1/me/totp", {"password": PASSWORD})[0], 403)  # who stole a token
    me.ask("POST", "/api/v1/me/totp", {"password": "wrong wrong wrong"}, 403)
    made = me.ask("POST", "/api/v1/me/totp", {"password": PASSWORD})
    assert made["secret"] in made["uri"] and made["uri"].startswith("otpauth://totp/Noroshi%20")
    me.ask("PUT", "/api/v1/me/totp", {"code": "000000" if code_of(made["secret"], int(time.time()) // 30) != "000000" else "1"}, 403)
    step = int(time.time()) // 30
    me.ask("PUT", "/api/v1/me/totp", {"code": code_of(made["secret"], step)})
    eq(me.ask("GET", "/api/v1/me")["user"]["totp"], True)
    me.ask("POST", "/api/v1/me/totp", {"password": PASSWORD}, 409)
    hub.stop()
    hub.start()
    Browser(hub).login("boss", want=403)  # the password alone is not enough
    Browser(hub).login("boss", code=code_of(made["secret"], step), want=401)  # used
    good = code_of(made["secret"], step + 1)
    Browser(hub).login("boss", code=good)
    Browser(hub).login("boss", code=good, want=401)
    raw = base64.b32decode(made["secret"])
    assert all(raw not in path.read_bytes() for path in hub.dir.glob("registry.db*"))
    hub.stop()
    hub.start()
    for _ in range(5):
        Browser(hub).login("boss", code="1", want=401)
    eq(Browser(hub).raw("POST", "/api/v1/login", {"login": "boss", "password": PASSWORD, "code": "1"})[0], 429)
    run("user", "add", hub.dir, "other", "--role", "admin")
    rows = json.loads(run("user", "list", hub.dir)[1])["users"]
    eq([row["totp"] for row in rows if row["login"] == "boss"], [True])
    uuid = me.ask("GET", "/api/v1/me")["user"]["uuid"]
    Browser(hub, token=token).ask("PATCH", f"/api/v1/users/{uuid}", {"totp": True}, 400)
    eq(Browser(hub, token=token).ask("PATCH", f"/api/v1/users/{uuid}", {"totp": False})["totp"], False)


# ---- guesses: hostile input 39 ----

def until_limited(browser, path, body, refused):
    """One source, any account: 20 at once and 20 a minute, however slow this machine is."""
    began, n = time.monotonic(), 0
    while (status := browser.raw("POST", path, body(n))[0]) != 429:
        eq(status, refused)
        n += 1
        assert n <= 21 + (time.monotonic() - began) / 3, n
    assert n >= 20, n


@test
def guessing_a_password_is_limited_whatever_the_method(scratch):
    hub = begin(scratch)
    first_admin(hub)
    hub.stop()
    hub.start()
    seen = [Browser(hub, f"127.0.1.{i}").raw("POST", "/api/v1/login", {"login": "boss", "password": f"wrong password {i}"}) for i in range(9)]
    eq([status for status, _, _ in seen], [401] * 5 + [429] * 4)  # of the account, from anywhere
    assert all(int(headers["Retry-After"]) > 0 for status, headers, _ in seen if status == 429)
    eq(Browser(hub, "127.0.1.99").raw("POST", "/api/v1/login", {"login": "boss", "password": PASSWORD})[0], 429)
    until_limited(Browser(hub, "127.0.2.1"), "/api/v1/login", lambda i: {"login": f"nobody{i}", "password": "x" * 12}, 401)
    for method in ("PUT", "GET", "HEAD", "PATCH", "DELETE"):
        many = [Browser(hub, "127.0.2.2").raw(method, "/api/v1/login", {"login": "boss", "password": PASSWORD})[0] for _ in range(3)]
        assert set(many) <= {405, 413, 429}, many
    for path in ("/api/v1/login?_method=POST", "/api/v1/login?login=boss"):
        assert Browser(hub, "127.0.2.3").raw("POST", path, {"login": "boss", "password": PASSWORD})[0] in (400, 429)
    for body in (b"[]", b'{"login":"boss"}', b'{"login":"boss","login":"x","password":"y"}', b'{"login":["boss"],"password":"x"}', b"",
                 b'{"login":"boss","password":"x","role":"admin"}'):
        eq(Browser(hub, "127.0.2.4").raw("POST", "/api/v1/login", body)[0], 400)
    until_limited(Browser(hub, "127.0.2.5"), "/api/v1/setup", lambda i: {"token": "nrsetup_" + "0" * 60, "password": PASSWORD}, 403)
    metrics = Browser(hub, token=hub.token()).raw("GET", "/metrics")[2].decode()
    assert re.search(r"^noroshi_login_limited_total [1-9]", metrics, re.M) and re.search(r"^noroshi_login_wrong_total [1-9]", metrics, re.M)


@test
def an_account_that_is_none_answers_like_one_that_is(scratch):
    hub = begin(scratch)
    admin = first_admin(hub)
    user = person(hub, admin, "gone", "viewer")
    admin.ask("PATCH", f"/api/v1/users/{user['uuid']}", {"disabled": True})
    admin.ask("POST", "/api/v1/users", {"login": "new", "role": "viewer"}, 201)
    answers = {name: Browser(hub, "127.0.3.1").raw("POST", "/api/v1/login", {"login": name, "password": PASSWORD + "x"})
               for name in ("boss", "gone", "new", "nobody", "no body", "")}
    bodies = {name: (status, text) for name, (status, _, text) in answers.items() if name}
    eq(len(set(bodies.values())), 1)
    eq(bodies["boss"][0], 401)
    eq(Browser(hub, "127.0.3.2").raw("POST", "/api/v1/login", {"login": "gone", "password": PASSWORD})[2], bodies["boss"][1])


@test
def a_token_where_none_may_be_and_a_text_that_is_no_token(scratch):
    """Hostile input 39."""
    hub = begin(scratch)
    token, other = hub.token(), hub.token()
    boss = first_admin(hub)
    wrong = token[:-1] + ("x" if token[-1] != "x" else "y")
    enrol = run("sensor", "enrol", hub.dir, "s1")[1].strip().split(".")[0]
    for text in (wrong, token[:-1], token + "x", other[:20] + token[20:], "nrenrol_" + token[6:], "nrsession_" + token[6:], enrol,
                 boss.cookie, "", "x" * 400, token.upper()):
        eq((text, Browser(hub, "127.0.4.1", token=text or " ").raw("GET", "/api/v1/me")[0]), (text, 401))
    eq(Browser(hub, token=token).raw("POST", "/api/v1/login", {"login": "boss", "password": token})[0], 401)  # a body is no header
    eq(Browser(hub).raw("POST", "/api/v1/logout", {"token": token})[0], 401)
    Browser(hub, token=token).ask("GET", "/api/v1/me")  # and it is in force all the while
    session = boss.cookie
    for secret, where in ((token, "url"), (session, "referer")):
        path, headers = (f"/api/v1/me?access_token={secret}", {}) if where == "url" else ("/healthz", {"Referer": f"https://x/?t={secret}"})
        eq(Browser(hub, "127.0.4.2").raw("GET", path, headers=headers)[0], 400)
    Browser(hub, "127.0.4.3", token=token).ask("GET", "/api/v1/me", want=401)
    boss.ask("GET", "/api/v1/me", want=401)
    link = run("user", "invite", hub.dir, "boss")[1]
    Browser(hub).raw("GET", f"/setup?{secret_of(link)}")  # somebody who broke the link
    Browser(hub).ask("POST", "/api/v1/setup", {"token": secret_of(link), "password": PASSWORD}, 403)


# ---- ranks: hostile input 51 ----

@test
def nobody_reaches_above_himself(scratch):
    """Hostile input 51."""
    hub = begin(scratch)
    boss = first_admin(hub)
    boss_uuid = boss.ask("GET", "/api/v1/me")["user"]["uuid"]
    boss.ask("POST", "/api/v1/members", {"name": "alfa"}, 201)
    boss.ask("POST", "/api/v1/members", {"name": "bravo"}, 201)
    admin = person(hub, boss, "alfa-admin", "admin", "alfa")
    viewer = person(hub, boss, "alfa-viewer", "viewer", "alfa")
    coordinator = person(hub, boss, "hub-coordinator", "coordinator")
    stranger = person(hub, boss, "bravo-admin", "admin", "bravo")
    me = Browser(hub, "127.0.5.1").login("alfa-admin")
    eq(me.ask("GET", "/api/v1/me")["role"], "admin")
    eq({row["login"] for row in me.ask("GET", "/api/v1/users")["users"]}, {"alfa-admin", "alfa-viewer"})
    nobody = me.raw("GET", "/api/v1/users/00000000-0000-4000-8000-000000000000")
    for uuid in (boss_uuid, stranger["uuid"], coordinator["uuid"]):  # the key of a site admin, and of others
        for method, path, body in (("GET", "", None), ("PATCH", "", {"role": "viewer"}), ("POST", "/invite", None)):
            status, _, text = me.raw(method, f"/api/v1/users/{uuid}{path}", body)
            eq((status, text), (404, nobody[2]))
    me.ask("POST", "/api/v1/users", {"login": "x", "role": "operator"}, 400)
    me.ask("POST", "/api/v1/users", {"login": "x", "role": "admin", "member": "bravo"}, 404)
    me.ask("POST", "/api/v1/users", {"login": "x", "role": "admin", "member": "nobody"}, 404)
    me.ask("POST", "/api/v1/users", {"login": "alfa-viewer", "role": "viewer"}, 409)
    for change in ({"role": "viewer"}, {"role": "coordinator"}, {"disabled": True}):  # his own role
        me.ask("PATCH", f"/api/v1/users/{admin['uuid']}", change, 403)
    # a coordinator of the member that runs the hub is no operator, and no admin
    other = Browser(hub, "127.0.5.2").login("hub-coordinator")
    for method, path, body in (("PATCH", "", {"role": "viewer"}), ("POST", "/invite", None)):
        other.ask(method, f"/api/v1/users/{boss_uuid}{path}", body, 403)
    other.ask("POST", "/api/v1/tokens", {"name": "t", "role": "admin"}, 403)
    low = Browser(hub, "127.0.5.3").login("alfa-viewer")
    low.ask("POST", "/api/v1/users", {"login": "x", "role": "viewer"}, 403)
    low.ask("POST", "/api/v1/tokens", {"name": "t", "role": "analyst"}, 403)
    low.ask("GET", "/metrics", want=403)
    eq(set(low.ask("GET", "/api/v1/status")), {"name", "uuid", "version", "now"})
    # a session of before the demotion is no session
    me.ask("PATCH", f"/api/v1/users/{viewer['uuid']}", {"role": "analyst"})
    low.ask("GET", "/api/v1/me", want=401)
    low.login("alfa-viewer")
    token = low.ask("POST", "/api/v1/tokens", {"name": "mine", "role": "analyst"}, 201)["token"]
    eq(Browser(hub, token=token).ask("GET", "/api/v1/me")["role"], "analyst")
    me.ask("PATCH", f"/api/v1/users/{viewer['uuid']}", {"role": "viewer"})
    eq(Browser(hub, token=token).ask("GET", "/api/v1/me")["role"], "viewer")
    Browser(hub, token=token).ask("POST", "/api/v1/tokens", {"name": "child", "role": "viewer"}, 403)  # tokens make no tokens
    # the last operator stays
    boss.ask("PATCH", f"/api/v1/users/{coordinator['uuid']}", {"role": "admin"})
    other.login("hub-coordinator").ask("PATCH", f"/api/v1/users/{boss_uuid}", {"disabled": True})
    boss.ask("GET", "/api/v1/me", want=401)
    operator = Browser(hub, token=hub.token())
    operator.ask("PATCH", f"/api/v1/users/{coordinator['uuid']}", {"role": "viewer"}, 403)
    operator.ask("PATCH", f"/api/v1/users/{coordinator['uuid']}", {"disabled": True}, 403)


@test
def a_tokens_limits_hold(scratch):
    hub = begin(scratch)
    boss = first_admin(hub)
    boss.ask("POST", "/api/v1/members", {"name": "alfa"}, 201)
    reads = run("token", "create", hub.dir, "--role", "admin", "--member", "alfa", "--read-only", "--name", "reads")[1].strip()
    norows = run("token", "create", hub.dir, "--role", "viewer", "--member", "alfa", "--no-rows", "--name", "norows")[1].strip()
    near = run("token", "create", hub.dir, "--role", "viewer", "--network", "127.0.6.0/24", "--name", "near")[1].strip()
    who = Browser(hub, token=reads).ask("GET", "/api/v1/me")
    eq((who["role"], who["member"]["name"], who["can_write"], who["user"]), ("admin", "alfa", False, None))
    Browser(hub, token=reads).ask("POST", "/api/v1/users", {"login": "x", "role": "viewer"}, 403)
    Browser(hub, token=norows).ask("GET", "/api/v1/observations", want=403)
    Browser(hub, token=norows).ask("GET", "/api/v1/findings")
    Browser(hub, "127.0.6.7", token=near).ask("GET", "/api/v1/me")
    Browser(hub, "127.0.7.7", token=near).ask("GET", "/api/v1/me", want=401)
    rows = {row["name"]: row for row in boss.ask("GET", "/api/v1/tokens")["tokens"]}
    eq((rows["near"]["network"], rows["reads"]["can_write"], rows["norows"]["can_rows"]), ("127.0.6.0/24", False, False))
    eq([row["name"] for row in Browser(hub, token=reads).ask("GET", "/api/v1/tokens")["tokens"]], ["reads", "norows"])
    pages, since = [], ""
    while True:
        page = boss.ask("GET", f"/api/v1/tokens?limit=2{since}")
        pages += [row["selector"] for row in page["tokens"]]
        since = f"&since={page['next']}"
        if not page["more"]:
            break
    eq(sorted(pages), sorted(row["selector"] for row in boss.ask("GET", "/api/v1/tokens")["tokens"]))
    stranger = Browser(hub, token=norows)
    missing = stranger.raw("DELETE", "/api/v1/tokens/0123456789abcdef")
    eq(stranger.raw("DELETE", f"/api/v1/tokens/{rows['near']['selector']}")[::2], missing[::2])
    boss.ask("DELETE", f"/api/v1/tokens/{rows['norows']['selector']}")
    stranger.ask("GET", "/api/v1/me", want=401)
    for words in (("--role", "operator"), ("--role", "viewer", "--network", "127.0.6.1/24"), ("--role", "viewer", "--member", "nobody")):
        assert run("token", "create", hub.dir, *words, ok=False)[0] != 0


# ---- streams ----

class Stream:
    def __init__(self, hub, token=None, cookie=None):
        where = urllib.parse.urlsplit(hub.url)
        self.socket = hub.tls().wrap_socket(socket.create_connection((where.hostname, where.port), 30), server_hostname=where.hostname)
        proof = f"Authorization: Bearer {token}" if token else f"Cookie: __Host-noroshi={cookie}"
        self.socket.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {where.netloc}\r\n{proof}\r\n\r\n".encode())
        self.head = b""
        while b"\r\n\r\n" not in self.head:
            self.head += self.socket.recv(4096)
        assert self.head.startswith(b"HTTP/1.1 200"), self.head[:300]

    def ends(self, timeout=30):
        """True when the hub ends it."""
        self.socket.settimeout(timeout)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except (ssl.SSLError, OSError):
            pass
        return True


@test
def who_is_revoked_demoted_or_suspended_gets_nothing_more(scratch):
    hub = begin(scratch)
    boss = first_admin(hub)
    boss.ask("POST", "/api/v1/members", {"name": "alfa"}, 201)
    users = {name: person(hub, boss, name, "analyst", "alfa", f"127.0.8.{i}") for i, name in enumerate(("demoted", "disabled", "left", "fine"))}
    who = {name: Browser(hub, f"127.0.9.{i}").login(name) for i, name in enumerate(users)}
    token = run("token", "create", hub.dir, "--role", "viewer", "--name", "revoked")[1].strip()
    streams = {"revoked": Stream(hub, token), **{name: Stream(hub, cookie=one.cookie) for name, one in who.items()}}
    selector = next(row["selector"] for row in boss.ask("GET", "/api/v1/tokens")["tokens"] if row["name"] == "revoked")
    run("token", "revoke", hub.dir, selector)
    boss.ask("PATCH", f"/api/v1/users/{users['demoted']['uuid']}", {"role": "viewer"})
    boss.ask("PATCH", f"/api/v1/users/{users['disabled']['uuid']}", {"disabled": True})
    who["left"].ask("POST", "/api/v1/logout")
    for name in ("revoked", "demoted", "disabled", "left"):
        assert streams[name].ends(), name
        if name != "revoked":
            who[name].ask("GET", "/api/v1/me", want=401)
    assert not streams["fine"].ends(2)
    boss.ask("PATCH", "/api/v1/members/alfa", {"suspended": True})
    assert streams["fine"].ends()
    who["fine"].ask("GET", "/api/v1/me", want=401)
    Browser(hub, "127.0.9.9").login("fine", want=401)
    boss.ask("PATCH", "/api/v1/members/alfa", {"suspended": False})
    who["fine"].ask("GET", "/api/v1/me", want=401)  # it is another membership
    Browser(hub, "127.0.9.9").login("fine")


# ---- T13 ----

@test
def a_thousand_secrets_stand_nowhere(scratch):
    """Threat T13: passwords, tokens, links, codes, right and wrong, in no log, journal or database."""
    hub = begin(scratch)
    boss = first_admin(hub)
    operator = Browser(hub, token=hub.token())
    known = [operator.token, boss.cookie]
    for i in range(12):  # people: link, password, wrong one, session, a token of theirs, what makes codes
        source, login, password = f"127.1.{i // 10}.{i % 10 + 1}", f"user{i}", secrets.token_urlsafe(18)
        user = operator.ask("POST", "/api/v1/users", {"login": login, "role": "analyst"}, 201)
        link = secret_of(operator.ask("POST", f"/api/v1/users/{user['uuid']}/invite")["link"])
        Browser(hub, source).ask("POST", "/api/v1/setup", {"token": link, "password": password})
        me = Browser(hub, source).login(login, password)
        wrong = secrets.token_urlsafe(18)
        Browser(hub, source).login(login, wrong, want=401)
        token = me.ask("POST", "/api/v1/tokens", {"name": f"t{i}", "role": "viewer"}, 201)["token"]
        known += [link, password, wrong, me.cookie, token, me.ask("POST", "/api/v1/me/totp", {"password": password})["secret"]]
    digits = "0123456789abcXYZ"
    for i in range(240):  # strangers: secrets of every form in every place
        words = [kind + "".join(secrets.choice(digits) for _ in range(60)) for kind in ("nrapi_", "nrsession_", "nrsetup_")]
        words += [secrets.token_urlsafe(18), secrets.token_urlsafe(18)]
        method, path, body = [("GET", f"/api/v1/status?x={words[2]}", None), ("POST", "/api/v1/setup", {"token": words[2], "password": words[3]}),
                              ("PUT", "/api/v1/login", {"login": words[3], "password": words[4]}),
                              ("POST", f"/api/v1/login?password={words[4]}", {"login": "user1", "password": words[3]}),
                              ("POST", "/api/v1/login", {"login": words[3], "password": words[4], words[2]: 1})][i % 5]
        Browser(hub, f"127.2.{i // 10}.{i % 10 + 1}").raw(method, path, body, {"Authorization": f"Bearer {words[0]}", "Referer": known[i % 74],
                                                                               "Cookie": f"__Host-noroshi={words[1]}"})
        known += words[:2] + [word for word in words[2:] if word in f"{path} {body}"]
    for i in range(5):
        known.append(run("sensor", "enrol", hub.dir, f"sensor{i}")[1].strip().split(".")[0])
    assert len(set(known)) >= 1000, len(set(known))
    limits = pathlib.Path(f"/proc/{hub.process.pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits), limits

    def whole():  # what is set aside for later, many megabytes, is nothing
        return {path: re.sub(rb"\0{64,}", b"\0", path.read_bytes()) for path in [*hub.dir.rglob("*"), hub.log] if path.is_file()}

    texts = whole()
    hub.stop()
    texts.update({path.with_name(path.name + " later"): text for path, text in whole().items()})
    assert any(path.name == "registry.db" for path in texts) and any(path.name == "hub.log" for path in texts)
    found = [(word[:12], path.name) for path, text in texts.items() for word in known if word.encode() in text]
    found += [(word[:6], path.name) for path, text in texts.items() for word in known if len(word) == 32 and word.isupper()
              and base64.b32decode(word) in text]
    eq(found, [])
    assert b"session.begin" in b"".join(texts.values())  # it was looked for in the right place


if __name__ == "__main__":
    hub_lib.main(TESTS)

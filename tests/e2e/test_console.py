#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The console in a real browser on a real hub: web/test/drive.mjs does what an analyst does. TAP output.

--shots DIR: photograph every view instead, by web/test/shots.mjs.
"""
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import Hub, generate, run

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"


def why_not():
    if not hub_lib.NOROSHI.exists():
        return f"{hub_lib.NOROSHI} is not built"
    if not (hub_lib.BUILD / "share/noroshi/web/index.html").exists() or not (WEB / "node_modules/playwright-core").exists():
        return "the console is not built: tools/build-web build"
    if not shutil.which("node") or not pathlib.Path("/usr/bin/chromium").exists():
        return "node or chromium is not there"
    return None


def shots(hub, directory):
    link = next(line for line in run("hub", "setup-link", hub.dir)[1].splitlines() if line.startswith("https://"))
    login, password = "duty", "a password that only these pictures have"
    body = json.dumps({"token": link.split("#")[1], "login": login, "title": "Duty analyst", "password": password})
    status, _, text = hub.client(None).get("/api/v1/setup", "POST", {"Content-Type": "application/json"}, body)
    assert status == 200, text
    done = subprocess.run(["node", WEB / "test/shots.mjs", hub.url, login, password, os.path.abspath(directory)], check=False)
    hub.stop()
    return done.returncode


def main():
    why = why_not()
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="nrhub_") as directory:
        scratch = pathlib.Path(directory)
        hub = Hub(scratch / "hub").start()
        start = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for i in range(3):
            run("hub", "import", hub.dir, generate(scratch / f"{i}.pcap", "10m", seed=i + 1, start=start), "--sensor", f"s{i}", "--net", hub_lib.NET)
        hub.settle()
        if sys.argv[1:2] == ["--shots"]:
            return shots(hub, sys.argv[2])
        link = next(line for line in run("hub", "setup-link", hub.dir)[1].splitlines() if line.startswith("https://"))
        listen = hub.url.removeprefix("https://")
        driver = subprocess.Popen(["node", WEB / "test/drive.mjs", link], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        hub_lib.LIVE.append(driver)
        try:
            for line in driver.stdout:
                if line == "restart\n":
                    hub.stop()
                    hub.start(listen=listen)
                    driver.stdin.write(hub.url + "\n")
                    driver.stdin.flush()
                else:
                    print(line, end="", flush=True)
            return driver.wait()
        finally:
            for process in hub_lib.LIVE:
                if process.poll() is None:
                    process.kill()
                    process.wait()


if __name__ == "__main__":
    sys.exit(main())

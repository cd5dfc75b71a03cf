#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""small_gets.py [SECONDS [ROUNDS]]: small authenticated GETs a second, over TLS that is kept alive, by wrk on the same machine; in each round the
hub and libmicrohttpd with nothing behind it (bench_http), one after the other. Prints rows for docs/hub-numbers.md."""
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
from hub_lib import BUILD, Hub, clean_env  # noqa: E402  pylint: disable=wrong-import-position

CONNECTIONS = 8
SETTINGS = "api:\n  rate: 1000000\n  burst: 1000000\n"


def wrk(url, seconds, *headers):
    words = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    for header in headers:
        words += ["-H", header]
    said = subprocess.run([*words, url], capture_output=True, text=True, check=True, env=clean_env()).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise AssertionError(said)
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", said)[1]), re.search(r"^\s+99%\s+(\S+)", said, re.M)[1]


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory(prefix="nrhttp_") as scratch:
        hub = Hub(pathlib.Path(scratch) / "hub", settings=SETTINGS).start()
        token = hub.token()
        keys = hub.dir / "keys"
        with subprocess.Popen([BUILD / "bench" / "bench_http", keys / "hub.pem", keys / "hub.key"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as bare:
            port = bare.stdout.readline().strip()
            paths = [p for p in ("/api/v1/me", "/api/v1/status", "/healthz") if hub.client(token).get(p)[0] == 200]
            rates = {path: [] for path in ["bare", *paths]}
            for _ in range(rounds):
                rates["bare"].append(wrk(f"https://127.0.0.1:{port}/", seconds))
                for path in paths:
                    rates[path].append(wrk(hub.url + path, seconds, f"Authorization: Bearer {token}"))
            bare.stdin.close()
        hub.stop()
    middle = {what: statistics.median(rate for rate, _ in runs) for what, runs in rates.items()}
    for what, runs in rates.items():
        print(f"| `{what}` | {middle[what]:,.0f} requests/s | {middle[what] / middle['bare']:.2f} of bare | "
              f"p99 {', '.join(p99 for _, p99 in runs)} | {CONNECTIONS} connections, {rounds} x {seconds} s |")


if __name__ == "__main__":
    main()

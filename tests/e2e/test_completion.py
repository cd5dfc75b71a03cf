#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The completion scripts, loaded by the shells they are for; a shell that is not here is skipped. TAP output."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import hub_lib  # noqa: E402  pylint: disable=wrong-import-position
from hub_lib import NOROSHI, Skip, run

TESTS = []
# What is typed, and all that must be offered.
CASES = [
    (["noroshi", "senso"], {"sensor", "sensors"}),
    (["noroshi", "hub", "ini"], {"init"}),
    (["noroshi", "sensors", "--tok"], {"--token-file"}),
    (["noroshi", "completion", ""], {"bash", "zsh", "fish"}),
    (["noroshi", "observe", "--lang", "j"], {"ja"}),
    (["noroshi", "hub", "check", "./only-f"], {"./only-file"}),
    (["noroshi", "sensors", "--cacert", "./only-f"], {"./only-file"}),
    (["noroshi", "sensors", "x"], set()),
]


def test(function):
    TESTS.append(function)
    return function


def eq(is_, want, *about):
    assert is_ == want, f"{is_!r} is not {want!r} {about}"


def commands():
    """Every command and its options, as the help says them."""
    page = run("--help")[1]
    for line in page[page.index("Commands:"):].splitlines():
        found = re.match(r"  ([a-z]+(?: [a-z]+)?)  ", line + "  ")
        if found:
            words = found.group(1).split()
            yield words, set(re.findall(r"^ +(?:-[a-zA-Z], )?(--[a-z][a-z0-9-]*)", run(*words, "--help")[1], re.M))


def shell_in(name, scratch):
    path = shutil.which(name)
    if not path:
        raise Skip(f"no {name} here")
    (scratch / "only-file").write_text("")
    (scratch / "script").write_text(run("completion", name)[1])
    return path


def env_of(scratch):
    return hub_lib.clean_env(PATH=f"{NOROSHI.resolve().parent}:{os.environ['PATH']}", HOME=str(scratch), TERM="dumb")


def bash_offers(path, scratch, lines):
    quoted = "\n".join("t " + " ".join(f"'{word}'" for word in words) for words in lines)
    text = f"""source ./script
t() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _noroshi; echo "${{COMPREPLY[*]}}"; }}
{quoted}
"""
    done = subprocess.run([path, "--norc", "-c", text], cwd=scratch, env=env_of(scratch), capture_output=True, text=True,
                          check=True, timeout=120)
    eq(done.stderr, "")
    return [set(line.split()) for line in done.stdout.splitlines()]


def fish_offers(path, scratch, lines):
    quoted = "\n".join(f"echo '=='; complete -C '{' '.join(words)}'" for words in lines)
    done = subprocess.run([path, "--no-config", "-c", f"source ./script\n{quoted}"], cwd=scratch, env=env_of(scratch),
                          capture_output=True, text=True, check=True, timeout=300)
    eq(done.stderr, "")
    return [{row.split("\t")[0] for row in part.splitlines() if row} for part in done.stdout.split("==\n")[1:]]


def check_cases(offers):
    for (words, want), got in zip(CASES, offers, strict=True):
        eq(got, want, words)


def check_all_options(offers):
    every = list(commands())
    assert len(every) > 20, every
    assert any(options for _, options in every)
    for (words, want), got in zip(every, offers([["noroshi", *words, "--"] for words, _ in every]), strict=True):
        eq(want - {"--help"} - got, set(), words)


@test
def bash_offers_what_the_tables_say(scratch):
    path = shell_in("bash", scratch)
    check_cases(bash_offers(path, scratch, [words for words, _ in CASES]))
    check_all_options(lambda lines: bash_offers(path, scratch, lines))


@test
def fish_offers_what_the_tables_say(scratch):
    path = shell_in("fish", scratch)
    check_cases(fish_offers(path, scratch, [words for words, _ in CASES]))
    check_all_options(lambda lines: fish_offers(path, scratch, lines))


class Typist:
    """zsh completes only where somebody types."""

    def __init__(self, path, scratch):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(scratch)
            os.execve(path, [path, "-f", "-i"], env_of(scratch))
        self.seen = b""
        self.say("PS1='READY> '; unsetopt zle_bracketed_paste list_beep; setopt no_always_last_prompt\n")
        self.until(b"READY> ", 2)
        self.say("autoload -U compinit; compinit -u -D; source ./script; echo LOAD'ED'\n")
        self.until(b"LOADED", 1)

    def say(self, text):
        os.write(self.fd, text.encode())

    def until(self, what, times=1, seconds=60):
        end = time.monotonic() + seconds
        while self.seen.count(what) < times:
            if time.monotonic() > end:
                raise AssertionError(f"no {what!r}: {self.seen!r}")
            if select.select([self.fd], [], [], 1)[0]:
                self.seen += os.read(self.fd, 65536)

    def completed(self, line, want):
        """The line as it stands after the tabulator."""
        self.seen = b""
        self.say(line + "\t")
        self.until(want.encode())
        self.seen = b""
        self.say("\x15echo DO'NE'\n")
        self.until(b"DONE")

    def end(self):
        os.write(self.fd, b"exit\n")
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@test
def zsh_completes_what_the_tables_say(scratch):
    typist = Typist(shell_in("zsh", scratch), scratch)
    typist.completed("noroshi comp", "completion")
    typist.completed("noroshi hub ini", "init")
    typist.completed("noroshi sensors --tok", "--token-file")
    typist.completed("noroshi completion f", "fish")
    typist.completed("noroshi observe --lang j", "ja")
    typist.completed("noroshi hub check ./only-f", "./only-file")
    typist.completed("noroshi sensors --cacert ./only-f", "./only-file")
    typist.end()


@test
def another_shell_is_refused(scratch):
    for words in (["csh"], [], ["bash", "zsh"]):
        status, out, said = run("completion", *words, ok=False)
        eq((status, out), (2, ""), said, scratch)
        assert "bash, zsh or fish" in said


if __name__ == "__main__":
    hub_lib.main(TESTS)

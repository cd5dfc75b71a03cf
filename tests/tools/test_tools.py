#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks of tools/ must be able to fail: each is shown a fault and must name it. Speaks TAP."""
import importlib.machinery
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
TOOLS = Path(__file__).resolve().parents[2] / "tools"
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def load(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(TOOLS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def run(tool, *words, cwd=None):
    done = subprocess.run([str(TOOLS / tool), *words], capture_output=True, text=True, check=False, cwd=cwd)
    return done.returncode, done.stdout + done.stderr


def an_upward_include_is_named():
    cases = [
        ("base/a.c", "record/field.h", 1), ("record/a.c", "base/str.h", 0), ("observe/capture/a.c", "orient/x.h", 1),
        ("observe/capture/a.c", "observe/flow/flow.h", 1), ("observe/flow/a.c", "observe/capture/capture.h", 0),
        ("orient/enrich/a.c", "orient/detect/detect.h", 1), ("base/a.c", "share/policy/p.h", 0),
        ("share/policy/a.c", "observe/x.h", 1), ("share/policy/a.c", "record/x.h", 0), ("cli/a.c", "orient/x.h", 0),
        ("record/a.c", "base/io.h", 1), ("observe/a.c", "jansson.h", 1), ("orient/a.c", "jansson.h", 0),
        ("base/a.c", "nowhere/x.h", 1), ("nowhere/a.c", "base/x.h", 1),
    ]
    for path, include, status in cases:
        with tempfile.TemporaryDirectory() as root:
            file = Path(root, "src", path)
            file.parent.mkdir(parents=True)
            bracket = f"<{include}>" if include == "jansson.h" else f'"{include}"'
            file.write_text(f"#include {bracket}\n")
            got, output = run("check-layers", str(Path(root, "src")))
            assert got == status, f"{path} includes {include}: status {got}: {output}"


def every_hard_limit_of_style_is_named():
    body = "\tx = 1;\n"
    cases = [
        (SPDX + "int f(int x)\n{\n\treturn x;\n}\n", ""),
        ("int x;\n", "no SPDX line"),
        (SPDX + "int x; \n", "trailing blanks"),
        (SPDX + "#if 0\n#endif\n", "#if 0"),
        (SPDX + "int f(void)\n{\n" + body * 61 + "}\n", "61 lines"),
        (SPDX + "int f(void)\n{\n" + body * 60 + "}\n", ""),
        (SPDX + "int f(int x)\n{\n" + "\tif (x)\n\t\treturn 1;\n" * 15 + "\treturn 0;\n}\n", "complexity 16"),
        (SPDX + "int f(int x)\n{\n" + "\tif (x)\n\t\treturn 1;\n" * 14 + "\treturn 0;\n}\n", ""),
        (SPDX + "int f(char *x)\n{\n\tstrcpy(x, x);\n}\n", "strcpy() is banned"),
        (SPDX + "/* strcpy(x) */\nconst char *x = \"strcpy(y)\";\n", ""),
        (SPDX + "int f(int x)\n{\n\tassert(x);\n}\n", "bare assert"),
        (SPDX + "int f(int x)\n{\n\tstatic_assert(1, \"\");\n}\n", ""),
        (SPDX + "int x;\n" * 801, "limit 800"),
        (SPDX + "int " + "x" * 120 + ";\n", "columns"),
    ]
    for number, (text, expected) in enumerate(cases):
        with tempfile.TemporaryDirectory() as root:
            Path(root, "a.c").write_text(text)
            status, output = run("check-style", "a.c", cwd=root)
            assert status == (1 if expected else 0) and expected in output, f"case {number}: status {status}: {output}"
    with tempfile.TemporaryDirectory() as root:
        Path(root, "a.h").write_text(SPDX + "#pragma once\n")
        assert "file comment" in run("check-style", "a.h", cwd=root)[1]


def sub_tests_crashes_and_skips_are_counted():
    run_tests = load("run-tests")
    cases = [  # output, result, exit status, passed, failed, skipped
        ("1..2\nok 1 - a\nok 2 - b\n", "OK", 0, 2, 0, 0),
        ("1..2\nok 1 - a\nnot ok 2 - b\n", "ERROR", 1, 1, 1, 0),
        ("1..2\nok 1 - a\nnot ok 2 # SKIP b\n", "FAIL", 0, 1, 0, 1),
        ("1..2\nok 1 - a # SKIP no data\nok 2 - b\n", "OK", 0, 1, 0, 1),
        ("1..0 # SKIP no tshark\n", "SKIP", 0, 0, 0, 1),
        ("1..3\nok 1 - a\n", "ERROR", -11, 1, 1, 0),
        ("1..3\nok 1 - a\n", "FAIL", 0, 1, 1, 0),
        ("1..1\nok 1 - a\n", "TIMEOUT", -9, 1, 1, 0),
        ("1..1\nok 1 - a\n", "ERROR", 1, 1, 1, 0),
        ("", "OK", 0, 1, 0, 0),
        ("", "FAIL", 1, 0, 1, 0),
        ("", "SKIP", 77, 0, 0, 1),
    ]
    for number, (output, result, status, *expected) in enumerate(cases):
        counts = run_tests.Counts()
        run_tests.count({"name": "t", "stdout": output, "result": result, "returncode": status}, counts)
        got = [counts.passed, counts.failed, len(counts.skipped)]
        assert got == expected, f"case {number}: {got}, expected {expected}"


def a_binary_without_hardening_is_named():
    with tempfile.TemporaryDirectory() as root:
        Path(root, "a.c").write_text("int main(void) { return 0; }\n")
        subprocess.run(["cc", "-no-pie", "-Wl,-z,lazy", "-Wl,-z,norelro", "-fcf-protection=none", "-o", "a", "a.c"], cwd=root,
                       check=True, capture_output=True)
        status, output = run("check-elf", "a", cwd=root)
        assert status == 1, output
        for fault in ("position-independent", "RELRO", "bound late", "stack protector", "fortified", "landing pads"):
            assert fault in output, f"{fault}: {output}"


def main():
    tests = [an_upward_include_is_named, every_hard_limit_of_style_is_named, sub_tests_crashes_and_skips_are_counted,
             a_binary_without_hardening_is_named]
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__name__}")
        except Exception as error:  # whatever goes wrong is that test's failure
            failed += 1
            print(f"not ok {number} - {test.__name__}\n# " + str(error).replace("\n", "\n# "))
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

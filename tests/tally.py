#!/usr/bin/env python3
"""Sums what the tests said. tests/run.sh writes; nothing else needs it.

    tally.py add FILE [--suite-result SUITE.json] [--allow-unsupported] -- COMMAND…   runs it, adds its counts to FILE
    tally.py meson FILE testlog.json                                   adds the tests of `meson test`
    tally.py skip FILE REASON                                          adds one that cannot run here
    tally.py sum FILE                                                  prints the last line; fails when something failed

A program says `N passed, N failed` or `N passed, N failed, N skipped` on a line; pytest says it in its own order. One that says
nothing counts as one, by its exit code.
"""
import json
import pathlib
import re
import subprocess
import sys
import time

WORDS = ("passed", "failed", "skipped")


def counts(text):
    """The last counts in a program's output, or None."""
    found = None
    for line in text.splitlines():
        if re.match(r"^(\w+: )?\d+ passed, \d+ failed(, \d+ skipped)?\.?$", line.strip()) or re.match(r"^=* ?\d+ (passed|failed|skipped).* in [\d.]+s", line):
            found = [sum(int(n) for n in re.findall(rf"(\d+) {word}", line)) for word in WORDS]
    return found


def judged(text, code):
    """{passed, failed, skipped} of one program: an exit code that says failure is never lost."""
    said = counts(text)
    if code == 77 and said is None:
        return [0, 0, 1]
    if said is None:
        return [int(code == 0), int(code != 0), 0]
    if code != 0 and said[1] == 0:
        said[1] = 1
    return said


def record(file, name, numbers):
    with open(file, "a") as f:
        f.write(json.dumps([name, *numbers]) + "\n")


def suite_counts(path):
    """Cases of a suite run: passed; wrong, crashed or late; beyond this build, which says so."""
    states = [row[0] for row in json.loads(pathlib.Path(path).read_text()).values()]
    return [states.count("pass"), sum(states.count(s) for s in ("fail", "crash", "timeout")), states.count("unsupported")]


def add(file, args):
    split = args.index("--")
    options, command = args[:split], args[split + 1:]
    name = pathlib.Path(command[0]).name if len(command) == 1 else "/".join(pathlib.Path(command[-1]).parts[-3:])
    suite = options[options.index("--suite-result") + 1] if "--suite-result" in options else None
    if suite:
        pathlib.Path(suite).unlink(missing_ok=True)
    start = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    numbers = judged(done.stdout, done.returncode)
    if suite and done.returncode == 0:
        numbers = suite_counts(suite)
        if "--allow-unsupported" not in options:
            numbers = [numbers[0], numbers[1] + numbers[2], 0]
        if not any(numbers):
            numbers[1] = 1
    if numbers[1]:
        print(done.stdout[-6000:])
    elif numbers[2] and not suite:
        for line in [line for line in done.stdout.splitlines() if line.lower().startswith("skipped")][:12]:
            print("  " + line[:160])
    if suite and done.returncode == 0:
        name = pathlib.Path(suite).stem
        why = {}
        for row in json.loads(pathlib.Path(suite).read_text()).values():
            if row[0] == "unsupported":
                why[row[1][:100]] = why.get(row[1][:100], 0) + 1
        for reason, times in sorted(why.items(), key=lambda item: -item[1])[:8]:
            print(f"  {'skipped' if '--allow-unsupported' in options else 'failed'} {times} of {name}: {reason}")
        for case, row in json.loads(pathlib.Path(suite).read_text()).items():
            if row[0] in ("fail", "crash", "timeout"):
                print(f"  {row[0]} {case}: {row[1][:160]}")
    print(f"{name}: {numbers[0]} passed, {numbers[1]} failed, {numbers[2]} skipped ({time.monotonic() - start:.0f} s)", flush=True)
    record(file, name, numbers)


def meson(file, log):
    for line in pathlib.Path(log).read_text().splitlines():
        test = json.loads(line)
        text = (test.get("stdout") or "") + "\n" + (test.get("stderr") or "")
        result = test["result"]
        code = {"OK": 0, "EXPECTEDFAIL": 0, "SKIP": 77}.get(result, 1)
        numbers = judged(text, code)
        name = test["name"].split("/")[-1].strip()
        if code == 77:
            print(f"  skipped {name}: {text.strip().splitlines()[-1] if text.strip() else 'it says no reason'}")
        print(f"{name}: {numbers[0]} passed, {numbers[1]} failed, {numbers[2]} skipped ({test.get('duration', 0):.0f} s)")
        record(file, name, numbers)


def total(file):
    rows = [json.loads(line) for line in pathlib.Path(file).read_text().splitlines()]
    passed, failed, skipped = (sum(row[i] for row in rows) for i in (1, 2, 3))
    for row in rows:
        if row[2]:
            print(f"failed: {row[0]} ({row[2]})")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


def main(argv):
    action, file, *rest = argv
    if action == "add":
        add(file, rest)
    elif action == "meson":
        meson(file, rest[0])
    elif action == "skip":
        print(f"  skipped: {rest[0]}")
        record(file, rest[0], [0, 0, 1])
    elif action == "sum":
        return total(file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

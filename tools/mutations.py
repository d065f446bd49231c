#!/usr/bin/env python3
"""Breaks one rule of a machine at a time and says which test notices it first.

The rules are in tools/mutations/dispatch.toml and capture.toml: a file below the machine's folder,
a text that occurs in it once, the text that takes its place, and a sentence that says what is
broken. What is mutated is a copy of the checkout below target/mutations, never the checkout itself.

    tools/mutations.py                      all of both machines
    tools/mutations.py dispatch             one machine
    tools/mutations.py dispatch 7 12        single ones, by their numbers
    tools/mutations.py --check              only whether each text occurs once

It ends with 1 where a mutation is not noticed, with 2 where one does not apply or does not compile.
"""

import json
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / "target" / "mutations" / "checkout"
# One mutated machine may loop, or fill the memory with states.
LIMIT_SECONDS = 240
LIMIT_BYTES = 4 << 30
# The cheapest first: a mutation is done with the first stage that fails.
STAGES = {
    "dispatch": [
        ("dispatch_simulation", []),
        ("lib", ["dispatch::"]),
    ],
    "capture": [
        ("simulation", ["ten_thousand_histories"]),
        ("lib", ["capture::"]),
        ("simulation", ["small_worlds::"]),
    ],
}


class DoesNotApply(Exception):
    """The list and the code have parted."""


def mutations_of(machine):
    listed = tomllib.loads((ROOT / "tools" / "mutations" / f"{machine}.toml").read_text())
    folder = pathlib.Path("actors") / "src" / machine
    for number, mutation in enumerate(listed["mutation"], 1):
        yield number, folder / mutation["file"], mutation


def mutated(path, mutation):
    text = (ROOT / path).read_text()
    found = text.count(mutation["old"])
    if found != 1:
        raise DoesNotApply(f"{path}: {found} times in it: {mutation['old']!r}")
    return text.replace(mutation["old"], mutation["new"])


def copy_checkout():
    """Brings the copy up to date; a file that is the same keeps its time, so cargo knows it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source, copy = ROOT / name, COPY / name
        if not source.is_file():
            copy.unlink(missing_ok=True)
            continue
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def build(target):
    """The test program, or None where it does not compile."""
    chosen = ["--lib"] if target == "lib" else ["--test", target]
    ran = subprocess.run(
        ["cargo", "test", "--package", "ainfera-actors", *chosen, "--no-run", "--quiet",
         "--message-format", "json", "--target-dir", str(ROOT / "target")],
        cwd=COPY, capture_output=True, text=True,
    )
    if ran.returncode != 0:
        for line in ran.stdout.splitlines():
            message = json.loads(line).get("message", {})
            if message.get("level") == "error":
                print(message["rendered"], file=sys.stderr)
        print(ran.stderr, file=sys.stderr)
        return None
    for line in ran.stdout.splitlines():
        if line.startswith("{") and (program := json.loads(line).get("executable")):
            return program
    return None


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))


def first_failure(program, filters):
    """What the first test that fails is called, with the seed or the steps where it says them."""
    try:
        ran = subprocess.run(
            [program, *filters], cwd=COPY / "actors", preexec_fn=limit, timeout=LIMIT_SECONDS,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )
    except subprocess.TimeoutExpired:
        return f"does not end within {LIMIT_SECONDS} s"
    if ran.returncode == 0:
        return None
    failed = re.search(r"^test (\S+) \.\.\. FAILED", ran.stdout, re.MULTILINE)
    name = failed.group(1).rsplit("::", 1)[-1] if failed else f"ends with {ran.returncode}"
    seed = re.search(r"seed (\d+) fails", ran.stdout)
    return f"{name}, seed {seed.group(1)}" if seed else name


def noticed_by(machine):
    """The first test that fails, None where none does. Raises where it does not compile."""
    for target, filters in STAGES[machine]:
        program = build(target)
        if program is None:
            raise DoesNotApply("it does not compile")
        if failure := first_failure(program, filters):
            return failure
    return None


def try_one(machine, path, mutation):
    copy, whole = COPY / path, (ROOT / path).read_text()
    try:
        copy.write_text(mutated(path, mutation))
        return noticed_by(machine)
    finally:
        copy.write_text(whole)


def run(machine, numbers):
    """How many are noticed, not noticed, and do not apply."""
    noticed = missed = wrong = 0
    if not numbers and (failure := noticed_by(machine)):
        raise SystemExit(f"{machine}: fails without a mutation: {failure}")
    for number, path, mutation in mutations_of(machine):
        if numbers and number not in numbers:
            continue
        begun = time.monotonic()
        try:
            test = try_one(machine, path, mutation)
        except DoesNotApply as error:
            wrong += 1
            word = f"ERROR        {error}"
        else:
            noticed, missed = noticed + bool(test), missed + (not test)
            word = f"noticed      {test}" if test else "NOT NOTICED"
        seconds = time.monotonic() - begun
        print(f"{machine} {number:3} {seconds:4.0f} s  {word}  | {mutation['rule']}", flush=True)
    print(f"{machine}: {noticed} noticed, {missed} not noticed, {wrong} errors", flush=True)
    return missed, wrong


def check():
    wrong = 0
    for machine in STAGES:
        number = 0
        for number, path, mutation in mutations_of(machine):
            try:
                mutated(path, mutation)
            except DoesNotApply as error:
                wrong += 1
                print(f"{machine} {number}: {error}")
        print(f"{machine}: {number} mutations")
    return 2 if wrong else 0


def main(words):
    if words == ["--check"]:
        return check()
    machines = [word for word in words if word in STAGES] or list(STAGES)
    numbers = {int(word) for word in words if word.isdigit()}
    copy_checkout()
    results = [run(machine, numbers) for machine in machines]
    missed, wrong = (sum(counts) for counts in zip(*results))
    return 2 if wrong else 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

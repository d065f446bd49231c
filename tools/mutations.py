#!/usr/bin/env python3
"""Breaks one rule of a machine at a time and says which test notices it first.

The rules are in tools/mutations/dispatch.toml and capture.toml: a file below the machine's folder,
a text that occurs in it once, the text that takes its place, and a sentence that says what is
broken. All are built at once, into a copy of the checkout below target/mutations: there a function
has its own body and one more for each mutation, and the variable MUTATION chooses between them. So
the checkout itself is never changed, whenever the program is stopped.

    tools/mutations.py                      all of both machines
    tools/mutations.py dispatch             one machine
    tools/mutations.py dispatch 7 12        single ones, by their numbers
    tools/mutations.py --check              only whether each text occurs once

It ends with 1 where a mutation is not noticed, with 2 where one does not apply or does not compile.
"""

import json
import os
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
# Its own: cargo takes two checkouts of one workspace in one folder for the same.
TARGET = ROOT / "target" / "mutations" / "target"
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


def place_of(text, path, mutation):
    found = text.count(mutation["old"])
    if found != 1:
        raise DoesNotApply(f"{path}: {found} times in it: {mutation['old']!r}")
    return text.index(mutation["old"])


def end_of(text, opened):
    depth = 0
    for at in range(opened, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise DoesNotApply("a brace is not closed")


def body_around(text, place):
    """Where the body of the innermost function around this place begins and ends.

    Two bodies have the same type, unless it is an unnamed one: then a block inside has to do.
    """
    for begun in reversed([match.start() for match in re.finditer(r"\bfn \w+", text[:place])]):
        opened = text.index("{", begun)
        end = end_of(text, opened)
        if not opened < place < end:
            continue
        if "-> impl" not in text[begun:opened]:
            return opened + 1, end
        blocks = re.finditer(r"(\| |\bfor .* |\bif .* )\{$", text[:place], re.MULTILINE)
        for inner in reversed([match.end() - 1 for match in blocks]):
            if opened < inner < place < end_of(text, inner):
                return inner + 1, end_of(text, inner)
    raise DoesNotApply("it is in no function whose body can be doubled")


def with_all(path, mutations):
    """The file with one more body for each of these mutations. A mark tells where each begins."""
    text = (ROOT / path).read_text()
    bodies = {}
    for number, mutation in mutations:
        place = place_of(text, path, mutation)
        begin, end = body_around(text, place)
        changed = text[begin:place] + mutation["new"] + text[place + len(mutation["old"]):end]
        bodies.setdefault((begin, end), []).append((number, changed))
    for (begin, end), changed in sorted(bodies.items(), reverse=True):
        chain = "".join(
            f"if crate::is_mutated({number}) {{ // mutation {number}\n{body}\n}} else "
            for number, body in changed
        )
        text = f"{text[:begin]}\n{chain}{{ // mutation 0\n{text[begin:end]}\n}}\n{text[end:]}"
    return text


SWITCH = """
/// Whether this mutation is the one that is tried.
pub(crate) fn is_mutated(number: u32) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<u32>> = std::sync::OnceLock::new();
    let chosen = || std::env::var("MUTATION").ok().and_then(|chosen| chosen.parse().ok());
    *CHOSEN.get_or_init(chosen) == Some(number)
}
"""


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


def build(targets):
    """The test programs by target, or where in the copy it does not compile."""
    chosen = [word for name in targets for word in (["--lib"] if name == "lib" else ["--test", name])]
    ran = subprocess.run(
        ["cargo", "test", "--package", "ainfera-actors", *chosen, "--no-run", "--quiet",
         "--message-format", "json", "--target-dir", str(TARGET)],
        cwd=COPY, stdout=subprocess.PIPE, text=True,
    )
    messages = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    programs, wrong = {}, []
    for message in messages:
        if program := message.get("executable"):
            is_lib = "lib" in message["target"]["kind"]
            programs["lib" if is_lib else message["target"]["name"]] = program
        said = message.get("message") or {}
        if said.get("level") == "error":
            spans = [span for span in said["spans"] if span["is_primary"]]
            wrong += [(COPY / span["file_name"], span["line_start"], said["rendered"])
                      for span in spans]
    if ran.returncode != 0 and not wrong:
        raise SystemExit("the copy does not compile")
    return programs, wrong


def mutation_at(path, line):
    marks = re.findall(r"// mutation (\d+)", "\n".join(path.read_text().splitlines()[:line]))
    return int(marks[-1]) if marks else 0


def write_copy(machine, chosen):
    by_file = {}
    for number, path, mutation in chosen:
        by_file.setdefault(path, []).append((number, mutation))
    copy_checkout()
    for path, mutations in by_file.items():
        (COPY / path).write_text(with_all(path, mutations))
    with (COPY / "actors" / "src" / "lib.rs").open("a") as library:
        library.write(SWITCH)


def build_all(machine, chosen):
    """The programs with all of these that compile, and what is wrong with the others."""
    targets = list(dict.fromkeys(target for target, _ in STAGES[machine]))
    errors = {}
    while True:
        write_copy(machine, [one for one in chosen if one[0] not in errors])
        programs, wrong = build(targets)
        if not wrong:
            return programs, errors
        found = {mutation_at(path, line): text for path, line, text in wrong}
        if 0 in found:
            raise SystemExit(found[0])
        errors.update(found)


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))


def first_failure(program, filters, number):
    """What the first test that fails is called, with the seed where it says one."""
    try:
        ran = subprocess.run(
            [program, *filters], cwd=COPY / "actors", preexec_fn=limit, timeout=LIMIT_SECONDS,
            env={**os.environ, "MUTATION": str(number)},
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


def noticed_by(machine, programs, number):
    """The first test that fails, None where none does."""
    for target, filters in STAGES[machine]:
        if failure := first_failure(programs[target], filters, number):
            return failure
    return None


def run(machine, numbers):
    """How many are not noticed, and how many do not apply or do not compile."""
    noticed = missed = 0
    chosen = [one for one in mutations_of(machine) if not numbers or one[0] in numbers]
    programs, errors = build_all(machine, chosen)
    if failure := noticed_by(machine, programs, 0):
        raise SystemExit(f"{machine}: fails without a mutation: {failure}")
    for number, _, mutation in chosen:
        begun = time.monotonic()
        if number in errors:
            word = f"ERROR        {errors[number]}"
        else:
            test = noticed_by(machine, programs, number)
            noticed, missed = noticed + bool(test), missed + (not test)
            word = f"noticed      {test}" if test else "NOT NOTICED"
        seconds = time.monotonic() - begun
        print(f"{machine} {number:3} {seconds:4.0f} s  {word}  | {mutation['rule']}", flush=True)
    print(f"{machine}: {noticed} noticed, {missed} not noticed, {len(errors)} errors", flush=True)
    return missed, len(errors)


def check():
    wrong = 0
    for machine in STAGES:
        number = 0
        for number, path, mutation in mutations_of(machine):
            try:
                text = (ROOT / path).read_text()
                body_around(text, place_of(text, path, mutation))
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
    results = [run(machine, numbers) for machine in machines]
    missed, wrong = (sum(counts) for counts in zip(*results))
    return 2 if wrong else 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

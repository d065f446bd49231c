#!/usr/bin/env python3
"""Lines of Rust by crate at a commit, at the width of today's rustfmt.toml, without blank lines.

tools/lines_of_code.py COMMIT [COMMIT ...]

A test is a file in `tests` or `benches`, a file named tests.rs or *_tests.rs, and what follows the
first #[cfg(test)] of any other file.
"""
import pathlib
import subprocess
import sys
import tempfile

CRATES = ["src", "actors", "wire", "store", "routing", "schema", "mock", "fidelity"]
FORMAT = "max_width=100,use_small_heuristics=Max"


def count(commit):
    """{crate: [lines of the product, lines of its tests]}"""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", commit], check=True, capture_output=True).stdout
        subprocess.run(["tar", "x", "-C", folder], input=archive, check=True)
        files = [str(path) for path in pathlib.Path(folder).rglob("*.rs")]
        subprocess.run(["rustfmt", "--edition", "2024", "--config", FORMAT, *files], check=True)
        found = {crate: [0, 0] for crate in CRATES}
        for name in files:
            path = pathlib.Path(name).relative_to(folder)
            crate = "src" if path.parts[0] in ("tests", "benches", "examples") else path.parts[0]
            if crate not in found:
                continue
            is_test = bool({"tests", "benches"} & set(path.parts[:-1]))
            is_test = is_test or path.name == "tests.rs" or path.name.endswith("_tests.rs")
            for line in open(name, encoding="utf-8"):
                is_test = is_test or line.startswith("#[cfg(test)]")
                found[crate][is_test] += bool(line.strip())
        return found


counts = [count(commit) for commit in sys.argv[1:]]
for crate in CRATES:
    print(f"{crate:10}", *(f"{product:7} {tests:7}" for product, tests in (c[crate] for c in counts)))
print(f"{'sum':10}", *(f"{sum(l[0] for l in c.values()):7} {sum(l[1] for l in c.values()):7}" for c in counts))

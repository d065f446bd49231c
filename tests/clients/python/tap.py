"""Runs the functions whose name begins with `test_` and reports in TAP, as node's test runner does."""

import json
import os
import traceback

URL = os.environ["AINFERA_URL"]
KEY = os.environ["AINFERA_KEY"]
# refused before the call is admitted or rejected: such a call leaves no row
NOT_ADMITTED = (400, 401, 404, 501)


class Calls:
    """What went over the wire: every routed call owes one row, which run.sh compares with the database."""

    routed = 0
    last_request = None

    def note(self, response):
        self.last_request = response.request
        if response.request.method != "POST" or response.status_code in NOT_ADMITTED:
            return
        if "idempotent-replayed" in response.headers:
            return
        # counting is no call
        if response.request.url.path.endswith("/count_tokens"):
            return
        if json.loads(response.request.content)["model"] == "ainfera-inference":
            self.routed += 1


calls = Calls()


def run(module):
    tests = [(name, test) for name, test in module.items() if name.startswith("test_")]
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            print("  " + traceback.format_exc().replace("\n", "\n  "), flush=True)
    print(f"# pass {len(tests) - failed}\n# fail {failed}")
    with open(os.environ["AINFERA_CALLS_FILE"], "w") as file:
        file.write(str(calls.routed))
    raise SystemExit(1 if failed else 0)

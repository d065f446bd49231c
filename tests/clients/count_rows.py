"""count_rows.py DATABASE FOLDER: each file of the folder is named after an agent and holds the number of its routed calls.

Every one of them must have left exactly one row in routing_outcomes, and nobody else any. Reports in TAP.
"""

import pathlib
import sqlite3
import sys

database, folder = sys.argv[1:]
expected = {file.name: int(file.read_text()) for file in pathlib.Path(folder).iterdir()}
with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
    rows = dict(
        connection.execute("SELECT name, count(*) FROM routing_outcomes JOIN agents USING (agent_id) GROUP BY name")
    )

failed = 0
for agent in sorted(expected.keys() | rows.keys()):
    calls, left = expected.get(agent, 0), rows.get(agent, 0)
    failed += calls != left
    print(f"{'ok' if calls == left else 'not ok'} - {agent}: {calls} routed calls, {left} rows")
if not expected:
    failed = 1
    print("not ok - no calls were made")
print(f"# pass {len(expected) - failed if expected else 0}\n# fail {failed}")
sys.exit(1 if failed else 0)

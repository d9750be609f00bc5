"""The demo, as `hive-node demo --json` plays it."""

import contextlib
import io
import json

from benchmarks.row import Effort, Figure, Row
from hive_node.cli.demo import run_demo


def measure(effort: Effort) -> Row:
    """Three daemons (two when quick), until a recipe of one was adopted by another after its own measurement."""
    nodes, patience_s = effort.choose(3, 2), effort.choose(150, 60)
    printed, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
        code = run_demo(nodes=nodes, seconds=patience_s, as_json=True, keep=False)
    if code != 0:
        raise RuntimeError(f"the demo ended with {code}: {told.getvalue().splitlines()[-1:]}")
    result = json.loads(printed.getvalue())
    project = result["project"]
    gain = (project["baseline"] - project["best"]) / project["baseline"]
    adopted = sum(bool(set(one["adopted_by"]) - {one["author"]}) for one in result["recipes"])
    trials = sum(node["trials"] for node in result["nodes"])
    return Row(
        "demo",
        (
            Figure("seconds to its end", result["seconds"], "s", 90),
            Figure("best gain", 100 * gain, "%", 5, "at least"),
            Figure("recipes adopted by others", adopted, "", 1, "at least"),
        ),
        (f"{nodes} nodes, {trials} trials, heads equal: {'yes' if result['heads_equal'] else 'no'}",),
    )

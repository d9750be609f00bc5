"""Runs in the sandbox: `python3 -I harness.py skill.py run < input`. Calls the function once, and says what it answered.

The answer goes out on a descriptor of its own: what the skill prints is no answer. What would be right is not in this process.
"""

import json
import os
import sys

_SHOWN = 2_000


def main() -> None:
    path, entry_point = sys.argv[1:]
    given = sys.stdin.buffer.read()
    out = os.dup(1)
    os.dup2(2, 1)
    said = json.dumps(_called(path, entry_point, given), allow_nan=False).encode()
    while said:
        said = said[os.write(out, said) :]


def _called(path: str, entry_point: str, given: bytes) -> "dict[str, object]":
    try:
        with open(path, encoding="utf-8") as file:
            code = compile(file.read(), "skill.py", "exec")
        namespace: dict[str, object] = {"__name__": "skill"}
        exec(code, namespace)  # noqa: S102 - this is what the sandbox is for
        answer = namespace[entry_point](json.loads(given))  # type: ignore[operator]
        json.dumps(answer, allow_nan=False)
        return {"answer": answer}
    except BaseException as error:  # noqa: BLE001 - a skill that exits has not answered either
        return {"raised": f"{type(error).__name__}: {error}"[:_SHOWN]}


if __name__ == "__main__":
    main()

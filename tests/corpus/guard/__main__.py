"""`python -m tests.corpus.guard [--share 1.0] [--seed 1] > FILE`: the corpus as NDJSON, one record a line."""

import argparse
import json
import sys

from tests.corpus.guard import Size, generate


def main() -> None:
    """Print every record."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.guard", description=(__doc__ or "").split(": ", 1)[1])
    parser.add_argument("--share", type=float, default=1.0, help="of the whole corpus's size")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for one in generate(Size.of(options.share), options.seed):
        sys.stdout.write(json.dumps(one.as_json(), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

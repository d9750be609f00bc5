"""`python -m hive_node` and the console script."""

import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["scan"]:
        # A commit waits for it: what the other commands need is not even looked for.
        from hive_node.cli.scan import run
    else:
        from hive_node.cli.main import run
    run()


if __name__ == "__main__":
    main()

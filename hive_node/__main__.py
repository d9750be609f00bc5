"""`python -m hive_node` and the console script."""

import sys


def main() -> None:
    """Run the command line."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if sys.argv[1:2] == ["scan"]:
        # A commit waits for it: what the other commands need is not even looked for.
        from hive_node.cli.scan import run
    elif words[-3:-1] == ["agent", "hook"] and len(words) == 3 + ("--home" in sys.argv):
        # A coding agent waits for it, at every answer.
        from hive_node.cli.agent_hook import run as hook

        hook(sys.argv[1:])
        return
    else:
        from hive_node.cli.main import run
    run()


if __name__ == "__main__":
    main()

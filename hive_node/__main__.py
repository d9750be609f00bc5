"""`python -m hive_node` and the console script."""


def main() -> None:
    """Run the command line."""
    from hive_node.cli import run

    run()


if __name__ == "__main__":
    main()

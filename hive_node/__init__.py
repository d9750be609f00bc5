"""The daemon: it improves what a developer has, shares what it learned, and learns from its hive."""

__version__ = "0.1.0"

"""What else than looking an agent may be allowed. Alone in its module, so that the other commands need not read the tools."""

from enum import StrEnum


class Allowed(StrEnum):
    """A group of tools that change something."""

    STEPS = "steps"
    SKILLS = "skills"

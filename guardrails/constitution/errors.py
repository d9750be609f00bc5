"""What is raised when the constitution cannot be loaded. A verdict is never raised: see `guardrails.verdict.Rejected`."""


class ConstitutionError(Exception):
    """The rules are missing, unreadable or unsound, so nothing can be allowed.

    place: file and key. problem: what was found there, or expected.
    """

    code = "constitution.unavailable"

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem

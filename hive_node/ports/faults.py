"""What an adapter's failures become at its border: a stable code, and a sentence with the remedy."""


class Fault(Exception):
    """Something of this machine failed in a way that a person can act on.

    code: stable and dotted. str(): what happened to what, and the remedy.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FatalError(Fault):
    """The daemon cannot go on."""


class RepositoryError(Fault):
    """git or the repository said no."""


class StoreError(Fault):
    """The database could not do it: nothing of the transaction was written."""


class NotFound(Fault):
    """There is no such thing here."""

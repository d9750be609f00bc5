"""Globs over relative paths: `*` and `?` stay inside one folder's name, `**` crosses folders. Pure, and linear in practice."""

from fnmatch import fnmatchcase

_WILDCARDS = frozenset("*?[")


def is_valid_glob(glob: str) -> bool:
    parts = glob.removesuffix("/").split("/")
    return bool(glob) and "\\" not in glob and all(part not in {"", ".", ".."} for part in parts)


def has_wildcard(glob: str) -> bool:
    return not _WILDCARDS.isdisjoint(glob)


def matches(glob: str, path: str) -> bool:
    """Whether the whole path is meant. ValueError for a glob that is absolute, empty or climbs."""
    if not is_valid_glob(glob):
        raise ValueError(f"not a relative glob: {glob!r}")
    pattern = glob.removesuffix("/").split("/")
    return _match_parts(pattern + ["**"] if glob.endswith("/") else pattern, path.split("/"))


def covers(glob: str, path: str) -> bool:
    """Whether the path or one of its folders is meant: a rule over a folder is a rule over all that lies in it."""
    parts = path.split("/")
    if glob.startswith("**/") and "/" not in glob[3:] and glob[3:] not in {"", ".", "..", "**"}:
        return any(fnmatchcase(part, glob[3:]) for part in parts)  # the usual shape of a rule, cheaply
    return any(matches(glob, "/".join(parts[:length])) for length in range(1, len(parts) + 1))


def _match_parts(pattern: list[str], parts: list[str]) -> bool:
    """The two-pointer way of matching wildcards, over folders: at a mismatch the last `**` takes one folder more."""
    at_pattern = at_part = 0
    star, star_part = -1, 0
    while at_part < len(parts):
        if at_pattern < len(pattern) and pattern[at_pattern] == "**":
            star, star_part = at_pattern, at_part
            at_pattern += 1
        elif at_pattern < len(pattern) and fnmatchcase(parts[at_part], pattern[at_pattern]):
            at_pattern, at_part = at_pattern + 1, at_part + 1
        elif star >= 0:
            star_part += 1
            at_pattern, at_part = star + 1, star_part
        else:
            return False
    return all(part == "**" for part in pattern[at_pattern:])

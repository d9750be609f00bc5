"""The constitutional gate: what no change may do, whatever it would gain. Rules are data, loaded once and digested. Pure."""

from guardrails.constitution.change import Allowed, Change, FileChange, Surface
from guardrails.constitution.diff import DiffFile, DiffSyntaxError, Hunk, parse_unified
from guardrails.constitution.errors import ConstitutionError
from guardrails.constitution.gate import Constitution
from guardrails.constitution.rules import RuleInfo

__all__ = [
    "Allowed",
    "Change",
    "Constitution",
    "ConstitutionError",
    "DiffFile",
    "DiffSyntaxError",
    "FileChange",
    "Hunk",
    "RuleInfo",
    "Surface",
    "parse_unified",
]

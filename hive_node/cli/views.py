"""What the hive believes of a task, in words: every figure with its votes, every recipe with who stands behind it."""

from collections.abc import Callable
from typing import Any, Final

from hive_node.cli.output import count, number, percent, say, table

_RULES: Final = {"median": "median", "trimmed-mean": "trimmed mean"}
_SHORT: Final = 8
_FATES: Final = (("promoted", "promoted"), ("not_better", "not better"), ("rejected", "rejected"))


def view_words(tree: Any) -> None:
    """Print a project's view."""
    belief = tree["belief"]
    if belief is None:
        say(f"{tree['project']}: the hive has said nothing of this task yet (task {tree['task'][:12]}…).")
        return
    metric, f = belief["metric"], belief["f"]
    say(f"{tree['project']}: {metric['name']}, {metric['direction']} is better (task {tree['task'][:12]}…)")
    say(
        f"{count(len(belief['owners']), 'owner')} worked on it: {', '.join(belief['owners']) or 'nobody who is heard'}."
    )
    for one in belief["left_out"]:
        say(f"Not heard: {one['owner']}, who is {one['why']}.")
    say(_trust(f))
    say("")
    say("What an experiment gains")
    table(
        ("", "gain", "from"),
        [("typically", *figure(belief["typical_gain"])), ("at best", *figure(belief["best_gain"]))],
        "",
    )
    _operator_words(belief["operators"])
    _recipe_words(belief["recipes"], f)
    _suggestion_words(tree["suggestions"])


def figure(one: Any, write: Callable[[float | None], str] = percent) -> tuple[str, str]:
    """A figure and what it rests on: rule, n owners, f liars that it withstands, who was left out."""
    left_out = f", without {', '.join(one['left_out'])}" if one["left_out"] else ""
    if one["value"] is None:
        return "unknown", f"{count(one['n'], 'owner')} of {one['needed']} needed{left_out}"
    return write(one["value"]), f"{_RULES[one['rule']]}, n = {one['n']}, f = {one['f']}{left_out}"


def standing(recipe: Any, f: int) -> str:
    """Where a recipe stands, and who says so."""
    confirmed, refuted = ", ".join(recipe["confirmed_by"]), ", ".join(recipe["refuted_by"])
    if recipe["fell_with"]:
        return f"{recipe['standing']} with {recipe['fell_with'][:_SHORT]}, on which it builds"
    if recipe["standing"] == "retracted":
        return "retracted by its author"
    but = f", {refuted} did not find it" if refuted else ""
    match recipe["standing"]:
        case "corroborated":
            return f"corroborated by {confirmed}{but}"
        case "refuted":
            return f"refuted by {refuted}" + (f", against {confirmed}" if confirmed else "")
    found = f"confirmed by {confirmed}{but}; {_needed(f)}" if confirmed else f"refuted by {refuted}; {_needed(f)}"
    return f"open: {found}" if confirmed or refuted else "open: nobody else measured it"


def _needed(f: int) -> str:
    return "one owner decides" if f == 0 else f"it takes {f + 1}"


def _trust(f: int) -> str:
    if f == 0:
        return "With fewer than 3 owners in the hive nothing withstands a liar: each figure is as good as its owners (f = 0)."
    return f"A figure is given only if it holds although any f = {f} of its n owners may lie."


def _operator_words(operators: Any) -> None:
    if operators:
        say("")
        say("Who finds it: of the ideas of one owner, the share that was")
        rows = [
            (name, figure(one["ideas"], number)[0], *(_part(one["shares"][fate]) for fate, _ in _FATES),
             figure(one["shares"]["promoted"])[1])
            for name, one in operators.items()
        ]  # fmt: skip
        table(("operator", "ideas", *(title for _, title in _FATES), "from"), rows, "")


def _part(share: Any) -> str:
    return "–" if share["value"] is None else f"{share['value']:.0%}"


def _recipe_words(recipes: Any, f: int) -> None:
    if recipes:
        say("")
        say("Recipes, the ones most worth trying first")
        rows = [
            (one["id"][:_SHORT], one["owner"], percent(one["lower"]), " ".join(_of(one["gain"])), standing(one, f))
            for one in recipes
        ]
        table(("recipe", "of", "at least", "gain", "standing"), rows, "")


def _of(gain: Any) -> tuple[str, str]:
    value, votes = figure(gain)
    return value, f"({votes})"


def _suggestion_words(suggestions: Any) -> None:
    say("")
    if not suggestions:
        say("Nothing to try from others now.")
        return
    say("To be tried next by the `recipe` operator, each behind this node's own gates:")
    for one in suggestions:
        standing = "corroborated" if one["corroborated"] else "one owner's word"
        say(f"  {one['recipe'][:_SHORT]} of {one['owner']}: at least {percent(one['lower'])}, {standing}")

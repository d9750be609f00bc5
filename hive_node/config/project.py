"""`hive.toml`: what a project wants improved, how it is measured, what may be told. docs/hive-toml.md is its reference."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, field_validator, model_validator

from hive_node.config.toml import ConfigError, Section, parse_toml, read_toml
from protocol.deltas import ShareLevel

_T = TypeVar("_T")
Some: TypeAlias = Annotated[tuple[_T, ...], Field(strict=False, min_length=1)]
Many: TypeAlias = Annotated[tuple[_T, ...], Field(strict=False)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
MetricName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.:/-]{0,63}$")]
DirectionName: TypeAlias = Literal["lower", "higher"]
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Bound: TypeAlias = Annotated[float | int, Field(allow_inf_nan=False, ge=-(2.0**53), le=2.0**53)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Argv: TypeAlias = Annotated[tuple[Annotated[str, Field(max_length=4096)], ...], Field(strict=False, min_length=1)]


def _inside(glob: str) -> str:
    if not glob or glob.startswith("/") or ".." in PurePosixPath(glob).parts:
        raise ValueError(f"`{glob}` leaves the repository: write paths relative to its root")
    return glob


Glob: TypeAlias = Annotated[str, AfterValidator(_inside)]

FILE: Final = "hive.toml"


class ProjectSection(Section):
    """[project]: its name, part of the branch's."""

    name: Name


class SurfaceSection(Section):
    """[surface]: globs, relative to the repository's root. Only `editable` may change; `protected` judges it,
    and so do files that a step's command names.

    verbatim: comments and layout are changes too, because the metric reads the sources themselves.
    """

    editable: Some[Glob]
    protected: Many[Glob] = ()
    verbatim: bool = False


class StepSection(Section):
    """[[step]]: one command of a trial, as an argument vector; no shell reads it."""

    name: Name = "run"
    run: Argv
    timeout_s: Seconds = 600.0


class MetricSection(Section):
    """[metric]: what to make better. pattern: a regular expression with one group, for outputs of another shape."""

    name: MetricName
    direction: DirectionName
    min_effect: Share = 0.001
    pattern: Annotated[str, Field(max_length=512)] | None = None

    @field_validator("pattern")
    @classmethod
    def _one_group(cls, pattern: str | None) -> str | None:
        if pattern is not None and _groups(pattern) != 1:
            raise ValueError("a pattern has exactly one group, around the number")
        return pattern


class GuardSection(Section):
    """[[guard]]: what may not get worse by more than `tolerance` (relative) against the pinned baseline."""

    metric: MetricName
    direction: DirectionName
    tolerance: Share


class HoldoutSection(Section):
    """[holdout]: a measurement that no operator sees. looks: how many times an experiment may spend it.

    files: globs of what it alone may read; every other step finds them empty, and nobody may edit them.
    """

    run: Argv
    files: Many[Glob] = ()
    timeout_s: Seconds = 600.0
    looks: Annotated[int, Field(ge=1, le=1000)] = 20


class TuneHint(Section):
    """One line of [tune]: the range of a number, or the choices of a constant."""

    low: Bound | None = None
    high: Bound | None = None
    step: Bound | None = None
    log: bool = False
    choices: Many[int | float | str | bool] = ()

    @model_validator(mode="after")
    def _range_or_choices(self) -> Self:
        has_range = self.low is not None and self.high is not None
        if has_range == bool(self.choices):
            raise ValueError("give low and high, or choices")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("low is below high")
        if self.step is not None and (
            self.low is None or self.high is None or not 0 < self.step <= self.high - self.low
        ):
            raise ValueError("step is above 0 and fits between low and high")
        if self.log and (self.low is None or self.low <= 0 or self.step is not None):
            raise ValueError("log needs low above 0 and no step")
        return self


class BudgetSection(Section):
    """[budget]: when an experiment stops by itself. Money is spent only where `dollars` is written."""

    iterations: Annotated[int, Field(ge=1, le=100_000)] = 50
    wall_s: Annotated[float, Field(gt=0, le=31_536_000)] = 3600.0
    dollars: Annotated[float, Field(ge=0, le=100_000)] | None = None
    tokens: Annotated[int, Field(ge=0, le=10**12)] | None = None
    target: Annotated[float, Field(allow_inf_nan=False)] | None = None
    patience: Annotated[int, Field(ge=1, le=100_000)] | None = None


class WatchSection(Section):
    """[watch]: when a promotion is measured again beside what it replaced; what became worse is taken back."""

    after_s: Annotated[tuple[Annotated[float, Field(gt=0, le=31_536_000)], ...], Field(strict=False, max_length=20)] = (
        600.0,
        3600.0,
        86_400.0,
    )

    @field_validator("after_s")
    @classmethod
    def _in_order(cls, moments: tuple[float, ...]) -> tuple[float, ...]:
        if list(moments) != sorted(set(moments)):
            raise ValueError("each moment is later than the one before it")
        return moments


class AutoSection(Section):
    """[auto]: how the operator `auto` chooses. explore: how often it asks for a radical change."""

    explore: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1


class ShareSection(Section):
    """[share]: what the hive may be told. Absent means nothing."""

    level: Literal["none", "summaries", "recipes"]


class ProjectSpec(Section):
    """The whole of hive.toml."""

    project: ProjectSection
    surface: SurfaceSection
    step: Some[StepSection]
    metric: MetricSection
    guard: Many[GuardSection] = ()
    holdout: HoldoutSection | None = None
    tune: dict[str, TuneHint] = {}
    budget: BudgetSection = BudgetSection()
    watch: WatchSection = WatchSection()
    auto: AutoSection = AutoSection()
    share: ShareSection | None = None

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        steps = [step.name for step in self.step]
        guards = [guard.metric for guard in self.guard]
        if len(set(steps)) != len(steps):
            raise ValueError("two steps have one name")
        if len(set(guards)) != len(guards) or self.metric.name in guards:
            raise ValueError("a metric is named once: either [metric] or one [[guard]]")
        return self

    @property
    def share_level(self) -> ShareLevel:
        """How much this project tells; `none` unless it says otherwise."""
        return ShareLevel(self.share.level) if self.share else ShareLevel.NONE

    @property
    def held_out(self) -> tuple[str, ...]:
        """Globs of the files that the holdout alone may read."""
        return self.holdout.files if self.holdout else ()

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The primary metric, then the guards'."""
        return (self.metric.name, *(guard.metric for guard in self.guard))


def _groups(pattern: str) -> int:
    # RE2: of a user's pattern and a stranger's output, neither can make the other take for ever. Imported where one is used.
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return int(re2.compile(pattern, options).groups)
    except re2.error as error:
        said = error.args[0].decode("utf-8", "replace") if error.args else "it cannot be read"
        raise ValueError(f"not a regular expression that RE2 takes: {said}") from error


def load_project_spec(repository: Path) -> tuple[ProjectSpec, str]:
    """The spec at the root of `repository`, and its text. Raises ConfigError."""
    path = repository / FILE
    if not path.is_file():
        raise ConfigError(
            str(path), "there is no such file: write one (docs/hive-toml.md has four lines to begin with)"
        )
    spec = read_toml(path, ProjectSpec)
    return spec, path.read_text(encoding="utf-8")


def parse_project_spec(text: str, source: str = FILE) -> ProjectSpec:
    """The spec that `text` spells. Raises ConfigError."""
    return parse_toml(text, ProjectSpec, source)

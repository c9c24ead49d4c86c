"""The base of every value, and the two things that are passed in: the world outside, and who watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from triage.model.outcome import Outcome


STAMP_FORMAT = "%Y%m%dT%H%M%SZ"
"""Of the name of a run: UTC, to the second, and sorted as text it is sorted by time."""


def day_of_stamp(stamp: str | None) -> date | None:
    """The day of a run by its name; None where there is no name."""
    return time_of_stamp(stamp).date() if stamp is not None else None


def time_of_stamp(stamp: str) -> datetime:
    """When a run began, by its name."""
    return datetime.strptime(stamp, STAMP_FORMAT).replace(tzinfo=UTC)


class Value(BaseModel):
    """A frozen value; an unknown field is an error, so that a typo cannot pass for data."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="strings",
        defer_build=True,  # a command uses few of the values that its modules name
    )


def reason_of(error: Exception) -> str:
    """Say in one line why a file could not be read; of a value that does not fit, the first field."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return f"{field}: {first['msg']}" if field else str(first["msg"])
    return str(error).partition("\n")[0]


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still, so that a result can be produced again."""

    moment: datetime
    """Aware time in UTC."""

    def __call__(self) -> datetime:
        """Always the same moment."""
        return self.moment


@dataclass(frozen=True)
class World:
    """What a result may depend on besides its input."""

    now: Callable[[], datetime]
    """Aware time in UTC."""
    monotonic: Callable[[], float]
    """Seconds from an arbitrary start; never goes back."""
    environ: Mapping[str, str]
    actor: str = "triage"
    began: float | None = None
    """The moment of `monotonic` at which the command began; None where nobody has noted it."""

    def stamp(self) -> str:
        """The STAMP of this second."""
        return self.now().astimezone(UTC).strftime(STAMP_FORMAT)

    def timestamp(self) -> str:
        """The moment as journal lines write it."""
        return self.now().astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Progress(Protocol):
    """Where long work says how far it is."""

    def start(self, total: int, what: str, most_seconds: float | None = None) -> None:
        """A new stretch of `total` steps begins; `what` says in words what is done, with its number.

        It ends after `most_seconds` however far it is; None is no limit.
        """

    def step(self, label: str, outcome: Outcome | None = None, reason: str = "") -> None:
        """One step is done; of a test with its outcome, and why it failed."""

    def note(self, text: str) -> None:
        """One line that people should see."""

    def finish(self) -> None:
        """The stretch is over."""


class Silent:
    """Progress that says nothing."""

    def start(self, total: int, what: str, most_seconds: float | None = None) -> None:
        """Say nothing."""

    def step(self, label: str, outcome: Outcome | None = None, reason: str = "") -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""

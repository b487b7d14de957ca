"""The errors a user can cause, each with the place it happened and how to mend it."""

from __future__ import annotations


class StudioError(Exception):
    """Base of every error whose text may be shown to a user as it stands.

    Parameters
    ----------
    message : str
        What is wrong, with the offending value.
    where : str, optional
        File, line, column or setting, e.g. ``"edges.csv, line 17"``.
    mend : str, optional
        What the user can do about it.
    """

    def __init__(self, message: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(message, where, mend)  # all three, so that the error survives pickling
        self.message = message
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        """Return one line: where, what, how to mend it."""
        prefix = f"{self.where}: " if self.where else ""
        suffix = f" {self.mend}" if self.mend else ""
        return f"{prefix}{self.message}{suffix}"

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild with keyword arguments when the error crosses a process."""
        return _rebuild, (type(self), self.message, self.where, self.mend)


def _rebuild(kind: type[StudioError], message: str, where: str, mend: str) -> StudioError:
    return kind(message, where=where, mend=mend)


class SpecError(StudioError, ValueError):
    """A setting is out of bounds, unknown, or makes no sense with the others."""


class DataError(StudioError, ValueError):
    """The data cannot be read, or cannot be trained on."""


class LimitError(DataError):
    """The data is larger than a limit of this installation."""


class RunError(StudioError, RuntimeError):
    """A run, a bundle or the worker is not what was expected."""

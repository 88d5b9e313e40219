"""Keeps the states of a run in the host's output folder, and resumes runs from them."""

import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import folder_paths
import torch

from ..csd.distill import State
from ..csd.tree import Theta, named_leaves, tree_map, with_leaves
from ..media import state_file
from ..media.state_file import Saved
from .record import Record

FOLDER = "csd_states"
NUMBERED, REPLACED, REFUSED = "keep both", "replace", "refuse"
OTHERS = (NUMBERED, REPLACED, REFUSED)
_LONGEST = 100  # characters of a name
_NAME = re.compile(rf"\w(?:[\w .-]{{0,{_LONGEST - 2}}}\w)?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)  # devices, not files, on Windows


@dataclass(frozen=True)
class StateFile:
    """Where a run keeps its states.

    name     name of the file in output/csd_states, without its ending
    every    steps between two saves; the last state is saved in any case, also when a run is cancelled
    resume   whether to go on from the file, if there is one
    other    what to do where the file belongs to a run of other settings: NUMBERED, REPLACED or REFUSED
    """

    name: str
    every: int = 10
    resume: bool = True
    other: str = NUMBERED

    def __post_init__(self):
        if not _NAME.fullmatch(self.name) or _RESERVED.fullmatch(self.name):
            raise ValueError(
                f"state file: got the name {self.name!r}, expected a plain file name of letters, digits, spaces, "
                f"dots, - and _ (at most 100), without a folder; files lie in output/{FOLDER}."
            )
        if self.every < 1:
            raise ValueError(f"state file: got a save every {self.every} steps, expected at least 1.")

    @property
    def path(self) -> Path:
        return Path(folder_paths.get_output_directory()) / FOLDER / f"{self.name}.safetensors"

    def numbered(self, number: int) -> "StateFile":
        """The same with a number at the end of its name, within the length that names may have."""
        ending = f"_{number}"
        return replace(self, name=self.name[: _LONGEST - len(ending)] + ending)


class NotKept(AbstractContextManager):
    """Takes the place of a `Keeper` in runs that keep nothing."""

    def begin(self, state: State) -> tuple[State, Record]:
        return state, Record()

    def __call__(self, state: State, record: Record) -> None:
        pass

    def __exit__(self, *exception) -> None:
        pass


@dataclass
class Keeper(AbstractContextManager):
    """Keeps the states of one run. It is a context manager around the steps, and saves the last state at its end.

    settings   what the result depends on, see `fingerprint`
    together   how many steps share predictions. A run is resumed between two such groups, never inside one: the
               predictions would have to be made again.
    """

    file: StateFile
    settings: dict[str, str]
    together: int = 1
    _last: Saved | None = field(default=None, init=False)
    _latest: Saved | None = field(default=None, init=False)
    _kept: int = field(default=0, init=False)

    def begin(self, state: State) -> tuple[State, Record]:
        """The state and the record to start from: those of the file, or `state` and an empty record.

        Raises ValueError if the file belongs to another run and is not to be touched, or cannot be written.
        """
        found = self._found()
        if found is not None and self.file.resume:
            self._kept = found.step
            memory = {name: _like(state.theta, part) for name, part in found.memory.items()}
            return State(found.step, _like(state.theta, found.theta), memory), Record.of(found.record)
        self._claim(Saved(state.step, state.theta, state.memory, Record().tensors(), self.settings))
        return state, Record()

    def __call__(self, state: State, record: Record) -> None:
        """Takes the state after a finished step, and saves it if it is time."""
        self._latest = Saved(state.step, state.theta, state.memory, record.tensors(), self.settings)
        if state.step % self.together == 0:
            self._last = self._latest
            if state.step - self._kept >= self.file.every:
                self._save(self._last)

    def __exit__(self, failed, *details) -> None:
        self._save(self._latest if failed is None else self._last)

    def _found(self) -> Saved | None:
        """What the file holds of this run. Takes a file with a number, where the user wants to keep both."""
        first = self.file
        for number in count(2):
            found, differing = self._read()
            if not differing:
                return found
            if first.other == REPLACED:
                logging.info("State file: %s was of another run (%s); it is replaced.", self.file.name, differing)
                return None
            if first.other == REFUSED:
                raise ValueError(
                    f"state file: got {self.file.path.name}, which belongs to another run; these differ: {differing}. "
                    "Set them as they were to go on with it, choose another name, or choose `keep both` or `replace`."
                )
            self.file = first.numbered(number)

    def _read(self) -> tuple[Saved | None, str]:
        """What the file holds, if there is one, and the settings in which that differs from this run."""
        path = self.file.path
        if path.is_symlink():
            raise ValueError(f"state file: got {path.name}, which is a link; expected a file. Choose another name.")
        if not path.exists():
            return None, ""
        found = state_file.read(path)
        return found, ", ".join(state_file.differences(found.settings, self.settings))

    def _claim(self, first: Saved) -> None:
        """Writes the file before the first step, so that a folder that cannot be written shows at once."""
        path = self.file.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            state_file.write(path, first)
        except OSError as error:
            raise ValueError(
                f"state file: could not write {path.name} into output/{FOLDER} ({error}); make room on the disk, or "
                "remove CSD State File."
            ) from error

    def _save(self, state: Saved | None) -> None:
        """Saves a state. If the disk is full, the run goes on and the last file stays: the run is worth more."""
        if state is None or state.step == self._kept:
            return
        if not all(torch.isfinite(leaf).all() for _, leaf in named_leaves(state.theta)):
            return
        try:
            state_file.write(self.file.path, state)
            self._kept = state.step
        except OSError as error:
            logging.warning("The state of step %d was not kept (%s); the run goes on.", state.step, error)


def keeper_of(file: StateFile | None, settings: Callable[[], dict[str, str]], together: int = 1) -> Keeper | NotKept:
    """What keeps a run in its file. The settings are only asked for where there is one: they take time."""
    return NotKept() if file is None else Keeper(file, settings(), together)


def _like(theta: Theta, saved: Theta) -> Theta:
    """The saved tensors in the structure and on the device of theta. The number of rows may have changed."""
    device = next(leaf.device for _, leaf in named_leaves(theta))
    return tree_map(lambda leaf: leaf.to(device), with_leaves(theta, dict(named_leaves(saved))))

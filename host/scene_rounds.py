"""The rounds of an edit of a scene, kept in a file and resumed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from ..csd.distill import State
from ..csd.tree import Theta, parts
from ..splats.edit import Edit
from ..splats.splats import Splats
from .fingerprint import named_texts, patches, weights
from .record import Record
from .states import Keeper, NotKept, StateFile, keeper_of


class Recorded(Protocol):
    record: Record


def keeper(file: StateFile | None, model, values: dict[str, Any]) -> Keeper | NotKept:
    """What keeps an edit in its file, after each of its rounds.

    values   by name, everything beside the model that the result depends on
    """

    def settings() -> dict[str, str]:
        return named_texts({**values, "model": weights(model), "model patches": patches(model)})

    return keeper_of(file and replace(file, every=1), settings)


def last(rounds: Callable[..., Iterator[Edit]], keep: Keeper | NotKept, moves: Recorded) -> Splats:
    """The scene after the last round. A run that was stopped goes on after the last round that it finished.

    rounds   `edits` without its `begin`
    moves    takes the steps of the rounds, and records them
    """

    def begin(start: Edit) -> Edit:
        state, moves.record = keep.begin(State(0, _tree(start), {}))
        return _edit(state, start)

    with keep:
        for edit in rounds(begin=begin):
            keep(State(edit.rounds, _tree(edit), {}), moves.record)
    return edit.splats


def _tree(edit: Edit) -> Theta:
    return {**parts(edit.splats.tree), "latents": edit.latents}


def _edit(state: State, start: Edit) -> Edit:
    """A state as an edit, whose latents are where those of the start are."""
    tree = parts(state.theta)
    latents = tree.pop("latents").to(start.latents)
    return Edit(Splats.of(tree), latents, state.step)

"""The state of a run as a file, from which the run goes on as if it had never stopped.

A safetensors file holds

    theta            the latents, in the model's space; theta.<name> for several tensors
    memory.<name>    the memory of the update, in the structure of theta
    record.<name>    what the report shows

Its metadata are the step, what the result depends on (`settings`: name -> value or hash), and a checksum of the
tensors. The file is written under a temporary name and then moved to its place. So there is always either the old
state or the new one. A folder that is a link is not followed.
"""

import contextlib
import glob
import hashlib
import json
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from pydantic import BaseModel, Field, Json, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from ..csd.tree import Theta, from_leaves, named_leaves
from .paths import to_disk

FORMAT = "collaborative-score-distillation state 1"
_SHOWN = 40
_RECORDED = ("residual", "step_size", "time", "cost")  # curves over the steps; cost is (evaluations, seconds)
_LEFT_BEHIND = 3600.0  # seconds after which a temporary file counts as left by a killed process
_COUNT, _LONGEST_HEADER = 8, 10**8  # bytes of a safetensors file: the header's length, and its bound
_TRIES, _PAUSE = 10, 0.05  # on Windows a file cannot be replaced while another process reads it


@dataclass(frozen=True)
class Saved:
    """What a file holds. All tensors are on the CPU."""

    step: int
    theta: Theta
    memory: dict[str, Theta]
    record: dict[str, Tensor]
    settings: dict[str, str]

    def tensors(self) -> dict[str, Tensor]:
        whole = {"theta": self.theta, **({"memory": self.memory} if self.memory else {}), "record": self.record}
        return {name: tensor.cpu().contiguous() for name, tensor in named_leaves(whole)}


def checksum(tensors: dict[str, Tensor]) -> str:
    """A hash of names, types, shapes and every byte."""
    total = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def write(path: Path, saved: Saved) -> None:
    """Writes the file, whole or not at all. Raises OSError where the disk refuses."""
    _refuse_links(path)
    _tidy(path)
    tensors, part = saved.tensors(), path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    about = {"format": FORMAT, "step": str(saved.step), "settings": json.dumps(saved.settings)}
    try:
        save_file(tensors, part, {**about, "checksum": checksum(tensors)})
        to_disk(part)
        _moved(part, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _refuse_links(path: Path) -> None:
    """Raises OSError for links: they could lead out of the output folder."""
    for place in (path.parent, path):
        if place.is_symlink():
            raise OSError(f"{place.name} is a link, expected a folder and a file themselves")


def _tidy(path: Path) -> None:
    """Removes temporary files of processes that were killed while they wrote this file."""
    for part in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _LEFT_BEHIND:
                part.unlink()


def _moved(part: Path, path: Path) -> None:
    for left in reversed(range(_TRIES)):
        try:
            return os.replace(part, path)
        except PermissionError:
            if not left:
                raise
            time.sleep(_PAUSE)


def read(path: Path) -> Saved:
    """The state in a file. Raises ValueError where it is damaged or no state file."""
    try:
        _refuse_links(path)
        about, tensors = _content(path)
        if about.get("checksum") != checksum(tensors):
            raise ValueError("its checksum does not fit")
        return _saved(_About.model_validate(about), tensors)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(
            f"state file: got {path.name}, which cannot be read as a state ({_said(error)}); expected one that this "
            "node wrote. Delete or rename it, or choose another name."
        ) from error


def _content(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors. The file is opened once: another process may replace it meanwhile."""
    with path.open("rb") as file:
        size = file.read(_COUNT)
        header = file.read(min(int.from_bytes(size, "little"), _LONGEST_HEADER))
        about = _Header.model_validate_json(header).about
        if about.get("format") != FORMAT:
            raise ValueError("it is of another kind")
        return about, load(size + header + file.read())


class _Header(BaseModel):
    """The header of a state's file. What it says of the tensors is left to safetensors."""

    about: Annotated[dict[str, str], Field(alias="__metadata__")]


class _About(BaseModel):
    """The metadata."""

    step: Annotated[int, Field(ge=0)]
    settings: Json[dict[str, str]]


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return ": ".join([*(str(place) for place in first["loc"]), first["msg"]])
    return str(error)


def _saved(about: _About, tensors: dict[str, Tensor]) -> Saved:
    """The state. ValueError where something is missing that a run needs to go on."""
    missing = [name for name in (f"record.{name}" for name in _RECORDED) if name not in tensors]
    held = _group(tensors, "theta")
    if missing or not held:
        raise ValueError(f"it lacks {', '.join(missing or ['theta'])}")
    curves = [tensors[f"record.{name}"] for name in _RECORDED]
    if any(curve.ndim != 1 for curve in curves) or len(curves[-1]) != 2:
        raise ValueError("its record is not one of numbers over the steps")
    numbers = [tensor for name, tensor in tensors.items() if not name.startswith("record.")]
    floating = all(part.is_floating_point() for part in held.values())
    if not (floating and all(torch.isfinite(part).all() for part in numbers)):
        raise ValueError("its numbers are not finite")

    memory = from_leaves(_group(tensors, "memory"))
    if not isinstance(memory, dict):
        raise ValueError("its memory has no names")
    return Saved(about.step, from_leaves(held), memory, _group(tensors, "record"), about.settings)


def _group(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors called `name` or `name.<rest>`, by their <rest>."""
    found = {key.removeprefix(name): tensor for key, tensor in tensors.items() if key.split(".")[0] == name}
    return {key.removeprefix("."): tensor for key, tensor in found.items()}


def differences(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """The names of settings that differ between two runs, with both values where they are short."""
    names = [name for name in {**now, **then} if then.get(name) != now.get(name)]
    return [_difference(name, then.get(name, "none"), now.get(name, "none")) for name in names]


def _difference(name: str, then: str, now: str) -> str:
    return f"{name} ({then} in the file, {now} now)" if max(len(then), len(now)) <= _SHOWN else name

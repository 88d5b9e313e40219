"""The state of a run as a file, from which the run goes on as if it had never stopped.

A safetensors file holds

    theta            the latents, in the model's space
    memory.<name>    what the update remembers
    record.<name>    what the report shows

and, as metadata, the step, what the result depends on (`settings`, from name to value or hash) and a
checksum of the tensors. It is written beside its place and then moved there, so that there is always
either the old state or the new one.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

FORMAT = "collaborative-score-distillation state 1"
_SHOWN = 40


@dataclass(frozen=True)
class Saved:
    """What a file holds; all tensors on the CPU."""

    step: int
    theta: Tensor
    memory: dict[str, Tensor]
    record: dict[str, Tensor]
    settings: dict[str, str]

    def tensors(self) -> dict[str, Tensor]:
        grouped = {"memory": self.memory, "record": self.record}
        named = {f"{group}.{name}": tensor for group, held in grouped.items() for name, tensor in held.items()}
        return {key: tensor.cpu().contiguous() for key, tensor in {"theta": self.theta, **named}.items()}


def checksum(tensors: dict[str, Tensor]) -> str:
    """A hash of names, types, shapes and every byte."""
    total = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return total.hexdigest()


def write(path: Path, saved: Saved) -> None:
    """Put the file in its place, whole or not at all. Raises OSError where the disk does not take it."""
    tensors, part = saved.tensors(), path.with_name(f"{path.name}.part")
    about = {"format": FORMAT, "step": str(saved.step), "settings": json.dumps(saved.settings)}
    try:
        save_file(tensors, part, {**about, "checksum": checksum(tensors)})
        _to_disk(part)
        os.replace(part, path)
    except SafetensorError as error:
        raise OSError(f"could not write {path}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def read(path: Path) -> Saved:
    """The state in a file. Raises ValueError where it is damaged or of another kind."""
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118  (it is no dict)
        if about.get("format") != FORMAT or about["checksum"] != checksum(tensors):
            raise ValueError("it is of another kind, or its checksum does not fit")
        return _saved(about, tensors)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"state file: got {path.name}, which cannot be read as a state ({error}); expected one that this node "
            "wrote. Delete or rename it, or choose another name."
        ) from error


def _saved(about: dict[str, str], tensors: dict[str, Tensor]) -> Saved:
    def group(name: str) -> dict[str, Tensor]:
        return {key.split(".", 1)[1]: tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}

    settings = json.loads(about["settings"])
    return Saved(int(about["step"]), tensors["theta"], group("memory"), group("record"), settings)


def differences(then: dict[str, str], now: dict[str, str]) -> list[str]:
    """The settings in which two runs differ, with both values where they are short."""
    names = [name for name in {**now, **then} if then.get(name) != now.get(name)]
    return [_difference(name, then.get(name, "none"), now.get(name, "none")) for name in names]


def _difference(name: str, then: str, now: str) -> str:
    return f"{name} ({then} in the file, {now} now)" if max(len(then), len(now)) <= _SHOWN else name

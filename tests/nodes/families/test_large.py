"""Checkpoints of real size through the host's own loaders: the edit is that of the loop written by hand.

By hand, one family at a time, with about 16 GB of memory and 8 GB of disk: `make test-large`.
"""

import json
import os
import time
from pathlib import Path

import pytest

from collaborative_score_distillation.dev.environment.in_process import InProcessHost

from ..conftest import rand
from .by_hand import Prompts
from .large import LARGE

RESULTS = Path(__file__).with_name("large.json")
COUNT, CELLS, TOLERANCE = 2, 16, 1e-4

pytestmark = pytest.mark.skipif(not os.environ.get("CSD_LARGE"), reason="takes gigabytes: `make test-large`")


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    """A host that keeps networks in half precision, as their files do, and computes in single."""
    return InProcessHost(tmp_path_factory.mktemp("host"), "--cpu", "--fp16-unet", "--fp16-text-enc")


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", LARGE)
def test_a_checkpoint_of_real_size(host, comfy, by_hand, family_edit, far, name):
    large, path = LARGE[name], host.base / "models" / LARGE[name].folder / "large.safetensors"
    try:
        parameters = large.write(comfy, path)
        size = path.stat().st_size
        model, clip = large.loaded(host, path.name)
        prompts = Prompts(*(prompt(host, clip) for prompt in large.prompts))
        del clip
        latents = rand(5, COUNT, large.channels, CELLS, CELLS)
        begun = time.perf_counter()
        edits = [family_edit(model, latents, prompts, at_once=n) for n in (1, COUNT)]
        seconds = time.perf_counter() - begun
        expected = by_hand.edited(model, latents, lambda i: prompts)
        assert far(expected, latents) > 20 * TOLERANCE
        differences = [far(edit, expected) for edit in edits]
        assert max(differences) < TOLERANCE
    finally:
        path.unlink(missing_ok=True)
    loader = "CheckpointLoaderSimple" if large.whole else "UNETLoader"
    figures = {"parameters": parameters, "bytes": size, "loader": loader, "difference": max(differences)}
    keep(name, {**figures, "seconds": round(seconds, 1)})


def keep(name: str, figures: dict) -> None:
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**known, name: figures}, indent=2) + "\n")

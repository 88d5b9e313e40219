"""A file of somebody else in the input folder: the server answers while a workflow that names it is checked."""

import json
import threading
import time

import pytest
import requests

from collaborative_score_distillation.dev.environment.client import RunError
from collaborative_score_distillation.tests.nodes import view_sets

FRAMES = 20_000
LOAD = {"folder": "many", "longest_side": 512, "multiple": 8, "depth_unit": 0.001}
PROMPT = {
    "1": {"class_type": "CSDViewSetLoad", "inputs": LOAD},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}


@pytest.fixture
def many(server):
    """A transforms.json of 20,000 frames, of which not one picture is there."""
    folder = server.base / "input" / "many"
    folder.mkdir(parents=True, exist_ok=True)
    pose = view_sets.pose()
    frames = [{"file_path": f"images/{number:05}.png", "transform_matrix": pose} for number in range(FRAMES)]
    (folder / "transforms.json").write_text(json.dumps({"fl_x": 64.0, "frames": frames}))
    yield folder
    (folder / "transforms.json").unlink()
    folder.rmdir()


class Pulse:
    """Asks the server how it is, again and again; the longest time that an answer took."""

    def __init__(self, address):
        self.address, self.longest, self.done = address, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def ask(self):
        while not self.done.is_set():
            begun = time.perf_counter()
            requests.get(f"http://{self.address}/queue", timeout=60)
            self.longest = max(self.longest, time.perf_counter() - begun)
            time.sleep(0.02)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def test_the_server_answers_while_a_large_set_is_checked(server, client, many):
    """Checking its names once kept the whole server silent for twelve seconds."""
    with Pulse(server.address) as pulse:
        for _ in range(2):
            with pytest.raises(RunError, match="CSD View Set Load: got 'images/00000.png', of which there is no file"):
                client.run(PROMPT)
    assert pulse.longest < 1.5

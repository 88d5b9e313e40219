"""`make serve` leaves the host running at the address it prints until it is interrupted."""

import os
import re
import signal
import subprocess
import sys

import pytest
import requests

from collaborative_score_distillation.dev.environment.env import EXTENSION, ROOT


@pytest.fixture
def serving():
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = subprocess.Popen(
        [sys.executable, "-m", "collaborative_score_distillation.dev.environment.serve", "--port", "0"],
        env={**environment, "PYTHONPATH": str(ROOT / ".import"), "PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )
    yield process
    process.send_signal(signal.SIGINT)
    process.wait(60)


def test_serve_until_interrupted(serving):
    url = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+", line) for line in serving.stdout))).group()
    assert requests.get(f"{url}/workflow_templates", timeout=30).json()[EXTENSION]
    serving.send_signal(signal.SIGINT)
    assert serving.wait(60) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)

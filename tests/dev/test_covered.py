"""Coverage by folder, of a small tree that a process of its own ran."""

import subprocess
import sys

import pytest
from coverage import Coverage

from collaborative_score_distillation.dev.environment.covered import by_folder, lines


@pytest.fixture
def measured(tmp_path):
    """`low/half.py` with two of four statements run, `low/whole.py` with its one, `high/never.py` with none of two."""
    for folder in ("low", "high"):
        (tmp_path / folder).mkdir()
    (tmp_path / "low" / "half.py").write_text("def f():\n    x = 1\n    return x\ny = 2\n")
    (tmp_path / "low" / "whole.py").write_text("z = 3\n")
    (tmp_path / "high" / "never.py").write_text("a = 1\nb = 2\n")
    (tmp_path / "run.py").write_text("import sys; sys.path.insert(0, 'low'); import half, whole\n")
    command = [sys.executable, "-m", "coverage", "run", "--data-file=data", "--source=low,high", "run.py"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = Coverage(data_file=tmp_path / "data")
    found.load()
    return found


def test_statements_are_added_up_by_folder(measured, tmp_path):
    assert by_folder(measured, tmp_path.resolve()) == {"high": (0, 2), "low": (3, 5), "total": (3, 7)}


def test_each_folder_has_a_line(measured, tmp_path):
    high, low, total = lines(by_folder(measured, tmp_path.resolve()))
    assert (high.split()[:2], low.split()[:2], total.split()[:2]) == (
        ["high", "0.0%"],
        ["low", "60.0%"],
        ["total", "42.9%"],
    )

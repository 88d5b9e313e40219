"""What a piece of Python takes, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from collaborative_score_distillation.dev.environment.env import ROOT

_AROUND = """
import json, resource, sys, time
import torch
from pathlib import Path
from collaborative_score_distillation.media import nerfstudio, picture_files, array_files, transforms, footage
from collaborative_score_distillation.splats import ply
path = Path(sys.argv[1])
before, begun, said = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), ""
try:
    {code}
except Exception as error:
    said = f"{{type(error).__name__}}: {{error}}"
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({{"said": said, "seconds": time.perf_counter() - begun, "mebibytes": grown / 1024}}))
"""


def taken(code: str, path) -> dict:
    """said (the error), seconds and mebibytes (growth of the largest resident size) of one line of Python."""
    command = [sys.executable, "-c", _AROUND.format(code=code), str(path)]
    result = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / ".import")})
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)

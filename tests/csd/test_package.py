"""The method stands on torch and einops alone."""

import ast
import sys
from pathlib import Path

import pytest

from collaborative_score_distillation import csd

FILES = sorted(Path(csd.__file__).parent.glob("*.py"))


def imported(file: Path) -> set[str]:
    """Top-level packages that a file imports from outside its own package."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"{file.name} reaches out of csd/"
            found |= {node.module.split(".")[0]} if node.level == 0 else set()
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_imports_only_torch_einops_and_the_standard_library(file):
    assert imported(file) <= {"torch", "einops", *sys.stdlib_module_names}

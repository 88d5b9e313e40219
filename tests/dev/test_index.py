"""A folder's own docstring is its index: it names each file."""

import ast
import re

import pytest

from collaborative_score_distillation.dev.environment.env import ROOT


@pytest.mark.parametrize("folder", ["csd", "media", "splats", "demo", "host", "nodes"])
def test_the_index_of_a_folder_names_each_of_its_files(folder):
    index = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8")))
    files = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}
    assert files - set(re.findall(r"\w+", index)) == set()

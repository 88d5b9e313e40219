"""What CONTRIBUTING.md names is there, and style, types and tests are run by one script, here and on GitHub."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from collaborative_score_distillation.dev.environment.env import OLDEST_PYTHON, ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
COMMANDS = "\n".join([*CODE, *re.findall(r"```(.*?)```", TEXT, re.DOTALL)])
PATHS = [word for word in CODE if re.fullmatch(r"[\w./-]+\.(py|md|json)", word)]
NAMES = [word for word in CODE if re.fullmatch(r"[A-Za-z_]+(\.[a-z_]+)?", word)]


@pytest.fixture(scope="module")
def source():
    folders = ("csd", "media", "demo", "host", "nodes", "dev", "tests")
    return "\n".join(p.read_text(encoding="utf-8") for folder in folders for p in (ROOT / folder).rglob("*.py"))


def test_it_names_files_and_code():
    assert {"csd/kernel.py", "nodes/extension.py", "demo/painter/looks.py"} <= set(PATHS)
    assert {"PairKernel", "NODES", "PALETTES", "KernelOptions.run"} <= set(NAMES)


@pytest.mark.parametrize("path", sorted(set(PATHS)))
def test_files_that_it_names_are_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_code_that_it_names_is_there(name, source):
    assert (ROOT / name).is_dir() or all(re.search(rf"\b{part}\b", source) for part in name.split("."))


def test_code_is_where_it_says():
    found = re.findall(r"`(\w+)` (?:in|to|of) `([\w/.]+\.py)`", TEXT)
    assert {"PairKernel", "Node", "NODES", "GAINS", "Kind"} <= {name for name, _ in found}
    assert [pair for pair in found if not re.search(rf"\b{pair[0]}\b", (ROOT / pair[1]).read_text())] == []


def test_targets_that_it_names_are_there():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = set(re.findall(r"\bmake ([a-z-]+)", COMMANDS))
    assert {"test", "lint", "env"} <= named <= set(targets)


def test_the_workflow_runs_the_script_on_the_oldest_python_too():
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]["test"]
    assert {"run": ".ci/run"} in job["steps"]
    assert ".".join(map(str, OLDEST_PYTHON)) in job["strategy"]["matrix"]["python"]


def test_the_script_checks_style_and_types_before_the_tests():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.findall(r"\bmake (\w+)", script.read_text()) == ["lint", "test"]
    recipe = (ROOT / "Makefile").read_text().split("\nlint:")[1]
    assert "/ruff check ." in recipe and "/pyright" in recipe


def test_the_hooks_are_valid_and_need_no_network():
    hooks = ROOT / ".pre-commit-config.yaml"
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-config", hooks], check=True)
    assert {entry["repo"] for entry in yaml.safe_load(hooks.read_text())["repos"]} == {"local"}

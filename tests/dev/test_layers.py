"""No import goes up, none goes round in a circle, and only host/ knows ComfyUI."""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from collaborative_score_distillation.dev.environment.env import ROOT

LAYERS = ("csd", "media", "splats", "demo", "host", "nodes", "dev")
"""Each may import from itself and from those before it."""
SHIPPED = LAYERS[:-1]
COMFY = {
    *("comfy", "comfy_api", "comfy_api_nodes", "comfy_config", "comfy_execution", "comfy_extras"),
    *("execution", "folder_paths", "latent_preview", "node_helpers", "nodes", "server", "utils"),
}
BROUGHT = {"torch", "numpy", "PIL", "safetensors", "av", "pydantic", "tqdm"}  # by ComfyUI, which requires them itself
REQUIRED = {  # package: what is imported
    "einops": "einops",
    "opencv-python-headless": "cv2",
    "kornia": "kornia",
    "psutil": "psutil",
    "pydantic>=2": "pydantic",
}


def name_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(root: Path = ROOT, layers=LAYERS) -> dict[str, Path]:
    """The modules of the layers by their dotted names."""
    return {name_of(path, root): path for layer in layers for path in sorted((root / layer).rglob("*.py"))}


def imports(name: str, path: Path, known) -> tuple[set[str], set[str]]:
    """What a module imports anywhere in it: modules of the extension, and packages of others."""
    own, others = set(), set()
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            others.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) + 1 - node.level], *filter(None, [node.module])])
            own |= {inner if (inner := f"{base}.{alias.name}".lstrip(".")) in known else base for alias in node.names}
    return own - {name}, others


def upward(root: Path = ROOT, layers=LAYERS) -> list[str]:
    found, known = [], modules(root, layers)
    for name, path in known.items():
        allowed = layers[: layers.index(name.split(".")[0]) + 1]
        found += [f"{name} -> {other}" for other in imports(name, path, known)[0] if other.split(".")[0] not in allowed]
    return found


def graph(root: Path, layer: str) -> dict[str, set[str]]:
    """The imports of the layer's modules from each other."""
    known = modules(root, (layer,))
    return {name: imports(name, path, known)[0] & set(known) for name, path in known.items()}


def test_no_import_goes_up():
    assert upward() == []


@pytest.mark.parametrize("layer", LAYERS)
def test_no_circle(layer):
    assert list(TopologicalSorter(graph(ROOT, layer)).static_order())


@pytest.mark.parametrize("layer", [layer for layer in SHIPPED if layer != "host"])
def test_only_the_seam_imports_the_host(layer):
    known = modules(ROOT, (layer,))
    assert {name: imports(name, path, known)[1] & COMFY for name, path in known.items()} == dict.fromkeys(known, set())


def test_installed_code_imports_what_is_required_or_comes_with_comfyui():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    required = {imported for package, imported in REQUIRED.items() if package in lines}
    known = modules(ROOT, SHIPPED)
    allowed = BROUGHT | COMFY | required | set(sys.stdlib_module_names)
    assert set().union(*(imports(name, path, known)[1] for name, path in known.items())) <= allowed


@pytest.fixture
def house(tmp_path):
    """A tree of two layers, of which `low/one.py` is to be written."""
    for layer in ("low", "high"):
        (tmp_path / layer).mkdir()
        (tmp_path / layer / "__init__.py").touch()
    (tmp_path / "low" / "two.py").write_text("from .one import x\n")
    (tmp_path / "high" / "three.py").write_text("from ..low import two\nimport comfy.sd\n")
    return tmp_path


def test_an_import_that_goes_up_is_found(house):
    (house / "low" / "one.py").write_text("def lazy():\n    from ..high.three import x\n")
    assert upward(house, ("low", "high")) == ["low.one -> high.three"]


def test_a_circle_is_found(house):
    (house / "low" / "one.py").write_text("from . import two\n")
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph(house, "low")).static_order())


def test_an_import_of_the_host_is_found(house):
    path = house / "high" / "three.py"
    assert imports("high.three", path, {"low.two"}) == ({"low.two"}, {"comfy"})

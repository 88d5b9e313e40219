"""The extension as the registry packs it: complete, without what only developing needs, and at work in the host."""

import io

import numpy as np
import pytest
from PIL import Image

from collaborative_score_distillation.dev.environment.client import Client
from collaborative_score_distillation.dev.environment.env import EXTENSION, ROOT
from collaborative_score_distillation.dev.environment.installed import install, packed
from collaborative_score_distillation.dev.environment.server import Host
from collaborative_score_distillation.dev.environment.workflow import load_workflow, set_widgets, to_prompt
from collaborative_score_distillation.dev.evaluation.comparison import cost
from collaborative_score_distillation.dev.evaluation.edit import Edit

FOLDERS = {"csd", "media", "splats", "demo", "host", "nodes", "web", "workflows"}
FILES = {"__init__.py", "pyproject.toml", "requirements.txt", "README.md", "CHANGELOG.md", "LICENSE"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return install(tmp_path_factory.mktemp("installed") / "custom_nodes" / EXTENSION)


@pytest.fixture(scope="module")
def installed(copy):
    """A client of the host with the copy, and with nothing else of this checkout."""
    with Host(base=copy.parents[1], extension=copy) as host:
        yield Client(host.address)


def of_the_extension(object_info):
    return {name for name, entry in object_info.items() if entry["python_module"].endswith(EXTENSION)}


def test_contents(copy):
    assert {path.name for path in copy.iterdir()} - {"locales"} == FOLDERS | FILES
    assert not copy.is_symlink() and not list(copy.rglob("__pycache__"))
    assert (copy / "demo" / "weights" / "demo_editor.safetensors").stat().st_size > 2**20


def test_what_the_host_serves_is_packed():
    files = set(packed())
    for folder in ("web", "workflows"):
        here = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert here and here <= files


def test_all_nodes_are_there(installed, object_info):
    assert of_the_extension(installed.object_info()) == of_the_extension(object_info) != set()


def test_help_and_templates_are_served(installed):
    assert installed.get(f"/extensions/{EXTENSION}/docs/CSDEditSampler/en.md").text
    assert "panorama_edit" in installed.get("/workflow_templates").json()[EXTENSION]


def test_the_embedded_panorama_is_edited(installed, copy):
    info = installed.object_info()
    small = {"CSDDemoScene": {"width": 256, "height": 256}, "CSDEditSampler": {"steps": 2}}
    edit = Edit(to_prompt(set_widgets(load_workflow(copy / "workflows" / "panorama_edit.json"), small, info), info))
    run = installed.run(edit.prompt)
    ((file,),) = [files for files in run.files.values() if files[0]["type"] == "output"]
    picture = np.asarray(Image.open(io.BytesIO(installed.fetch(file))))
    assert picture.shape == (256, 256, 3) and picture.std() > 10
    assert cost(edit, run)["evaluations"] > 0

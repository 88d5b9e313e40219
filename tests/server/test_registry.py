"""What the registry and the Manager read is there and true, by the host's own parser."""

import re

import pytest

from collaborative_score_distillation.dev.environment.env import EXTENSION, IMPORT_NAME, ROOT


@pytest.fixture(scope="module")
def parser(host):
    from comfy_config import config_parser

    return config_parser


@pytest.fixture(scope="module")
def configuration(parser):
    return parser.extract_node_configuration(str(ROOT))


def test_identity(configuration):
    assert configuration.project.name == EXTENSION
    assert re.fullmatch(r"\d+\.\d+\.\d+", configuration.project.version)
    assert configuration.project.license.text == "Apache-2.0"
    assert configuration.project.description
    assert configuration.tool_comfy.display_name == "Collaborative Score Distillation"
    assert configuration.tool_comfy.publisher_id
    assert configuration.project.supported_os and configuration.project.supported_accelerators


def test_version_has_an_entry_in_the_changelog(configuration):
    assert f"## [{configuration.project.version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_requirements_agree(configuration):
    """pip reads one list, the Manager the other."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert configuration.project.dependencies == [line for line in lines if not line.startswith("#")]


def test_every_package_is_shipped(parser):
    listed = set(parser.load_pyproject_settings(ROOT / "pyproject.toml").tool["setuptools"]["packages"])
    shipped = ("csd", "media", "splats", "demo", "host", "nodes")
    folders = {path.parent.relative_to(ROOT) for top in shipped for path in (ROOT / top).rglob("*.py")}
    assert listed == {IMPORT_NAME} | {".".join([IMPORT_NAME, *folder.parts]) for folder in folders}

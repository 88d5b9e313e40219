"""Every node has its help page, where the host's page looks for it."""

import re

from collaborative_score_distillation.dev.environment.env import EXTENSION, ROOT


def ours(object_info):
    return sorted(name for name, node in object_info.items() if EXTENSION in node["python_module"])


def test_every_node_has_one(object_info):
    assert ours(object_info) == sorted(path.parent.name for path in (ROOT / "web" / "docs").glob("*/en.md"))


def test_the_host_serves_it(client, object_info):
    for name in ours(object_info):
        page = client.get(f"/extensions/{EXTENSION}/docs/{name}/en.md").text
        assert page.startswith("# ") and len(page) > 100


def test_inputs_that_it_names_exist(object_info):
    """Names in a page's list of inputs are inputs of the node."""
    for name in ours(object_info):
        _, _, listed = (ROOT / "web" / "docs" / name / "en.md").read_text().partition("**Inputs**")
        listed = listed.strip().partition("\n\n")[0]
        begun = [line.split(":")[0] for line in listed.splitlines() if line.startswith("- `")]
        named = {word for line in begun for word in re.findall(r"`(\w+)`", line)}
        inputs = {key for section in object_info[name]["input"].values() for key in section}
        assert named <= inputs, name


def test_no_page_has_a_table():
    """The panel is narrow, and cuts tables off."""
    pages = (ROOT / "web" / "docs").glob("*/en.md")
    assert [page.parent.name for page in pages if re.search(r"^\|", page.read_text(), re.MULTILINE)] == []

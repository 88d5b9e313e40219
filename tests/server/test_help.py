"""Every node has its help page, where the host's page looks for it."""

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
    """Names in a page's table of inputs are inputs of the node."""
    for name in ours(object_info):
        rows = (ROOT / "web" / "docs" / name / "en.md").read_text().split("| input | meaning |")[1:]
        cells = [line.split("|")[1] for row in rows for line in row.splitlines() if line.startswith("| `")]
        named = {word for cell in cells for word in cell.replace("`", "").replace(" ", "").split(",") if word}
        inputs = {key for section in object_info[name]["input"].values() for key in section}
        assert named <= inputs, name

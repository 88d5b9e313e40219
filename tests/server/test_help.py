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


PAGES = sorted((ROOT / "web" / "docs").glob("*/en.md"))
PICTURE = re.compile(r"!\[(.+)\]\((.+)\)")
MOST_BYTES, MOST_BYTES_IN_ALL = 40_000, 1_200_000


def test_pictures_are_where_the_page_looks_for_them(client):
    """The page takes addresses from the folder of all help pages, not from that of the node."""
    for page in PAGES:
        for words, address in PICTURE.findall(page.read_text()):
            assert len(words) > 10 and address == f"{page.parent.name}/picture.jpg"
            reply = client.get(f"/extensions/{EXTENSION}/docs/{address}")
            assert reply.status_code == 200 and reply.content.startswith(b"\xff\xd8")


def test_every_picture_is_on_a_page_and_small():
    pictures = sorted((ROOT / "web" / "docs").glob("*/*.jpg"))
    shown = {ROOT / "web" / "docs" / address for page in PAGES for _, address in PICTURE.findall(page.read_text())}
    assert set(pictures) == shown and len(shown) >= 15
    sizes = [path.stat().st_size for path in pictures]
    assert max(sizes) <= MOST_BYTES and sum(sizes) <= MOST_BYTES_IN_ALL

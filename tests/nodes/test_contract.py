"""What saved workflows rely on: ids, names, types, defaults, ranges and order of every node.

`contract.json` is the promise. Where it has to grow, run

    CSD_WRITE_CONTRACT=1 .venv/bin/pytest tests/nodes/test_contract.py

and read the difference: adding nodes or optional inputs at the end keeps old workflows alive; anything that is
renamed, removed, reordered or given another default does not.
"""

import json
import os
from pathlib import Path

import pytest

CONTRACT = Path(__file__).with_name("contract.json")
FROM_DISK = {"CSDViewSetLoad", "CSDLoadSplats", "CSDPictureSetLoad"}


@pytest.fixture(scope="module")
def schemas(ext):
    return [node.GET_SCHEMA() for node in ext.extension.NODES]


def promise(node) -> dict:
    """The host's own description of a node, without what may be reworded, and what only newer hosts or the disk say."""
    left_out = {"tooltip", "advanced", *(("options",) if node.GET_SCHEMA().node_id in FROM_DISK else ())}
    info = node.GET_NODE_INFO_V1()
    groups = {
        group: {
            name: [kind, {k: v for rest in more for k, v in rest.items() if k not in left_out}]
            for name, (kind, *more) in inputs.items()
        }
        for group, inputs in info["input"].items()
    }
    outputs = [[o.id, o.io_type, name] for o, name in zip(node.GET_SCHEMA().outputs, info["output_name"], strict=True)]
    kept = {key: info[key] for key in ("display_name", "category", "output_node", "input_order")}
    return {**kept, "input": groups, "output": outputs}


def test_the_contract_is_kept(ext):
    found = {node.GET_SCHEMA().node_id: promise(node) for node in ext.extension.NODES}
    if os.environ.get("CSD_WRITE_CONTRACT"):
        CONTRACT.write_text(json.dumps(found, indent=2) + "\n")
    kept = json.loads(CONTRACT.read_text())
    assert list(found) == list(kept)
    for node_id, promised in kept.items():
        now = json.loads(json.dumps(found[node_id]))
        assert now == promised
        assert json.dumps(now) == json.dumps(promised)  # the order as well


def test_the_host_lists_these_nodes(host, ext):
    for node in ext.extension.NODES:
        assert host.node(node.GET_SCHEMA().node_id) is node


def test_ids_are_unique_and_ours(schemas):
    ids = [schema.node_id for schema in schemas]
    assert len(set(ids)) == len(ids) and all(node_id.startswith("CSD") for node_id in ids)
    assert len({schema.display_name for schema in schemas}) == len(ids)


def test_every_node_has_a_name_of_one_style_and_its_place_in_the_menu(schemas):
    places = {"Simple", "Sampling", "Options", "Video", "Views", "3D", "Measure", "Demo"}
    for schema in schemas:
        name = schema.display_name
        assert name.startswith(("CSD ", "Consistent Edit ")) and len(name) <= 50, name
    assert {schema.category for schema in schemas} == {f"Collaborative Score Distillation/{name}" for name in places}


@pytest.mark.parametrize("word", ["panorama", "360", "tile", "seamless", "video", "views", "consistent", "edit", "csd"])
def test_the_page_finds_a_simple_node_by_what_people_look_for(schemas, word):
    """Older pages look at names and ids only, and at no more than about their first 30 letters."""
    simple = [schema for schema in schemas if schema.category.endswith("/Simple")]
    names = [name.lower() for schema in simple for name in (schema.display_name, schema.node_id)]
    assert any(0 <= name.find(word) <= 30 for name in names)


@pytest.fixture
def aliases(ext, monkeypatch):
    """What each node says of itself to newer hosts, which search by it: id -> words."""
    found, make = {}, ext.io.known

    def listen(maker, **keywords):
        if "search_aliases" in keywords:
            found[keywords["node_id"]] = keywords["search_aliases"]
        return make(maker, **keywords)

    monkeypatch.setattr(ext.io, "known", listen)
    for node in ext.extension.NODES:
        node.define_schema()
    return found


def test_every_node_has_words_to_be_found_by(aliases, schemas):
    assert set(aliases) == {schema.node_id for schema in schemas}
    for node_id, words in aliases.items():
        assert len(words) == len(set(words)) >= 2, node_id
        assert all(word == word.lower().strip() for word in words), node_id


@pytest.mark.parametrize(
    "words",
    ["panorama", "360", "tile", "seamless", "upscale tile", "consistent", "video", "flicker", "compare", "3dgs"],
)
def test_what_people_look_for_is_among_them(aliases, words):
    assert any(words in alias for own in aliases.values() for alias in own)


def test_inputs_and_outputs_share_no_id(schemas):
    for schema in schemas:
        ids = [part.id for part in (*schema.inputs, *(o for o in schema.outputs if o.id))]
        assert len(set(ids)) == len(ids), schema.node_id


def test_every_input_and_output_explains_itself(schemas):
    """In whole sentences."""
    for schema in schemas:
        for part in (*schema.inputs, *schema.outputs):
            assert part.tooltip and part.tooltip.endswith("."), (schema.node_id, part.id or part.io_type)


def test_keywords_of_newer_hosts_are_left_out(ext):
    """search_aliases is not known to this host; with it the whole extension would fail."""

    def older(a, b=2):
        return a, b

    def newer(a, **rest):
        return a, rest

    assert ext.io.known(older, a=1, b=3, advanced=True) == (1, 3)
    assert ext.io.known(newer, a=1, advanced=True) == (1, {"advanced": True})
    made = ext.io.schema("CSDx", "x", "", [], [], group="Options", search_aliases=["y"], essentials_category="z")
    assert made.node_id == "CSDx" and made.category == "Collaborative Score Distillation/Options"

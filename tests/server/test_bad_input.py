"""Bad input through the real server: the error names the node, and the queue goes on."""

import pytest

from collaborative_score_distillation.dev.environment.client import RunError


def entry(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def split(whole="image", **changes):
    """EmptyImage or EmptyLatentImage, split, merged, saved."""
    sources = {
        "image": entry("EmptyImage", width=96, height=64, batch_size=1, color=255),
        "latent": entry("EmptyLatentImage", width=96, height=64, batch_size=1),
    }
    windows = {"window_width": 64, "window_height": 64, "overlap": 32, "wrap": "none", "multiple": 8, **changes}
    save = {
        "image": entry("PreviewImage", images=["3", 0]),
        "latent": entry("SaveLatent", samples=["3", 0], filename_prefix="x"),
    }
    return {
        "1": sources[whole],
        "2": entry("CSDParticleSplit", whole=["1", 0], **windows),
        "3": entry("CSDParticleMerge", particles=["2", 0], layout=["2", 1], blend="feather"),
        "4": save[whole],
    }


@pytest.mark.parametrize("whole", ["image", "latent"])
def test_good_input_runs(client, whole):
    assert client.run(split(whole)).outcome == "success"


BAD = [
    ({"overlap": 64}, r"CSDParticleSplit .*CSD Particle Split: got an overlap of 64, expected .* less than"),
    (
        {"window_width": 72, "multiple": 16},
        r"CSD Particle Split: got windows of 72 x 64 pixels, expected multiples of 16",
    ),
    (
        {"window_width": 512, "overlap": 0, "wrap": "horizontal"},
        r"CSD Particle Split: got a width of 96 that wraps around",
    ),
]


@pytest.mark.parametrize("changes, message", BAD, ids=[next(iter(changes)) for changes, _ in BAD])
def test_the_node_is_named_and_the_queue_goes_on(client, changes, message):
    for whole in ("image", "latent"):
        with pytest.raises(RunError, match=f"(?s){message}"):
            client.run(split(whole, **changes))
    assert client.run(split(overlap=16)).outcome == "success"


def test_a_layout_of_other_particles(client):
    prompt = split()
    prompt["5"] = entry("EmptyImage", width=64, height=64, batch_size=5, color=1)
    prompt["3"]["inputs"]["particles"] = ["5", 0]
    with pytest.raises(RunError, match=r"CSD Particle Merge: layout: got 5 particles for a layout of 2 windows"):
        client.run(prompt)
    assert client.run(split()).outcome == "success"


def test_a_wire_of_the_wrong_type_is_refused_before_the_queue(client):
    prompt = split()
    prompt["3"]["inputs"]["layout"] = ["1", 0]
    with pytest.raises(RunError, match=r"CSDParticleMerge \(node 3\)"):
        client.run(prompt)

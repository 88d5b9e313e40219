"""A simple node run by the host's executor, which runs what it turns into."""

from .executor import catcher, executed, loader_of

PANORAMA, SET = "CSDConsistentEditPanorama", "CSDConsistentEditSet"
WISH = {"instruction": "make it winter", "strength": 0.5, "quality": "fast", "seed": 3}


def consistent_edit(host, monkeypatch, node: str, model, images, mask=None, views=None, **wishes):
    """The edited images and the report; or what the error says.

    model   (MODEL, CLIP, VAE)
    """
    caught = {}
    given = dict(zip(("model", "clip", "vae"), model)) | {"image" if node == PANORAMA else "images": images}
    given |= {name: value for name, value in {"mask": mask, "views": views}.items() if value is not None}
    monkeypatch.setitem(host.nodes.NODE_CLASS_MAPPINGS, "TestSource", loader_of(tuple(given), given))
    monkeypatch.setitem(host.nodes.NODE_CLASS_MAPPINGS, "TestCatcher", catcher(caught))
    kind = {} if node == PANORAMA else {"kind": "frames of a video"}
    inputs = {**WISH, **kind, **wishes, **{name: ["source", slot] for slot, name in enumerate(given)}}
    prompt = {"source": {"class_type": "TestSource", "inputs": {}}, "edit": {"class_type": node, "inputs": inputs}}
    for slot, name in enumerate(("edited", "report")):
        prompt[name] = {"class_type": "TestCatcher", "inputs": {"name": name, "images": ["edit", slot]}}
    errors = executed(prompt, ["edited", "report"]).errors
    return errors[0]["exception_message"] if errors else (caught["edited"], caught["report"])

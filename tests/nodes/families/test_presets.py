"""Every family of models gets its own settings, told by the model alone."""

import pytest

from .models import FAMILIES

EDITORS = {
    **{"InstructPix2Pix": "InstructPix2Pix", "SDXL edit": "SDXL edit", "CosXL Edit": "CosXL Edit"},
    **{"Flux Kontext": "Flux Kontext", "Flux.2": "Flux.2", "Qwen-Image-Edit": "Qwen-Image-Edit"},
    "Omnigen2": "Omnigen2",
}
DESCRIBED = {
    **{"SD 1.5": "Stable Diffusion 1.5", "SD 2 v": "Stable Diffusion 2", "SDXL": "SDXL", "CosXL": "CosXL"},
    **{"SD 3": "Stable Diffusion 3", "Flux dev": "Flux dev", "Flux schnell": "Flux schnell", "Chroma": "Chroma"},
    **{"AuraFlow": "AuraFlow", "HiDream": "HiDream", "HunyuanImage": "HunyuanImage", "Qwen-Image": "Qwen-Image"},
    **{"Lumina 2": "Lumina 2", "Z-Image": "Z-Image Turbo", "Wan 2.1": "Wan 2.1", "Wan 2.2 5B": "Wan 2.2 5B"},
    "LTXV": "LTXV",
}


@pytest.fixture(scope="module")
def presets(host):
    return host.module("host.presets")


@pytest.mark.parametrize("name", EDITORS)
def test_an_edit_model_is_told_by_itself(comfy, presets, name):
    found = presets.preset_of(FAMILIES[name].model(comfy))
    assert (found.label, found.known, found.edits) == (EDITORS[name], True, True)


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_model_whose_source_is_described(comfy, presets, name):
    found = presets.preset_of(FAMILIES[name].model(comfy), described=True)
    assert (found.label, found.known, found.edits) == (DESCRIBED[name], True, False)


@pytest.mark.parametrize("name", ["first", "sharp"])
def test_the_demo_models(host, presets, name):
    assert presets.preset_of(host.run("CSDDemoModel", model=name)[0]).label == f"{name} demo model"


@pytest.mark.parametrize("kind, flow", [("EPS", False), ("FLOW", True)])
def test_a_model_of_no_family_gets_generic_settings(tiny, presets, kind, flow):
    model = tiny.text_to_image(kind)
    model.model.model_config = object()
    found = presets.preset_of(model)
    assert not found.known and (found.freedom is not None) == flow and "unknown" in found.label


def test_a_dial(presets):
    dial = presets.Dial(0.0, 0.4, 1.0)
    assert [dial.at(strength) for strength in (0, 0.25, 0.5, 0.75, 1)] == [0.0, 0.2, 0.4, 0.7, 1.0]
    with pytest.raises(ValueError, match="got 1.5, expected 0 to 1"):
        dial.at(1.5)


def test_every_row_is_whole(presets):
    for row in presets.TABLE:
        assert set(row.paces) == set(presets.QUALITIES), row.label
        assert row.window % row.multiple == 0, row.label
        assert row.noise_low < row.noise_high.weak <= row.noise_high.usual <= row.noise_high.strong <= 1, row.label
        assert row.guidance <= row.most_guidance, row.label
    assert len({row.label for row in presets.TABLE}) == len(presets.TABLE)

"""Videos in and out, through the host's own nodes and real files."""

import io
import json
from dataclasses import replace
from fractions import Fraction

import av
import pytest
import torch

from . import videos

SETTINGS = {
    "rate": 24.0,
    "start": 0,
    "stride": 1,
    "count": 0,
    "size": "source",
    "side": 512,
    "edge": "pad",
    "multiple": 8,
}


@pytest.fixture
def load(host):
    """A file in the input folder as the host's VIDEO."""

    def run(path):
        return host.run("LoadVideo", file=path.name)[0]

    return run


@pytest.fixture
def made(host, load):
    """Write a video into the host's input folder and load it."""

    def run(name="clip.mp4", **how):
        return load(videos.write(host.base / "input" / name, **how))

    return run


@pytest.fixture
def batch(host):
    return lambda video, **changes: host.run("CSDVideoFrameBatch", video=video, **{**SETTINGS, **changes})


@pytest.fixture
def restore(host):
    return lambda frames, clip: host.run("CSDVideoRestore", frames=frames, clip=clip)


@pytest.fixture
def save(host, monkeypatch):
    """Create Video and Save Video; the file that they write."""

    def run(frames, rate, audio):
        before = set((host.base / "output").rglob("*.mp4"))
        (video,) = host.run("CreateVideo", images=frames, fps=rate, audio=audio)
        monkeypatch.setattr(
            host.node("SaveVideo"), "hidden", type("Hidden", (), {"extra_pnginfo": None, "prompt": None})
        )
        host.run("SaveVideo", **{**host.widgets("SaveVideo"), "video": video, "filename_prefix": "csd"})
        (path,) = set((host.base / "output").rglob("*.mp4")) - before
        return path

    return run


@pytest.mark.parametrize(
    "how",
    [
        {"size": (45, 83), "codec": "ffv1", "name": "a.mkv"},
        {"size": (90, 160)},
        {"size": (96, 64), "rate": Fraction(25)},
        {"size": (64, 48), "sound": 6},
        {"size": (64, 48), "sound": 1, "sound_starts": 0.25},
        {"size": (64, 48), "turned": -90},
        {"size": (64, 48), "frames": 1},
    ],
    ids=["odd", "portrait", "landscape", "surround", "late sound", "turned", "one frame"],
)
@pytest.mark.parametrize("edge", ["pad", "crop"])
def test_the_whole_way(made, batch, restore, save, how, edge):
    """Load Video, CSD Video Frame Batch, CSD Video Restore, Create Video, Save Video: size, rate, duration, sound."""
    how = {"sound": 2, "frames": 24, **how}
    frames, _, _, clip = batch(made(**how), size="longest side", side=40, edge=edge)
    assert frames.shape[0] == how["frames"] and max(frames.shape[1:3]) == 40
    found = videos.described(save(*restore(frames, clip)[:3]))
    width, height = how["size"][::-1] if how.get("turned") else how["size"]
    rate = float(how.get("rate", videos.NTSC))
    assert found["pictures"][0].shape == (height + height % 2, width + width % 2, 3)
    assert len(found["pictures"]) == how["frames"] and found["rate"] == pytest.approx(rate, abs=1e-3)
    assert found["sound"] == pytest.approx(how["frames"] / rate, abs=1 / rate)


def test_what_is_seen_and_heard_stays(made, batch, restore, save):
    """The green half stays up, the red still counts the frames, the sound still swells, the length of it all stays."""
    source = made("b.mkv", size=(45, 83), codec="ffv1", sound=2)
    frames, _, _, clip = batch(source, size="longest side", side=64)
    restored, rate, audio, report = restore(frames, clip)
    assert "padded at the right and bottom edge to 46 x 84" in report and "45 x 83" in report
    path = save(restored, rate, audio)
    found = torch.stack([torch.from_numpy(picture) for picture in videos.described(path)["pictures"]]) / 255
    assert videos.reds(found) == list(range(24))
    assert found[:, :40, :, 1].min() > 0.7 and found[:, 44:, :, 1].max() < 0.1
    with av.open(str(path)) as container:
        loud = [abs(frame.to_ndarray()).max() for frame in container.decode(audio=0)]
    assert loud[2] < 0.2 < 0.8 < loud[-3] and sorted(loud[1:-2]) == pytest.approx(loud[1:-2], abs=0.05)


def test_unscaled_frames_come_back_bit_by_bit(made, batch, restore):
    frames, _, _, clip = batch(made("c.mkv", size=(46, 84), codec="ffv1"))
    assert tuple(frames.shape) == (24, 88, 48, 3)
    assert torch.equal(frames[3, :84, :46], torch.from_numpy(videos.picture(3, 46, 84)) / 255)
    assert torch.equal(frames[:, 84:], frames[:, 83:84].expand(-1, 4, -1, -1))  # the edge, repeated
    assert torch.equal(restore(frames, clip)[0], frames[:, :84, :46])


@pytest.mark.parametrize("start, stride, count", [(0, 1, 0), (5, 1, 4), (13, 1, 0), (0, 3, 0), (7, 4, 3), (23, 1, 0)])
@pytest.mark.parametrize("name", ["range.mkv", "range.mp4"])
def test_a_range(made, batch, name, start, stride, count):
    """Key frames are ten apart: a range that begins between two of them holds the right frames."""
    source = made(name, size=(48, 32), codec="ffv1" if name.endswith("mkv") else "libx264", sound=1)
    frames, rate, audio, clip = batch(source, start=start, stride=stride, count=count)
    wanted = list(range(24))[start::stride][: count or None]
    assert videos.reds(frames) == wanted and clip.count == len(wanted)
    assert rate == pytest.approx(30000 / 1001 / stride)
    length = min(len(wanted) * stride, 24 - start) * 1001 / 30000
    assert audio["waveform"].shape[-1] / audio["sample_rate"] == pytest.approx(length, abs=1001 / 30000)
    loudness = audio["waveform"][0, 0, :400].abs().max().item()
    assert loudness == pytest.approx(start / 24, abs=0.05)


def test_a_stride_keeps_the_duration(made, batch, restore, save):
    frames, _, _, clip = batch(made("d.mp4", sound=2), stride=3)
    found = videos.described(save(*restore(frames, clip)[:3]))
    assert len(found["pictures"]) == 8 and found["seconds"] == pytest.approx(24 * 1001 / 30000, abs=0.04)
    assert found["sound"] == pytest.approx(found["seconds"], abs=0.04)


def test_a_variable_rate_becomes_constant(made, batch, restore, save):
    """Twelve frames of 33 ms, then twelve of 66: twice as many of the second half, and the same duration."""
    times = [33 * i if i < 12 else 396 + 66 * (i - 12) for i in range(24)]
    frames, _, _, clip = batch(made("e.mkv", codec="ffv1", times=times))
    numbers = videos.reds(frames)
    assert numbers[:12] == list(range(12)) and numbers[12::2] == list(range(12, 24))
    assert videos.described(save(*restore(frames, clip)[:3]))["seconds"] == pytest.approx(12 * 0.099, abs=0.04)


@pytest.mark.parametrize(
    "size, side, edge, expected",
    [
        ("longest side", 64, "pad", (40, 64)),
        ("longest side", 64, "crop", (32, 64)),
        ("shortest side", 32, "pad", (32, 56)),
        ("shortest side", 30, "crop", (24, 48)),
        ("longest side", 512, "pad", (96, 160)),
        ("source", 16, "crop", (88, 160)),
    ],
)
def test_sizes(batch, size, side, edge, expected):
    """Of 160 x 92 pixels. Never stretched: a circle stays round."""
    y, x = torch.meshgrid(torch.arange(92.0), torch.arange(160.0), indexing="ij")
    disc = ((y - 45.5) ** 2 + (x - 79.5) ** 2 < 30**2).float()[None, ..., None].expand(2, -1, -1, 3)
    frames = batch(disc, size=size, side=side, edge=edge)[0]
    assert tuple(frames.shape) == (2, *expected, 3)
    across, down = (frames[0, ..., 0].amax(axis).sum().item() for axis in (0, 1))
    assert across == pytest.approx(down, abs=0.8)


@pytest.mark.parametrize("edge", ["pad", "crop"])
def test_frames_that_were_enlarged_come_back_in_place(batch, restore, edge):
    gradient = torch.linspace(0, 1, 100)[None, None, :, None].expand(1, 60, 100, 3).contiguous()
    frames, _, _, clip = batch(gradient, size="longest side", side=64, edge=edge)
    larger = torch.nn.functional.interpolate(frames.movedim(-1, 1), scale_factor=2, mode="bilinear").movedim(1, -1)
    restored = restore(larger, clip)[0]
    assert restored.shape == gradient.shape
    assert (restored - gradient)[:, :, 4:-4].abs().max() < 0.02


def test_images_and_a_rate(batch, restore):
    images = torch.rand(5, 31, 45, 3, generator=torch.Generator().manual_seed(1))
    frames, rate, audio, clip = batch(images, rate=29.97, stride=2)
    assert (len(frames), rate, audio) == (3, 14.985, None)
    restored, rate, audio, report = restore(frames, clip)
    assert tuple(restored.shape) == (3, 32, 46, 3) and torch.equal(restored[:, :31, :45], images[::2])
    assert "without sound" in report


def cropped(video, width: int, height: int):
    """The video with a crop that is still to come: the newest hosts crop when frames are read."""
    kind = type(video)
    if hasattr(kind, "as_cropped"):
        return video.as_cropped(0, 0, width, height)

    class Cropped(kind):
        def has_pending_frame_edits(self):
            return True

        def get_dimensions(self):
            return width, height

        def get_components(self):
            parts = super().get_components()
            return replace(parts, images=parts.images[:, :height, :width])

    return Cropped(video.get_stream_source())


def test_edits_that_a_video_is_still_to_get(made, batch):
    source = made("f.mkv", size=(64, 48), codec="ffv1", sound=2)
    frames, _, audio, clip = batch(cropped(source, 32, 24))
    whole, _, sound, _ = batch(source)
    assert torch.allclose(frames, whole[:, :24, :32], atol=4e-3)  # newer hosts convert colours in another way
    assert clip.count == 24
    assert abs(audio["waveform"].shape[-1] - sound["waveform"].shape[-1]) < 2048


def test_a_video_made_in_memory_is_not_encoded(host, batch):
    images = torch.rand(4, 16, 24, 3, generator=torch.Generator().manual_seed(2))
    audio = {"waveform": torch.rand(1, 2, 40000), "sample_rate": 20000}
    (video,) = host.run("CreateVideo", images=images, fps=2.0, audio=audio)
    frames, rate, sound, _ = batch(video, start=1, count=2)
    assert torch.equal(frames, images[1:3]) and rate == 2.0
    assert torch.equal(sound["waveform"], audio["waveform"][..., 10000:30000])


def test_bytes_instead_of_a_path(made, batch, host):
    made("f.mp4", sound=2)
    source = io.BytesIO((host.base / "input" / "f.mp4").read_bytes())
    from comfy_api.latest import InputImpl

    frames, _, audio, _ = batch(InputImpl.VideoFromFile(source), start=3)
    assert videos.reds(frames) == list(range(3, 24)) and audio is not None


def test_a_slice_of_a_file_is_read_as_a_slice(made, batch, monkeypatch):
    """Newer hosts have videos that share the file of a longer one."""
    video = made("g.mp4")
    whole = video.get_components()
    whole.images = whole.images[6:12]
    monkeypatch.setattr(video, "get_duration", lambda: 0.2, raising=False)
    monkeypatch.setattr(video, "get_components", lambda: whole, raising=False)
    assert videos.reds(batch(video)[0]) == list(range(6, 12))


def _garbage(path):
    path.write_bytes(b"not a video" * 500)


def _half(path):
    videos.write(path, frames=60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _only_sound(path):
    with av.open(str(path), "w") as out:
        videos._write_sound(out, out.add_stream("aac", rate=44100, layout="mono"), 1.0, 0.0)


@pytest.mark.parametrize("spoil", [_garbage, _half, _only_sound], ids=["garbage", "half of it", "only sound"])
def test_files_that_cannot_be_read(host, load, batch, spoil):
    path = host.base / "input" / "spoilt.mp4"
    spoil(path)
    with pytest.raises(ValueError, match=r"CSD Video Frame Batch: got a file .*expected a video.*; (take|choose) "):
        batch(load(path))


BAD = [
    ({"start": 24}, "got start 24 in a video of 24 frames, expected 0 to 23; choose an earlier start"),
    ({"start": -1}, "start: got -1, expected a number from 0 to"),
    ({"stride": 0}, "stride: got 0, expected a number from 1 to"),
]


@pytest.mark.parametrize("changes, message", BAD)
def test_ranges_without_a_frame(made, batch, changes, message):
    with pytest.raises(ValueError, match=f"CSD Video Frame Batch: {message}"):
        batch(made("h.mp4"), **changes)


@pytest.mark.parametrize("images, rate", [(torch.zeros(0, 8, 8, 3), 24.0), (torch.zeros(2, 8, 8, 3), 0.0)])
def test_images_without_a_frame_or_a_pace(batch, images, rate):
    with pytest.raises(
        ValueError, match="CSD Video Frame Batch: (video: got a tensor .* at least one|rate: got 0.0, expected)"
    ):
        batch(images, rate=rate)


def test_frames_of_another_clip(batch, restore):
    frames, _, _, clip = batch(torch.rand(4, 32, 48, 3))
    with pytest.raises(ValueError, match="CSD Video Restore: got 3 frames, expected the 4 of the range; connect"):
        restore(frames[:3], clip)
    with pytest.raises(
        ValueError, match="CSD Video Restore: got frames of 32 x 32 pixels, expected 48 x 32 or a multiple"
    ):
        restore(frames[:, :, :32], clip)


def test_inputs_stay_as_they_are(batch, restore):
    images = torch.rand(3, 31, 45, 3)
    kept = images.clone()
    frames, _, _, clip = batch(images, size="longest side", side=24)
    before = frames.clone()
    with torch.inference_mode():
        restore(frames, clip)[0].zero_()
    assert torch.equal(images, kept) and torch.equal(frames, before)


def test_the_schema_is_one_that_the_page_can_read(host):
    info = host.node("CSDVideoFrameBatch").GET_NODE_INFO_V1()
    assert json.dumps(info) and info["input"]["required"]["video"][0] == "VIDEO,IMAGE"

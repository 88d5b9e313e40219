"""The five looks of a scene: palettes and light. Colours are sRGB, 0..1."""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]
Pair = tuple[Colour, Colour]


@dataclass(frozen=True)
class Look:
    """The colours of each layer in a look.

    A pair of colours is (in shade, lit); a layer's light mixes them. A second pair is for the layer's bands or tone.
    """

    sky: Pair  # at the horizon, at the top
    clouds: Pair
    cloud_opacity: float
    disc: Colour
    glow: Colour
    glow_strength: float
    stars: float
    haze: Colour
    mountains: Pair
    caps: Pair
    woods: tuple[Pair, Pair]
    plain: tuple[Pair, Pair]
    meadow: tuple[Pair, Pair]
    river: Pair
    parts: dict[str, tuple[Pair, Pair]]


def _pairs(*hexes: str) -> tuple[Pair, Pair]:
    a, b, c, d = (_colour(value) for value in hexes)
    return (a, b), (c, d)


def _pair(shade: str, lit: str) -> Pair:
    return _colour(shade), _colour(lit)


def _colour(value: str) -> Colour:
    red, green, blue = (int(value[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def mix(first: np.ndarray | Colour, second: np.ndarray | Colour, amount: np.ndarray | float) -> np.ndarray:
    """Linear blend; `amount` ``[...]`` gets a colour axis."""
    first, second = np.asarray(first, np.float32), np.asarray(second, np.float32)
    return first + (second - first) * np.asarray(amount, np.float32)[..., None]


SUMMER = Look(
    sky=_pair("cfe6f5", "4f93dc"),
    clouds=_pair("c3d3e6", "ffffff"),
    cloud_opacity=0.9,
    disc=_colour("fff6c8"),
    glow=_colour("fff3cf"),
    glow_strength=0.45,
    stars=0.0,
    haze=_colour("b9d3ea"),
    mountains=_pair("5a7193", "a3b5c9"),
    caps=_pair("c4d3e6", "fbfdff"),
    woods=_pairs("356a48", "6da05a", "47785a", "8bb36a"),
    plain=_pairs("4c8a3a", "8cc152", "7d9a3c", "c3cf66"),
    meadow=_pairs("2f7430", "5fa83d", "4b8a36", "8cc34a"),
    river=_pair("3473b5", "86bde6"),
    parts={
        "wall": _pairs("c9b498", "f5e6cc", "c7a78a", "f2d9bd"),
        "roof": _pairs("8c3327", "c9573f", "7a3f33", "b96a4f"),
        "window": _pairs("35455c", "4d6282", "35455c", "4d6282"),
        "trunk": _pairs("4a3423", "7a583c", "4a3423", "7a583c"),
        "conifer": _pairs("163f2b", "3f7a4a", "1c4a3a", "4b8a63"),
        "leaves": _pairs("1f5a22", "5fae3c", "3c7020", "93bd3f"),
        "canvas": _pairs("b8402e", "e8694a", "d8c49a", "fff3d6"),
    },
)

WINTER = Look(
    sky=_pair("e6ebf1", "a3b6cb"),
    clouds=_pair("bcc8d6", "f2f5f9"),
    cloud_opacity=0.85,
    disc=_colour("fdfdf6"),
    glow=_colour("f8f6ee"),
    glow_strength=0.35,
    stars=0.0,
    haze=_colour("d5dfea"),
    mountains=_pair("7f90a8", "dfe7f0"),
    caps=_pair("d3dfee", "ffffff"),
    woods=_pairs("7d92a3", "d2dde6", "93a6b5", "e3ebf1"),
    plain=_pairs("b4c5d8", "f3f7fb", "a4b7cd", "e6eef6"),
    meadow=_pairs("a9bdd4", "f6f9fc", "bccbdd", "ffffff"),
    river=_pair("7f9fbe", "c3d8e8"),
    parts={
        "wall": _pairs("a99a88", "d8cab6", "a79078", "d4bfa6"),
        "roof": _pairs("bccada", "fbfdff", "b6c4d6", "f4f8fc"),
        "window": _pairs("39465a", "56677f", "39465a", "56677f"),
        "trunk": _pairs("40352c", "6a5a4c", "40352c", "6a5a4c"),
        "conifer": _pairs("2f5250", "d8e5ee", "38605e", "e3eef4"),
        "leaves": _pairs("8699ab", "eef4f9", "93a5b5", "f6f9fc"),
        "canvas": _pairs("a5443a", "d4705e", "c4c4c8", "f4f4f2"),
    },
)

AUTUMN = Look(
    sky=_pair("f1e3c9", "86a8c4"),
    clouds=_pair("cabfb2", "fbf3e6"),
    cloud_opacity=0.88,
    disc=_colour("fff0b8"),
    glow=_colour("ffe7ad"),
    glow_strength=0.5,
    stars=0.0,
    haze=_colour("dccdb5"),
    mountains=_pair("6b6c7d", "b8ab9f"),
    caps=_pair("cfd0d6", "faf7f2"),
    woods=_pairs("7a4a25", "c9873a", "94512a", "dba24b"),
    plain=_pairs("8a6a2a", "d0a445", "a88332", "e6c768"),
    meadow=_pairs("6f5a24", "b5923a", "8a6b2a", "cfae52"),
    river=_pair("48708f", "a3bcc6"),
    parts={
        "wall": _pairs("bfa78a", "eedbbd", "bd9b7d", "ebcfae"),
        "roof": _pairs("7d3226", "b5533b", "70392e", "a86148"),
        "window": _pairs("3a4252", "576275", "3a4252", "576275"),
        "trunk": _pairs("443020", "715038", "443020", "715038"),
        "conifer": _pairs("2a4a2c", "5f7f45", "305038", "6d8a55"),
        "leaves": _pairs("8f2a14", "e5662a", "a8641a", "f2b83a"),
        "canvas": _pairs("b0402a", "de6a42", "d2b888", "f8e8c6"),
    },
)

SUNSET = Look(
    sky=_pair("ffb45e", "5a3f86"),
    clouds=_pair("a8638a", "ffb98a"),
    cloud_opacity=0.85,
    disc=_colour("fff0b0"),
    glow=_colour("ffc45a"),
    glow_strength=0.75,
    stars=0.0,
    haze=_colour("e88a5f"),
    mountains=_pair("5a3564", "b5607a"),
    caps=_pair("9a6690", "ffb59a"),
    woods=_pairs("3f2447", "8a4a50", "4a2b4a", "9c5a52"),
    plain=_pairs("4a2e3c", "a8643f", "5a3740", "c08148"),
    meadow=_pairs("35223a", "7d4a3c", "402a3c", "955c40"),
    river=_pair("b8574f", "ffb36a"),
    parts={
        "wall": _pairs("7d4a50", "e8a070", "7a4448", "e0946a"),
        "roof": _pairs("4a2030", "a04a3c", "472a35", "96503f"),
        "window": _pairs("e8a040", "ffd470", "e8a040", "ffd470"),
        "trunk": _pairs("2a1826", "5a3430", "2a1826", "5a3430"),
        "conifer": _pairs("231a33", "63404a", "271f38", "6d4a4f"),
        "leaves": _pairs("2f1c30", "8a4a35", "3a2432", "a3603c"),
        "canvas": _pairs("7a2c3c", "d65a44", "a8685c", "ffc890"),
    },
)

NIGHT = Look(
    sky=_pair("33477a", "0b1230"),
    clouds=_pair("1a2448", "4a5a8a"),
    cloud_opacity=0.7,
    disc=_colour("f3f1e0"),
    glow=_colour("8fa3d8"),
    glow_strength=0.5,
    stars=0.75,
    haze=_colour("25345f"),
    mountains=_pair("141d3c", "3a4a75"),
    caps=_pair("3f5080", "8a9cc8"),
    woods=_pairs("0c1a2c", "223a4f", "10203a", "2a4560"),
    plain=_pairs("0e1f30", "264558", "142840", "35566a"),
    meadow=_pairs("0a1826", "1b3648", "0e2032", "264658"),
    river=_pair("1b2f5f", "5570aa"),
    parts={
        "wall": _pairs("2a2c42", "5a5c75", "2a2a3e", "56566d"),
        "roof": _pairs("191a30", "3a3450", "1a1c32", "383852"),
        "window": _pairs("f0b040", "ffdc80", "f0b040", "ffdc80"),
        "trunk": _pairs("0c101e", "262c3c", "0c101e", "262c3c"),
        "conifer": _pairs("07121f", "1e3a48", "09152a", "24424f"),
        "leaves": _pairs("0a1a22", "2a4a50", "0f1f28", "365658"),
        "canvas": _pairs("3a2238", "6a3c50", "34405e", "7480a0"),
    },
)

PALETTES: dict[str, Look] = {
    "summer": SUMMER,
    "winter": WINTER,
    "autumn": AUTUMN,
    "sunset": SUNSET,
    "night": NIGHT,
}

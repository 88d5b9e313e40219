"""Pictures for widgets of the page, as files in the host's folder for what is temporary."""

from collections.abc import Sequence

from comfy_api.latest import io, ui
from torch import Tensor


def kept_for_the_page(images: Tensor, name: str) -> Sequence[dict]:
    """Writes pictures [N, H, W, 3] in 0 ... 1, and returns where the page finds each.

    name   what the files are called, before their number
    """
    quick = 1  # of the nine levels of compression
    return ui.ImageSaveHelper.save_images(images, name, io.FolderType.temp, None, quick)

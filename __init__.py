"""Collaborative Score Distillation for ComfyUI: consistent editing and generation of sets of images."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """Called by ComfyUI; nodes are imported only then, so that `csd` can be used without a host."""
    from .nodes.extension import CollaborativeScoreDistillation

    return CollaborativeScoreDistillation()

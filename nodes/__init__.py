"""The nodes. Each file holds what is wired together; the work is done in csd/ and nodes/host/."""

from .demo import DemoModel
from .host.io import ComfyExtension
from .options import BaselineOptions, KernelOptions, NoiseOptions, TimestepOptions, UpdateOptions
from .particles import ParticleMerge, ParticleSplit
from .samplers import CSDEditSampler, CSDSampler
from .trio import DistillationGuider, DistillationSampler, DistillationSigmas

NODES = [
    ParticleSplit,
    ParticleMerge,
    CSDEditSampler,
    CSDSampler,
    KernelOptions,
    NoiseOptions,
    TimestepOptions,
    UpdateOptions,
    BaselineOptions,
    DistillationGuider,
    DistillationSampler,
    DistillationSigmas,
    DemoModel,
]


class CollaborativeScoreDistillation(ComfyExtension):
    async def get_node_list(self):
        return NODES

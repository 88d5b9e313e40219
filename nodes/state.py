"""CSD State File: a run that can be stopped and resumed."""

from ..host.io import custom, io, schema
from ..host.node import Node
from ..host.states import NUMBERED, OTHERS, StateFile
from . import tooltips

StateType = custom("CSD_STATE", StateFile)
STATE = StateType.Input("state", optional=True, tooltip=tooltips.STATE)


class StateOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDStateFile",
            "CSD State File",
            "Keeps the state of a run in a file in output/csd_states. A run that was cancelled or failed goes on from "
            "there. It ends as if it had never stopped.",
            [
                io.String.Input(
                    "name",
                    default="run",
                    tooltip="Name of the file, without a folder. Choose another name for another run: its file is "
                    "overwritten only if you say so below.",
                ),
                io.Int.Input(
                    "every",
                    default=10,
                    min=1,
                    max=10000,
                    tooltip="Saves after this many steps. Lower: less is lost if ComfyUI crashes. When a run is "
                    "cancelled or fails, its last finished step is saved in any case.",
                ),
                io.Boolean.Input(
                    "resume",
                    default=True,
                    tooltip="On: go on from the file, if there is one. A finished run is not repeated. Off: start "
                    "again, and replace the file of the same run.",
                ),
                io.Combo.Input(
                    "if_different",
                    options=list(OTHERS),
                    default=NUMBERED,
                    optional=True,
                    tooltip="What to do if the file belongs to a run of other settings, such as another seed. keep "
                    "both: this run gets a file with a number. replace: the old file is lost. refuse: the run stops "
                    "with a message that names the settings.",
                ),
            ],
            [StateType.Output("state", display_name="state", tooltip="For `state` of a sampler.")],
            search_aliases=["resume", "checkpoint", "continue run"],
            group="Options",
        )

    @classmethod
    def run(cls, name, every, resume, if_different=NUMBERED):
        return io.NodeOutput(StateFile(name, every, resume, if_different))

"""CSD State File: a run that can be stopped and taken up again."""

from ..host.io import custom, io, schema
from ..host.node import Node
from ..host.states import StateFile

StateType = custom("CSD_STATE", StateFile)


class StateOptions(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDStateFile",
            "CSD State File",
            "Keeps the state of a run in output/csd_states. A run that was cancelled, or failed, goes on from there "
            "and ends as if it had never stopped.",
            [
                io.String.Input(
                    "name",
                    default="run",
                    tooltip="Of the file, without a folder. A file of another run is never overwritten.",
                ),
                io.Int.Input(
                    "every",
                    default=10,
                    min=1,
                    max=10000,
                    tooltip="Steps between two saves. The last finished step is kept in any case when a run stops.",
                ),
                io.Boolean.Input(
                    "resume",
                    default=True,
                    tooltip="Go on from the file where there is one; a finished run is taken as it is. Off: start "
                    "afresh, and replace the file of the same run.",
                ),
            ],
            [StateType.Output("state", display_name="state")],
            search_aliases=["resume", "checkpoint", "continue run"],
        )

    @classmethod
    def run(cls, name, every, resume):
        return io.NodeOutput(StateFile(name, every, resume))

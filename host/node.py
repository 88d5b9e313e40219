"""The class that all nodes derive from. It checks the inputs, then runs the node.

A node defines its schema and

    run(cls, **inputs)    what it does; every input has been checked against the schema (`gate`)
    apart                 True: `run` may take long without a model; it goes into a thread, to be cancelled at any time
    unchecked             names of choices whose options are on the disk; `run` checks these itself
"""

from functools import partial

from .apart import apart, look
from .errors import named
from .gate import checked, each_checked
from .io import io


class Node(io.ComfyNode):
    """A node. Its error messages begin with its display name."""

    apart = False
    unchecked: tuple[str, ...] = ()

    @classmethod
    def run(cls, **inputs) -> io.NodeOutput:
        raise NotImplementedError

    @classmethod
    def execute(cls, **inputs) -> io.NodeOutput:
        schema = cls.define_schema()
        with named(schema.display_name):
            look()
            run = partial(cls.run, **cls._checked(schema, inputs))
            return apart(run) if cls.apart else run()

    @classmethod
    def _checked(cls, schema: io.Schema, inputs: dict) -> dict:
        """The inputs, each checked against its place in the schema. Optional inputs may be missing.

        A node that takes lists (`is_input_list`) gets a list of values for each input. Every value is checked.
        """
        check = each_checked if schema.is_input_list else checked
        asked = [spec for spec in schema.inputs if spec.id in inputs or not spec.optional]
        return {
            **inputs,
            **{spec.id: check(spec, inputs.get(spec.id)) for spec in asked if spec.id not in cls.unchecked},
        }

"""The class that all nodes derive from. It checks what comes in, then runs the node.

A node defines its schema and

    run(cls, **inputs)    what it does, with every input checked against the schema (`gate`)
    apart                 True: `run` may take long without a model, and is left where the run is cancelled
    unchecked             names of choices whose options lie on the disk, which `run` checks by itself
"""

from functools import partial

from .apart import apart, look
from .errors import named
from .gate import checked, each_checked
from .io import io


class Node(io.ComfyNode):
    """`execute` raises errors that begin with the node's display name."""

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
        """The inputs, each as its place in the schema wants it. What is left out and optional stays left out.

        A node of lists (`is_input_list`) gets a list of values for each input, every one of which is checked.
        """
        check = each_checked if schema.is_input_list else checked
        asked = [spec for spec in schema.inputs if spec.id in inputs or not spec.optional]
        return {
            **inputs,
            **{spec.id: check(spec, inputs.get(spec.id)) for spec in asked if spec.id not in cls.unchecked},
        }

"""An ML Program as plain data: its operations in running order, its constants as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mobilekit_delegates.coreml.package import Package, broken
from mobilekit_delegates.coreml.values import Constant, Constants, Type, type_of


@dataclass(frozen=True, kw_only=True)
class Value:
    """A named value and the type that the program declares for it."""

    name: str
    type: Type


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation; each input is bound to names of values, constants, or both.

    Loops and branches have `blocks`, which see the values around them.
    """

    operator: str
    name: str
    inputs: Mapping[str, tuple[str | Constant, ...]]
    outputs: tuple[Value, ...]
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Block:
    """Operations in running order, and the names of those of their values that come out.

    `constants` are the values of `const` operations, which `operations` leaves out.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]
    constants: Mapping[str, Constant]

    def __iter__(self) -> Iterator[Operation]:
        """Go through all operations, those of inner blocks too."""
        for operation in self.operations:
            yield operation
            for block in operation.blocks:
                yield from block


@dataclass(frozen=True, kw_only=True)
class Program(Block):
    """The function that a package runs; its `opset` is `CoreML5` for iOS 15 to `CoreML8` for 18."""

    name: str
    opset: str


def read_program(package: Package) -> Program:
    """Read the function that a package runs by default.

    Raises:
        TargetError: the program is damaged.
    """
    constants = Constants(package)
    functions = package.spec.mlProgram.functions
    default = package.spec.description.defaultFunctionName or "main"
    if default not in functions:
        raise broken(package.name, f"it has no function {default!r}")
    function = functions[default]
    if function.opset not in function.block_specializations:
        raise broken(package.name, f"its function has no program for the opset {function.opset!r}")
    block = _block(function.block_specializations[function.opset], constants)
    return Program(
        name=package.name,
        opset=function.opset,
        inputs=tuple(map(_value, function.inputs)),
        outputs=block.outputs,
        operations=block.operations,
        constants=block.constants,
    )


def _block(block: Any, constants: Constants) -> Block:
    return Block(
        inputs=tuple(map(_value, block.inputs)),
        outputs=tuple(block.outputs),
        operations=tuple(
            _operation(operation, constants)
            for operation in block.operations
            if operation.type != "const"
        ),
        constants={
            operation.outputs[0].name: constants.read(operation.attributes["val"])
            for operation in block.operations
            if operation.type == "const" and _is_whole_const(constants.package, operation)
        },
    )


def _value(named: Any) -> Value:
    return Value(name=named.name, type=type_of(named.type))


def _is_whole_const(package: str, operation: Any) -> bool:
    if len(operation.outputs) == 1 and "val" in operation.attributes and not operation.inputs:
        return True
    raise broken(package, "one of its constants has no value")


def _operation(operation: Any, constants: Constants) -> Operation:
    attributes = dict(operation.attributes)
    name = _text(attributes.pop("name", None), constants)
    inputs = {
        key: tuple(
            binding.name
            if binding.WhichOneof("binding") == "name"
            else constants.read(binding.value)
            for binding in argument.arguments
        )
        for key, argument in operation.inputs.items()
    }
    # The first form of constexpr operations keeps its constants in attributes.
    inputs.update({key: (constants.read(value),) for key, value in attributes.items()})
    return Operation(
        operator=operation.type,
        name=name,
        inputs=inputs,
        outputs=tuple(map(_value, operation.outputs)),
        blocks=tuple(_block(block, constants) for block in operation.blocks),
    )


def _text(value: Any, constants: Constants) -> str:
    return "" if value is None else str(constants.read(value).array.item())

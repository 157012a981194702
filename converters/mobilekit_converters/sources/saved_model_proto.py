"""The parts of TensorFlow's SavedModel format that are read before TensorFlow is imported.

The messages are described here by hand, with the field numbers of TensorFlow's own `.proto` files
(tensorflow/core/protobuf/{saved_model,meta_graph,saved_object_graph,saver}.proto and
tensorflow/core/framework/{graph,node_def,function,attr_value,tensor,tensor_shape}.proto). The
parser skips fields that are not listed, as protocol buffers do.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from mobilekit_converters.errors import SourceError

FILE = "saved_model.pb"

_PACKAGE = "mobilekit.saved_model"

_SCALARS = {"string": "TYPE_STRING", "int64": "TYPE_INT64"}

# message -> field -> (number, type); a trailing * repeats, `map` has string keys.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "SavedModel": {"meta_graphs": (2, "MetaGraph*")},
    "MetaGraph": {
        "meta_info_def": (1, "MetaInfo"),
        "graph_def": (2, "Graph"),
        "saver_def": (3, "Saver"),
        "collection_def": (4, "map Collection"),
        "signature_def": (5, "map Signature"),
        "object_graph_def": (7, "ObjectGraph"),
    },
    "MetaInfo": {"tags": (4, "string*")},
    "Graph": {"node": (1, "Node*"), "library": (2, "Library")},
    "Library": {"function": (1, "Function*")},
    "Function": {"signature": (1, "Operation"), "node_def": (3, "Node*")},
    "Operation": {"name": (1, "string")},
    "Node": {
        "name": (1, "string"),
        "op": (2, "string"),
        "input": (3, "string*"),
        "attr": (5, "map Attribute"),
    },
    "Attribute": {
        "list": (1, "AttributeList"),
        "tensor": (8, "Value"),
        "func": (10, "FunctionName"),
    },
    "Value": {"tensor_shape": (2, "Shape")},
    "Shape": {"dim": (2, "Dimension*")},
    "Dimension": {"size": (1, "int64")},
    "AttributeList": {"func": (9, "FunctionName*")},
    "FunctionName": {"name": (1, "string")},
    "Saver": {"save_tensor_name": (2, "string"), "restore_op_name": (3, "string")},
    "Collection": {"node_list": (1, "NodeList")},
    "NodeList": {"value": (1, "string*")},
    "Signature": {"inputs": (1, "map Tensor"), "outputs": (2, "map Tensor")},
    "Tensor": {"name": (1, "string")},
    "ObjectGraph": {"concrete_functions": (2, "map Empty")},
    "Empty": {},
}


def read_saved_model(folder: Path) -> Any:
    """Parse a folder's `saved_model.pb` without running any of it.

    Raises:
        SourceError: it is damaged, or holds no graph.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    message = _message_class()()
    try:
        message.ParseFromString((folder / FILE).read_bytes())
    except (DecodeError, RecursionError, ValueError) as error:
        raise SourceError(
            f"{folder.name}/{FILE} is damaged: it is no SavedModel ({error}). Save or download it "
            "again."
        ) from error
    if not message.meta_graphs:
        raise SourceError(f"{folder.name}/{FILE} holds no graph. Save or download it again.")
    return message


@lru_cache(maxsize=1)
def _message_class() -> Any:
    from google.protobuf import (  # type: ignore[import-untyped]
        descriptor_pb2,
        descriptor_pool,
        message_factory,
    )

    file = descriptor_pb2.FileDescriptorProto(
        name="mobilekit/saved_model.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.SavedModel"))


def _add_field(message: Any, name: str, number: int, kind: str) -> None:
    field = message.field.add(name=name, number=number)
    if kind.startswith("map "):
        # A map is a repeated message of a key and a value, nested and marked as an entry.
        entry = message.nested_type.add(name="".join(map(str.title, name.split("_"))) + "Entry")
        entry.options.map_entry = True
        _add_field(entry, "key", 1, "string")
        _add_field(entry, "value", 2, kind.removeprefix("map "))
        kind = f"{message.name}.{entry.name}*"
    field.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
    kind = kind.removesuffix("*")
    if kind in _SCALARS:
        field.type = getattr(field, _SCALARS[kind])
    else:
        field.type = field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"

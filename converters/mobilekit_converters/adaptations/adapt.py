"""Applies rewrites to a frozen model, one after another, each place proved before it is changed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit_converters.adaptations.adaptation import Adaptation, Adapted, AdaptedModel, Place
from mobilekit_converters.adaptations.proof import LEAST_SNR_DB, agreement_db, why_unproved
from mobilekit_converters.frozen import load_frozen, simplify_graph, write_frozen
from mobilekit_converters.graph_rewrites import make_call

if TYPE_CHECKING:
    import tensorflow as tf

STAGES = "stages"
"""The folder, beside the adapted model, with the graph as it was after each rewrite."""


def adapt_frozen(
    frozen: Path,
    adaptations: Iterable[Adaptation],
    delegates: Iterable[str],
    output: Path,
    stages: Path | None = None,
) -> AdaptedModel:
    """Write a frozen model again, with rewrites applied.

    Args:
        frozen: the folder that `mobilekit_converters.frozen` wrote; it stays as it is.
        adaptations: the rewrites, in order.
        delegates: those that the model is adapted for.
        output: the folder to write; it is whole also where nothing applied.
        stages: where to keep the graph after each rewrite that applied, as `NAME.pb`.

    Raises:
        ConversionError: `frozen` is not a whole frozen model.
    """
    model = load_frozen(frozen)
    graph = model.graph_def()
    wanted = frozenset(delegates)
    found = []
    for adaptation in adaptations:
        adapted, places = _proved(_imported(graph), adaptation, wanted)
        found.append(adapted)
        if places:
            graph = simplify_graph(_replaced(graph, places), model.signature)
            if stages is not None:
                stages.mkdir(parents=True, exist_ok=True)
                stage = graph.SerializeToString(deterministic=True)
                (stages / f"{adaptation.name}.pb").write_bytes(stage)
    write_frozen(_with_shapes(graph), model.signature, output)
    return AdaptedModel(adaptations=tuple(found))


def write_stage(stage: Path, frozen: Path, output: Path) -> None:
    """Write a frozen model as it was after one of its rewrites.

    Args:
        stage: a file of `adapt_frozen`'s `stages`.
        frozen: the frozen model that was adapted.
        output: the folder to write.
    """
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef.FromString(stage.read_bytes())
    write_frozen(graph, load_frozen(frozen).signature, output)


def _proved(
    graph: tf.Graph, adaptation: Adaptation, delegates: frozenset[str]
) -> tuple[Adapted, list[Place]]:
    """Find a rewrite's places, and keep those that are proved."""
    places: dict[str, Place] = {}
    refused, agreements = [], []
    # Found before any proof: that adds operations.
    for place in list(adaptation.find(graph, delegates)):
        name = place.operation.name
        reason = why_unproved(place)
        if not reason and name not in places:
            agreement = agreement_db(graph, place) if adaptation.keeps_function else math.inf
            if agreement >= LEAST_SNR_DB:
                places[name] = place
                agreements.append(agreement)
                continue
            reason = f"old and new agree by {agreement:.0f} dB alone, which proves no equality"
        if reason:
            refused.append(f"{name} ({place.operation.type}) stays as it is: {reason}.")
    proved = bool(agreements) and adaptation.keeps_function
    adapted = Adapted(
        name=adaptation.name,
        places=tuple(places),
        refused=tuple(refused),
        snr_db=min(agreements) if proved else None,
    )
    return adapted, list(places.values())


def _replaced(graph: tf.compat.v1.GraphDef, places: list[Place]) -> tf.compat.v1.GraphDef:
    """Make each place a call of a function that computes it in the new way."""
    import tensorflow as tf

    replaced = tf.compat.v1.GraphDef()
    replaced.CopyFrom(graph)
    nodes = {node.name: node for node in replaced.node}
    for place in places:
        specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in place.inputs]
        function = tf.function(
            place.build, input_signature=specs, autograph=False
        ).get_concrete_function()
        make_call(nodes[place.operation.name], function, [tensor.name for tensor in place.inputs])
        replaced.library.function.append(function.function_def)
    return replaced


def _imported(graph_def: tf.compat.v1.GraphDef) -> tf.Graph:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
    return graph


def _with_shapes(graph_def: tf.compat.v1.GraphDef) -> tf.compat.v1.GraphDef:
    return _imported(graph_def).as_graph_def(add_shapes=True)

"""XNNPACK's rules beside the XNNPACK of TFLite 2.16 for Android, which takes less than LiteRT's."""

from __future__ import annotations

from pathlib import Path

from classic_tflite import agrees, build, load
from corpus import cases

from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.delegates import delegate_at

LEAST_AGREEMENT = 0.97


def test_the_rules_of_2_16_are_those_of_its_delegate(tmp_path: Path) -> None:
    folder, corpus = tmp_path / "tflite", tmp_path / "corpus"
    folder.mkdir()
    corpus.mkdir()
    build(folder)
    graphs = [case.write(corpus) for case in cases()]
    sound = [path for path, said in load(folder, graphs).items() if said.whole]
    assert len(sound) > 0.9 * len(graphs)
    said = load(folder, sound, "xnnpack")
    estimates = {path: delegate_at("xnnpack@2.16").estimate(read_graphs(path)[0]) for path in sound}
    wrongly_taken = [path.stem for path in sound if estimates[path].nodes_taken > said[path].nodes]
    assert not wrongly_taken
    alike = [path for path in sound if agrees(estimates[path], said[path])]
    assert len(alike) > LEAST_AGREEMENT * len(sound)
    assert sum(item.nodes for item in said.values()) > 100
    newest = {path: delegate_at("xnnpack").estimate(read_graphs(path)[0]) for path in sound}
    assert sum(newest[path].nodes_taken > said[path].nodes for path in sound) > 20

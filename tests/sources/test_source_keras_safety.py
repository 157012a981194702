"""What a `.keras` file can do to the machine that loads it, and that none of it happens."""

from __future__ import annotations

import inspect
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_nodes import layer

from mobilekit_converters.errors import SourceError, UntrustedSourceError
from mobilekit_converters.sources import SourceOptions, examine, keras_names, open_source
from mobilekit_converters.sources.keras_config import check_config, parse_config

Edit = Callable[..., Path]
OPTIONS = SourceOptions()
TRUSTED = SourceOptions(trust=True)


def function(module: str | None, name: str, **more: Any) -> dict[str, Any]:
    node = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    return {**node, **more}


def instance(module: str | None, name: str, /, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def refusal(look: Callable[[], Any], otherwise: str) -> str:
    """Return the message of a SourceError; any other exception goes through and fails the test."""
    try:
        look()
    except SourceError as error:
        return str(error)
    return otherwise


# --- the archive


@pytest.mark.parametrize("kept", [4, 30, 500, -1, -30])
def test_truncated_archive(keras_file: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.keras"
    path.write_bytes(keras_file.read_bytes()[:kept])
    for look in (examine, open_source):
        with pytest.raises(SourceError, match=r"cut\.keras is damaged"):
            look(path, OPTIONS)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_flipped_bytes_are_errors_or_change_nothing_that_is_read(
    keras_file: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(keras_file.read_bytes())
    for position in data.draw(
        st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8), label="positions"
    ):
        content[position] ^= data.draw(st.integers(1, 255), label="bits")
    path = tmp_path / "flipped.keras"
    path.write_bytes(content)
    assert "flipped.keras" in refusal(lambda: examine(path, OPTIONS), "flipped.keras")


def test_archive_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, edited: Edit) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(edited()) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
        zeros = bytes(100 << 20)
        target.writestr("assets/zeros", zeros, zipfile.ZIP_DEFLATED, 1)
    assert path.stat().st_size < 2 << 20
    with pytest.raises(SourceError, match=r"would unpack to 10\d,\d{3},\d{3}"):
        examine(path, TRUSTED)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/outside", "assets/../../outside", "a\\b", "C:x"]
)
def test_members_that_lead_out_of_the_archive(edited: Edit, name: str) -> None:
    with pytest.raises(UntrustedSourceError, match="leads out of the archive"):
        examine(edited(members={name: b"x"}), TRUSTED)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(edited: Edit) -> None:
    path = edited()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(UntrustedSourceError, match="two members of the same name"):
        examine(path, TRUSTED)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_archive_without_a_part(edited: Edit, name: str) -> None:
    with pytest.raises(SourceError, match=f"without {name}"):
        examine(edited(without=name), OPTIONS)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00", b"[" * 100_000])
def test_configuration_that_is_none(edited: Edit, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"edited\.keras is damaged"):
        examine(edited(members={"config.json": content}), OPTIONS)


# --- the weights


def weights(fill: Callable[[h5py.File], Any]) -> dict[str, bytes]:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        fill(file)
    return {"model.weights.h5": stream.getvalue()}


@pytest.mark.parametrize(
    "link", [h5py.ExternalLink("/etc/secret.h5", "/x"), h5py.SoftLink("/elsewhere")]
)
def test_links_in_the_weights(edited: Edit, link: Any) -> None:
    def fill(file: h5py.File) -> None:
        file.create_group("layers")["conv"] = link

    with pytest.raises(UntrustedSourceError, match="/layers/conv is a link"):
        examine(edited(members=weights(fill)), TRUSTED)


def test_weights_that_lie_in_other_files(edited: Edit, tmp_path: Path) -> None:
    def external(file: h5py.File) -> None:
        file.create_dataset("w", (4,), "f4", external=[("/etc/passwd", 0, 16)])

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "w", (4,))
        file.create_virtual_dataset("w", layout)

    for fill in (external, virtual):
        with pytest.raises(UntrustedSourceError, match="/w lie in another file"):
            examine(edited(members=weights(fill)), TRUSTED)


def test_weights_that_unpack_to_far_more_than_is_stored(edited: Edit) -> None:
    def fill(file: h5py.File) -> None:
        file.create_dataset("w", (1 << 30,), "f4", chunks=(1 << 20,), compression="gzip")

    with pytest.raises(SourceError, match="would unpack to 4,294,967,296"):
        examine(edited(members=weights(fill)), TRUSTED)


def test_group_that_holds_itself_ends(edited: Edit) -> None:
    def fill(file: h5py.File) -> None:
        file.create_group("layers")["loop"] = file["/"]

    examine(edited(members=weights(fill)), OPTIONS)


def test_weights_that_are_no_hdf5(edited: Edit) -> None:
    with pytest.raises(SourceError, match="HDF5 cannot read it"):
        examine(edited(members={"model.weights.h5": b"x" * 1000}), OPTIONS)


def test_weights_of_another_model(edited: Edit) -> None:
    with pytest.raises(SourceError, match="cannot load"):
        open_source(edited(members=weights(lambda file: file.create_group("layers"))), OPTIONS)


# --- the configuration

MARSHALLED = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None}}


@pytest.mark.parametrize(
    "node",
    [
        MARSHALLED,
        instance("keras.layers", "Lambda", function=MARSHALLED),
        instance("keras.layers", "TorchModuleWrapper", module="gASVCwAAAA=="),
        instance("keras.layers", "TFSMLayer", filepath="/tmp/model"),
        instance("keras.layers", "JaxLayer", call_fn=function("os", "system")),
        instance("keras.layers", "FlaxLayer", module="m"),
        function("os", "system"),
        function("builtins", "eval"),
        function("builtins", "open"),
        function("keras.utils", "get_file"),
        function("keras.src.utils.file_utils", "get_file"),
        function("keras.models", "load_model"),
        function("keras.saving", "load_model"),
        function("keras.config", "enable_unsafe_deserialization"),
        function("keras.activations", "deserialize"),
        function("own.activations", "relu"),
        function("keras.activations", "relu", registered_name="own>relu"),
        {"class_name": "function", "config": {"not": "a name"}},
        instance("keras.utils", "get_file", fname="x", origin="http://example.com"),
        instance("keras.models", "load_model"),
        instance("keras.src.saving.saving_lib", "Dense"),
        instance("keras.callbacks", "ModelCheckpoint"),
        instance("keras_hub.layers", "Dense"),
        instance("keras.layers.os", "system"),
        instance("subprocess", "Popen", args=["true"]),
        instance("builtins", "Dense"),
        instance("keras.layersx", "Dense"),
        instance("keras", "Lambda"),
        instance(None, "Lambda"),
        instance(None, "own>Dense"),
        {**instance("keras.layers", "Dense"), "registered_name": "own>Dense"},
        {"class_name": "__typespec__", "spec_name": "X", "module": "os", "config": []},
        {"class_name": ["Dense"], "config": {}},
        {"class_name": "Dense", "module": 3, "config": {}},
        instance("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
        instance("keras.layers", "TextVectorization", vocabulary="/etc/passwd"),
    ],
    ids=str,
)
def test_names_of_code_are_refused_wherever_they_stand(edited: Edit, node: dict[str, Any]) -> None:
    def as_activation(config: dict[str, Any]) -> None:
        layer(config, "conv")["config"]["activation"] = node

    def deep_down(config: dict[str, Any]) -> None:
        layer(config, "conv")["config"]["more"] = [{"a": [{"b": node}]}]

    def as_an_argument(config: dict[str, Any]) -> None:
        layer(config, "conv")["inbound_nodes"][0]["kwargs"]["mask"] = node

    def in_the_build_config(config: dict[str, Any]) -> None:
        layer(config, "conv")["build_config"]["x"] = node

    for plant in (as_activation, deep_down, as_an_argument, in_the_build_config):
        with pytest.raises(UntrustedSourceError) as caught:
            examine(edited(plant), OPTIONS)
        assert "--trust-source" in str(caught.value)
        assert "edited.keras: layer '" in str(caught.value)


def test_open_source_refuses_too_and_runs_nothing(edited: Edit, tmp_path: Path) -> None:
    written = tmp_path / "written"

    def plant(config: dict[str, Any]) -> None:
        node = instance("pathlib", "Path", args=[str(written)])
        layer(config, "conv")["config"]["kernel_initializer"] = node

    with pytest.raises(UntrustedSourceError, match=r"'conv' is of class 'pathlib\.Path'"):
        open_source(edited(plant), OPTIONS)
    assert not written.exists()


def test_lambda_layer_is_named_and_runs_when_trusted(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "lambda.keras"
    thrice = keras.layers.Lambda(lambda x: x * 3, name="thrice", output_shape=(2,))
    keras.Sequential([keras.Input((2,), name="x"), thrice]).save(path)
    with pytest.raises(UntrustedSourceError, match=r"'thrice' .*Lambda.*--trust-source"):
        open_source(path, OPTIONS)
    source = open_source(path, TRUSTED)
    (result,) = source.predict({"x": np.ones((1, 2), np.float32)}).values()
    assert result.tolist() == [[3, 3]]


@pytest.fixture
def own_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with a layer of a package `own_package_of_test`, that is not imported."""
    import sys

    import keras

    (tmp_path / "own_package_of_test.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('own')\n"
        "class Scale(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return x * 4\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import own_package_of_test  # type: ignore[import-not-found]

    path = tmp_path / "own.keras"
    own = own_package_of_test.Scale(name="scale")
    keras.Sequential([keras.Input((2,), name="x"), own]).save(path)
    del sys.modules["own_package_of_test"]
    keras.saving.get_custom_objects().clear()
    return path


def test_own_layer_is_named_with_a_way_out(own_layer: Path) -> None:
    with pytest.raises(UntrustedSourceError) as caught:
        open_source(own_layer, OPTIONS)
    for part in ("'scale'", "'own>Scale'", "model.export", "--trust-source", "own_package_of_test"):
        assert part in str(caught.value)


def test_trust_imports_the_package_of_an_own_layer(own_layer: Path) -> None:
    source = open_source(own_layer, TRUSTED)
    (result,) = source.predict({"x": np.ones((1, 2), np.float32)}).values()
    assert result.tolist() == [[4, 4]]


def test_own_layer_without_its_package_even_when_trusted(own_layer: Path) -> None:
    (own_layer.parent / "own_package_of_test.py").unlink()
    with pytest.raises(SourceError) as caught:
        open_source(own_layer, TRUSTED)
    for part in (
        "cannot load own.keras",
        "'scale'",
        "'own>Scale'",
        "Install the package",
        "export",
    ):
        assert part in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["class_name", "config", "module", "registered_name", "dtype", "name"])
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_a_model_or_a_source_error(value: Any) -> None:
    path = Path("any.keras")
    text = json.dumps({"class_name": "Sequential", "config": value})
    said = refusal(lambda: check_config(path, parse_config(path, text), trust=False), "any.keras")
    assert "any.keras" in said


@given(JSON)
def test_a_lambda_is_found_in_any_json(value: Any) -> None:
    path = Path("any.keras")
    planted = {"class_name": "Sequential", "config": {"a": value, "b": [{"c": MARSHALLED}]}}
    with pytest.raises(UntrustedSourceError):
        check_config(path, parse_config(path, json.dumps(planted)), trust=False)


# --- the lists


def test_every_layer_of_the_installed_keras_is_known_or_refused() -> None:
    import keras
    import tf_keras

    # Bases of other classes, which no file holds, and layers that a phone has no use for.
    not_in_files = {"Layer", "Wrapper", "AbstractRNNCell", "DenseFeatures"}
    for framework in (keras, tf_keras):
        layers = {
            name
            for name, value in vars(framework.layers).items()
            if inspect.isclass(value) and not name.startswith("_")
        }
        unknown = layers - keras_names.LAYERS - set(keras_names.DANGEROUS) - not_in_files
        assert not unknown, f"decide on the new layers of {framework.__name__}"


@pytest.mark.parametrize("part", ["initializers", "regularizers", "constraints", "dtype_policies"])
def test_every_part_of_the_installed_keras_is_known(part: str) -> None:
    import keras

    bases = {"Initializer", "Regularizer", "Constraint"}
    classes = {
        value.__name__ for value in vars(getattr(keras, part)).values() if inspect.isclass(value)
    }
    assert classes - bases <= keras_names.PARTS | keras_names.LAYERS


def test_every_activation_of_the_installed_keras_is_known() -> None:
    import keras
    import tf_keras

    for framework in (keras, tf_keras):
        functions = {
            name
            for name, value in vars(framework.activations).items()
            if inspect.isfunction(value) and name not in {"get", "serialize", "deserialize"}
        }
        assert functions <= keras_names.FUNCTIONS

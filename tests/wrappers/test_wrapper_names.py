from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mobilekit.project import Project, parse_project
from mobilekit.wrappers.android.api import TAKEN
from mobilekit.wrappers.android.describe import class_name
from mobilekit.wrappers.android.names import (
    DERIVED,
    KEYWORDS,
    argument_names,
    code_words,
    identifier,
    require_package,
)
from mobilekit.wrappers.android.templates import environment
from mobilekit_converters.errors import ProjectError

ANY_NAME = st.text(st.characters(codec=None), max_size=30)
LIKELY_NAME = st.sampled_from(
    ["x", "X", "x:0", "in", "when", "image", "imageValues", "image_values", "labels", "run", "topK"]
)


def project(name: str | None = None, source: str = "some.keras", **android: str) -> Project:
    model = {"source": source, **({"name": name} if name else {})}
    return parse_project({"model": model, "android": android}, folder=Path(), origin="test")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("image", "image"),
        ("Identity", "identity"),
        ("serving_default_input_1:0", "servingDefaultInput1"),
        ("StatefulPartitionedCall:0", "statefulPartitionedCall"),
        ("model/dense-2/BiasAdd", "modelDense2BiasAdd"),
        ("leftHand", "leftHand"),
        ("RGB", "rgb"),
        ("crème brûlée", "cremeBrulee"),
        ("2nd", "input2nd"),
        ("東京", "input"),
        ("", "input"),
        ("`; System.exit(0) //", "systemExit0"),
        ("x" * 200, "x" * 60),
    ],
)
def test_identifiers(text: str, name: str) -> None:
    assert identifier(text, "input") == name


@given(ANY_NAME)
def test_any_text_gives_an_identifier(text: str) -> None:
    assert re.fullmatch(r"[a-z][A-Za-z0-9]*", identifier(text, "input"))


@given(st.lists(ANY_NAME | LIKELY_NAME, max_size=8), st.lists(ANY_NAME | LIKELY_NAME, max_size=8))
def test_no_two_names_clash(inputs: list[str], outputs: list[str]) -> None:
    found = argument_names(inputs, outputs, TAKEN)
    names = [*found[0], *found[1]]
    assert [len(found[0]), len(found[1])] == [len(inputs), len(outputs)]
    known = [(name + end).lower() for name in names for end in ("", *DERIVED)]
    assert len(set(known)) == len(known)
    assert not {name.lower() for name in names} & {name.lower() for name in (*KEYWORDS, *TAKEN)}
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9]*", name) for name in names)


def test_names_that_clash_say_what_they_are() -> None:
    assert argument_names(["x", "X", "labels"], ["x", "when", "x"], TAKEN) == (
        ("x", "xInput", "labelsInput"),
        ("xOutput", "whenOutput", "xOutput2"),
    )


def test_the_class_uses_no_name_that_an_input_may_have() -> None:
    """Every word of the template in small letters is reserved, or stands where no input can."""
    loader = environment().loader
    assert loader is not None
    source = loader.get_source(environment(), "model/Model_.kt.j2")[0]
    code = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|/\*.*?\*/", " ", source, flags=re.DOTALL)
    words = set(re.findall(r"(?<![\w.])[a-z]\w*", code))
    # Words of Kotlin's, and of imports.
    known = """
    android also catch class companion constructor finally forget fun get import internal it kotlinx
    null object override package private public return suspend throw try val var
    """
    assert {word.lower() for word in words - set(known.split())} <= TAKEN


@pytest.mark.parametrize("runtime", ["litert", "interpreter"])
@pytest.mark.parametrize(
    "name",
    [
        *("Accelerator", "Engine", "engine", "Model", "ModelSpec", "DType", "Classification", "R"),
        *(
            "String",
            "List",
            "Bitmap",
            "Context",
            "BuildConfig",
            "FloatArray",
            "JvmStatic",
            "Result",
        ),
    ],
)
def test_names_of_the_modules_own_are_refused(name: str, runtime: str) -> None:
    with pytest.raises(ProjectError, match=rf"name = '{name}'.*such as 'My{name}'"):
        class_name(project(name, runtime=runtime))


@pytest.mark.parametrize("name", ["DigitClassifier", "Detector", "Embedder", "ResNet8", "My_Model"])
def test_names_of_models_are_kept(name: str) -> None:
    assert class_name(project(name)) == name


@pytest.mark.parametrize(
    ("source", "name"),
    [("model.keras", "MyModel"), ("engine.tflite", "MyEngine"), ("kws ref.h5", "KwsRef")],
)
def test_names_from_files_are_made_safe(source: str, name: str) -> None:
    assert class_name(project(source=source)) == name


def test_a_long_file_name_is_shortened() -> None:
    assert len(class_name(project(source="x" * 200 + ".keras"))) == 50


def test_a_long_name_is_refused() -> None:
    with pytest.raises(ProjectError, match="has 101 characters"):
        class_name(project("X" * 101))


@given(ANY_NAME)
def test_any_model_name_is_a_class_or_an_error(name: str) -> None:
    assume(name)
    try:
        found = class_name(project(name))
    except ProjectError:
        return
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", found)


@pytest.mark.parametrize("package", ["android.digits", "kotlin.x", "java.util", "androidx.a.b"])
def test_packages_of_the_system_are_refused(package: str) -> None:
    with pytest.raises(ProjectError, match=f"package = '{package}'.*your own domain's"):
        require_package(package)


@pytest.mark.parametrize(
    "package", ["Com.Example", "digits", "com.example.", "com.1st", "com.in.x"]
)
def test_what_is_no_package_is_refused(package: str) -> None:
    with pytest.raises(ProjectError, match=re.escape(repr(package))):
        project(package=package)


def test_words_of_code_are_not_those_of_comments() -> None:
    source = "/** The Comment */ internal class Engine { fun runAll(x: Int) = go(1) } // Other"
    assert code_words([source]) == {"engine", "runall", "int", "go"}

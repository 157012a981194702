"""The Android demo: its module is what the generator writes now, its sources compile and hold."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import maven
import numpy as np
import pytest
from numpy.typing import NDArray
from toolchain import DECLARED, HERE, JUnitRun, Kotlin, KotlinError, junit_tests
from tools import without

from mobilekit.modules import Android, write_module
from mobilekit.parity.golden import Golden
from mobilekit.project import Project, load_project
from mobilekit_converters.artifacts import read_finished
from mobilekit_converters.hashing import sha256_of_path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "digits"
DEMO = ROOT / "android_demo"
MODULE = DEMO / "digits"
APP = DEMO / "app" / "src" / "main"
SOURCES = APP / "kotlin"
TESTS = DEMO / "app" / "src" / "test"
RESOURCES = APP / "res"
CATALOGUE = DEMO / "gradle" / "libs.versions.toml"
MANIFEST = APP / "AndroidManifest.xml"
SCREENS = HERE / "kotlin" / "demo"
DRAWINGS = TESTS / "resources" / "drawings.txt"

PACKAGE = "com.example.digits.demo"
ANDROID = "{http://schemas.android.com/apk/res/android}"
WITHOUT_ANDROID = ("Drawing.kt", "DigitImage.kt", "Recogniser.kt", "Timing.kt")
"""The app's files that hold no class of Android's, and so run on any JVM."""

REGENERATE = "android_demo/README.md says how to generate it again."


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(EXAMPLE / "mobilekit.toml")


@pytest.fixture(scope="module")
def assets(project: Project) -> Path:
    return MODULE / "src" / "main" / "assets" / "mobilekit" / project.name


@pytest.fixture(scope="module")
def golden(assets: Path) -> Golden:
    """The samples that the module carries."""
    return Golden(
        inputs={"image": floats(assets / "golden" / "input-0.bin").reshape(-1, 8, 8, 1)},
        outputs={"scores": floats(assets / "golden" / "output-0.bin").reshape(-1, 10)},
        origin="The module's own.",
    )


def floats(path: Path) -> NDArray[np.float32]:
    return np.fromfile(path, "<f4").astype(np.float32)


# The module


def test_the_module_is_what_the_generator_writes(
    project: Project, assets: Path, golden: Golden, tmp_path: Path
) -> None:
    """Its model file and golden are taken as they are: another machine makes other last bits."""
    artifacts = [read_finished(path) for path in sorted(assets.glob("*.tflite"))]
    write_module(
        Android(),
        project,
        variants=project.variants(),
        artifacts={artifact.variant: artifact for artifact in artifacts},
        golden=golden,
        source_sha256=sha256_of_path(EXAMPLE / "digits.keras"),
        folder=tmp_path / "module",
    )
    written, committed = contents(tmp_path / "module"), contents(MODULE)
    names = sorted(written.keys() | committed.keys())
    differing = [name for name in names if written.get(name) != committed.get(name)]
    assert not differing, REGENERATE


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their paths, without what Gradle makes there."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: path.read_bytes()
        for name, path in files.items()
        if path.is_file() and not name.startswith("build/")
    }


def test_the_modules_model_answers_as_the_trained_one(assets: Path, golden: Golden) -> None:
    evaluation = np.load(EXAMPLE / "evaluation.npz")["image"]
    known = {image.tobytes() for image in evaluation.astype(np.float32)}
    assert {image.tobytes() for image in golden.inputs["image"]} <= known
    answers = scores(assets / "tflite-fp16.tflite", golden.inputs["image"])
    np.testing.assert_allclose(answers, golden.outputs["scores"], atol=5e-3)


def scores(model: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run a model file of the digits on images of shape (N, 8, 8, 1); return (N, 10)."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model))
    run = interpreter.get_signature_runner()
    return np.concatenate([run(image=image[np.newaxis])["scores"] for image in images])


# The sources


@dataclass(frozen=True, kw_only=True)
class App:
    """The app as it is built: its classes and its module's, and its package (APK) but for those."""

    module: Path
    classes: Path
    package: Path
    manifest: Path
    resource_class: Path


@pytest.fixture(scope="module")
def app(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> App:
    folder = tmp_path_factory.mktemp("demo")
    module = kotlin.compile(
        [MODULE / "src" / "main" / "kotlin"],
        ["android", "coroutines", "declared litert"],
        folder / "module",
        explicit_api=True,
    )
    manifest = folder / "AndroidManifest.xml"
    manifest.write_text(
        MANIFEST.read_text("utf-8").replace("<manifest ", f'<manifest package="{PACKAGE}" '),
        "utf-8",
    )
    package = link_resources(folder, manifest)
    resource_class = folder.joinpath("java", *PACKAGE.split("."), "R.java")
    classes = kotlin.compile(
        [SOURCES, resource_class], ["android", "coroutines", module], folder / "app"
    )
    return App(
        module=module,
        classes=classes,
        package=package,
        manifest=manifest,
        resource_class=resource_class,
    )


def link_resources(folder: Path, manifest: Path) -> Path:
    """Compile the app's resources with Android's own tool, against Android's own resources.

    Returns:
        the package with the resources and the module's assets. The class `R` goes to `java`.
    """
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        without("Android's resource compiler is at hand for x86-64 Linux alone.")
    (tool_jar,), (android,) = (maven.classpaths()[name] for name in ("aapt2", "android"))
    with zipfile.ZipFile(tool_jar.jar) as archive:
        tool = Path(archive.extract("prebuilt/linux/aapt2", folder))
    tool.chmod(0o755)
    framework = folder / "framework.apk"  # It reads packages by that name alone.
    framework.symlink_to(android.jar)

    def run(*arguments: str | Path) -> None:
        done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    run("compile", "--dir", RESOURCES, "-o", folder / "resources.zip")
    package = folder / "app.apk"
    run(
        *("link", "-I", framework, "--manifest", manifest),
        # The newest Android that the tests have; the app itself aims at the one after it.
        *("--min-sdk-version", "24", "--target-sdk-version", "35"),
        *("-A", MODULE / "src" / "main" / "assets", "-0", "tflite", "-0", "bin"),
        *("--java", folder / "java", "-o", package, folder / "resources.zip"),
    )
    return package


def test_the_app_compiles(app: App) -> None:
    """And the classes are there that the manifest and the layouts name."""
    assert len(class_names()) == 3
    for name in class_names():
        assert app.classes.joinpath(*name.split(".")).with_suffix(".class").is_file(), name


@pytest.fixture(scope="module")
def litert(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LiteRT's Kotlin API over its C library for this machine."""
    sources = [HERE / "engines" / "litert", DECLARED / "litert" / "LiteRtException.kt"]
    folder = tmp_path_factory.mktemp("litert")
    return kotlin.compile(sources, ["android", "jna"], folder)


def litert_library() -> Path:
    package = importlib.util.find_spec("ai_edge_litert")
    assert package is not None
    assert package.origin is not None
    library = Path(package.origin).with_name("libLiteRt.so")
    if not library.is_file():
        without("The LiteRT that is installed here has no libLiteRt.so.")
    return library


@pytest.fixture(scope="module")
def screens(
    kotlin: Kotlin, litert: Path, app: App, tmp_path_factory: pytest.TempPathFactory
) -> JUnitRun:
    """The app's screens, run in Robolectric's Android, the model on LiteRT for Linux."""
    folder = tmp_path_factory.mktemp("screens")
    android = ("robolectric", "coroutines-android", "coroutines")
    tests = kotlin.compile(
        [SCREENS, app.resource_class],
        ["junit", *android, app.classes, app.module],
        folder / "classes",
        friends=[app.classes],
    )
    config = folder / "config" / "com" / "android" / "tools" / "test_config.properties"
    config.parent.mkdir(parents=True)
    config.write_text(
        f"android_merged_manifest={app.manifest}\n"
        f"android_resource_apk={app.package}\n"
        f"android_custom_package={PACKAGE}\n"
    )
    classpath = (folder / "config", tests, app.classes, app.module, litert, *android, "jna")
    classes = sorted({name.partition(".")[0] for name in junit_tests(SCREENS)})
    return kotlin.run_junit(
        classpath,
        [f"{PACKAGE}.{name}" for name in classes],
        properties={
            "litert.library": str(litert_library()),
            "litert.version": importlib.metadata.version("ai-edge-litert"),
            "demo.drawings": str(DRAWINGS),
            "demo.screenshots": str(folder),
        },
        timeout=400,
    )


@pytest.mark.parametrize("name", junit_tests(SCREENS))
def test_the_apps_screens(name: str, screens: JUnitRun) -> None:
    screens.check(name)


def class_names() -> set[str]:
    """Return the app's classes that XML names."""
    manifest = ET.parse(MANIFEST).iter("activity")
    named = {PACKAGE + entry.attrib[f"{ANDROID}name"] for entry in manifest}
    parents = (entry.get(f"{ANDROID}parentActivityName") for entry in ET.parse(MANIFEST).iter())
    named |= {PACKAGE + parent for parent in parents if parent}
    return named | {
        element.tag
        for layout in RESOURCES.glob("layout*/*.xml")
        for element in ET.parse(layout).iter()
        if "." in element.tag
    }


@pytest.fixture(scope="module")
def plain_classes(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classes of the app that need no Android, and of its unit tests."""
    sources = [path for path in SOURCES.rglob("*.kt") if path.name in WITHOUT_ANDROID]
    assert len(sources) == len(WITHOUT_ANDROID)
    return kotlin.compile(
        [*sources, TESTS / "kotlin"],
        ["coroutines", "junit"],
        tmp_path_factory.mktemp("demo") / "plain",
    )


@pytest.fixture(scope="module")
def unit_tests(kotlin: Kotlin, plain_classes: Path) -> JUnitRun:
    classes = {name.partition(".")[0] for name in junit_tests(TESTS / "kotlin")}
    return kotlin.run_junit(
        ["coroutines", plain_classes], [f"{PACKAGE}.{name}" for name in sorted(classes)]
    )


@pytest.mark.parametrize("name", junit_tests(TESTS / "kotlin"))
def test_the_apps_unit_tests_pass(name: str, unit_tests: JUnitRun) -> None:
    unit_tests.check(name)


def test_drawings_are_recognised(
    kotlin: Kotlin, plain_classes: Path, assets: Path, tmp_path: Path
) -> None:
    """People's drawings, through the app's own code and the module's model, are told apart.

    The README's figure is the one that is seen, but for what a processor's last bits may turn.
    """
    lines = DRAWINGS.read_text(encoding="utf-8").splitlines()
    labels = np.array([int(line[0]) for line in lines if not line.startswith("#")])
    assert np.bincount(labels).tolist() == [20] * 10
    kotlin.run(
        f"{PACKAGE}.RenderDrawingsKt", [plain_classes], [str(DRAWINGS), str(tmp_path / "images")]
    )
    pixels = np.fromfile(tmp_path / "images", np.uint8).reshape(-1, 8, 8, 1)
    images = (pixels / 255).astype(np.float32)
    right = int((scores(assets / "tflite-fp16.tflite", images).argmax(axis=1) == labels).sum())
    stated = re.search(r"(\d+) of (\d+) drawings", (DEMO / "README.md").read_text(encoding="utf-8"))
    assert stated is not None
    assert int(stated[2]) == len(labels)
    assert abs(right - int(stated[1])) <= 1, f"{right} are recognised"


# The resources


def xml_files() -> list[Path]:
    return [MANIFEST, *sorted(RESOURCES.rglob("*.xml"))]


@pytest.mark.parametrize("path", xml_files(), ids=lambda path: path.relative_to(APP).as_posix())
def test_xml_is_well_formed_and_names_what_is_there(path: Path) -> None:
    ET.parse(path)
    known = defined()
    for kind, name in re.findall(r"@(?!android:|\+)(\w+)/([\w.]+)", path.read_text("utf-8")):
        assert name in known[kind], f"@{kind}/{name}"


def defined() -> dict[str, set[str]]:
    """Return the names of the app's resources by kind."""
    found: dict[str, set[str]] = {}
    for path in RESOURCES.rglob("*.xml"):
        kind = path.parent.name.partition("-")[0]
        if kind == "values":
            for element in ET.parse(path).getroot():
                found.setdefault(element.tag, set()).add(element.attrib["name"])
        else:
            found.setdefault(kind, set()).add(path.stem)
        for name in re.findall(r"@\+id/(\w+)", path.read_text("utf-8")):
            found.setdefault("id", set()).add(name)
    return found


def named() -> Iterator[tuple[str, str]]:
    """Return the kind and name of every resource that the app's sources and XML name."""
    for source in SOURCES.rglob("*.kt"):
        yield from re.findall(r"\bR\.(\w+)\.(\w+)", source.read_text("utf-8"))
    for path in xml_files():
        text = path.read_text("utf-8")
        yield from re.findall(r"@(?!android:|\+)(\w+)/([\w.]+)", text)
        yield from (("style", name) for name in re.findall(r'parent="([A-Z][\w.]+)"', text))


def test_every_resource_that_is_named_is_there_and_every_one_there_is_named() -> None:
    names = set(named())
    there = {(kind, name) for kind, names in defined().items() for name in names}
    assert names == there


def test_strings_take_what_they_are_given() -> None:
    """Every `getString` has as many arguments as its string has places."""
    texts = {
        element.attrib["name"]: "".join(element.itertext())
        for element in ET.parse(RESOURCES / "values" / "strings.xml").getroot()
    }
    sources = "\n".join(path.read_text("utf-8") for path in SOURCES.rglob("*.kt"))
    calls = re.findall(r"getString\(\s*R\.string\.(\w+)((?:[^()]|\([^()]*\))*)\)", sources)
    assert calls
    for name, arguments in calls:
        given = re.sub(r"\([^()]*\)", "", arguments).strip().rstrip(",").count(",")
        places = {int(place) for place in re.findall(r"%(\d+)\$", texts[name])}
        assert places == set(range(1, given + 1)), name


def test_both_ways_up_show_the_same() -> None:
    def shown(folder: str) -> list[str]:
        text = (RESOURCES / folder / "activity_draw.xml").read_text("utf-8")
        return sorted(re.findall(r"@layout/\w+|@\+id/\w+", text))

    assert shown("layout") == shown("layout-land")


def test_what_can_be_seen_or_touched_is_described() -> None:
    """Images, buttons and the sheet tell a screen reader what they are."""
    for path in RESOURCES.glob("layout*/*.xml"):
        for element in ET.parse(path).iter():
            if element.tag in ("ImageView", f"{PACKAGE}.DrawingView"):
                assert f"{ANDROID}contentDescription" in element.attrib, path
            if element.tag == "Button":
                assert f"{ANDROID}text" in element.attrib, path


# The build files


def build_files() -> list[Path]:
    return sorted(path for path in DEMO.rglob("*.gradle.kts") if "build" not in path.parts)


def test_build_files_have_no_syntax_error(kotlin: Kotlin, tmp_path: Path) -> None:
    """Their syntax is all that is checked: Gradle's and Android's own names are not here."""
    wrong = tmp_path / "wrong.kt"
    wrong.write_text("fun wrong() {\nminSdk = = 24\n}\n", encoding="utf-8")
    scripts = []
    for number, path in enumerate(build_files()):
        script = tmp_path / f"script{number}.kt"
        script.write_text(f"fun script{number}() {{\n{path.read_text('utf-8')}\n}}\n", "utf-8")
        scripts.append(script)
    assert len(scripts) >= 4
    with pytest.raises(KotlinError) as raised:
        kotlin.compile([*scripts, wrong], [], tmp_path / "classes")
    errors = re.findall(r"(\w+)\.kt:\d+:\d+: error: syntax error", str(raised.value))
    assert set(errors) == {"wrong"}, raised.value


def test_the_build_names_libraries_and_folders_that_are_there() -> None:
    catalogue = tomllib.loads(CATALOGUE.read_text("utf-8"))
    aliases = {alias.replace("-", ".") for alias in catalogue["libraries"]}
    aliases |= {f"plugins.{alias.replace('-', '.')}" for alias in catalogue["plugins"]}
    scripts = "\n".join(path.read_text("utf-8") for path in build_files())
    assert set(re.findall(r"\blibs\.([\w.]+)", scripts)) == aliases
    versions = [
        entry["version"]["ref"]
        for table in ("libraries", "plugins")
        for entry in catalogue[table].values()
    ]
    assert set(versions) == set(catalogue["versions"])
    settings = (DEMO / "settings.gradle.kts").read_text("utf-8")
    included = re.findall(r'include\(":(\w+)"\)', settings)
    assert included == ["app", "digits"]
    for name in included:
        assert (DEMO / name / "build.gradle.kts").is_file()
        assert (DEMO / name / "src" / "main" / "AndroidManifest.xml").is_file()


def test_the_app_and_its_module_fit_together() -> None:
    app, module = (
        (DEMO / name / "build.gradle.kts").read_text("utf-8") for name in ("app", "digits")
    )

    def value(script: str, key: str) -> str:
        found = re.search(rf"\b{key} = (\S+)", script)
        assert found is not None, key
        return found[1].strip('"')

    assert value(app, "namespace") == PACKAGE
    assert value(app, "namespace") != value(module, "namespace")
    assert int(value(app, "minSdk")) >= int(value(module, "minSdk"))
    assert int(value(app, "compileSdk")) >= int(value(module, "compileSdk"))
    catalogue = tomllib.loads(CATALOGUE.read_text("utf-8"))
    assert f"kotlinx-coroutines-core:{catalogue['versions']['coroutines']}" in module

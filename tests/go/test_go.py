"""The Go binding as a user meets it: against an installed library, and from a module outside this tree."""

import pathlib
import shutil

import pytest

from builds import GO, ROOT, go_environment, install, run
from servers import Server

BINDING = ROOT / "bindings/go-cgo"
MODULE = "github.com/resilicache/resilicache/bindings/go-cgo"

pytestmark = pytest.mark.skipif(GO is None, reason="there is no go on this machine: https://go.dev/dl")


@pytest.fixture(scope="module", name="environment")
def installed(tmp_path_factory):
    """What a program needs to find a library that is not where the system looks."""
    return go_environment(install(tmp_path_factory.mktemp("prefix")))


@pytest.fixture(scope="module", name="server")
def own_server():
    server = Server("redis7")
    yield server
    server.stop()


@pytest.fixture(params=["memory", "redis7"], name="url")
def urls(request):
    return "memory://" if request.param == "memory" else request.getfixturevalue("server").url


def test_vet_and_gofmt_have_nothing_to_say(environment):
    run(GO, "vet", "./...", cwd=BINDING, **environment)
    gofmt = shutil.which("gofmt") or pathlib.Path(GO).resolve().with_name("gofmt")
    sources = BINDING, ROOT / "examples/go", ROOT / "tests/go", ROOT / "tests/conformance/go", ROOT / "bench/go"
    assert run(gofmt, "-l", *sources, cwd=BINDING, **environment) == ""


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ((), {}),
        (("-race",), {}),
        (("-asan",), {"ASAN_OPTIONS": "detect_leaks=1"}),
        ((), {"GODEBUG": "cgocheck=1", "GOEXPERIMENT": "cgocheck2"}),
    ],
    ids=["plain", "race", "leaks", "cgocheck2"],
)
def test_the_tests_of_the_package(environment, url, options, settings):
    address = {} if url == "memory://" else {"RESILICACHE_TEST_URL": url}
    everything = {**environment, **settings, **address}
    run(GO, "test", "-count=1", "-timeout=5m", *options, ".", cwd=BINDING, **everything)


def outside(directory, *sources):
    """A module of a user's, which knows of this tree only where the package is."""
    for source in sources:
        shutil.copy(source, directory / "main.go")
    (directory / "go.mod").write_text(
        f"module program\n\ngo 1.24\n\nrequire {MODULE} v0.0.0\n\nreplace {MODULE} => {BINDING}\n"
    )
    return directory


def test_the_example_runs_outside_the_tree(environment, url, tmp_path):
    program = outside(tmp_path, ROOT / "examples/go/main.go")
    run(GO, "build", "-o", "program", ".", cwd=program, **environment)
    assert "All as it should be." in run(program / "program", url, cwd=program, **environment)


def test_what_was_written_for_resilicache_go_runs(environment, url, tmp_path):
    program = outside(tmp_path, ROOT / "tests/go/walkthrough.go")
    said = run(GO, "run", ".", url, cwd=program, **environment)
    assert sorted(said.split()) == ["tester", "tester_0", "tester_1", "tester_2"]

"""The Go binding as a user meets it: against an installed library, and from a module outside this tree."""

import os
import pathlib
import shutil
import subprocess

import pytest
from servers import Missing, Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RCACHE_BUILD", ROOT / "build/release"))
BINDING = ROOT / "bindings/go-cgo"
MODULE = "github.com/resilicache/resilicache/bindings/go-cgo"
GO = shutil.which("go") or shutil.which("/usr/local/go/bin/go")

pytestmark = pytest.mark.skipif(GO is None, reason="there is no go on this machine: https://go.dev/dl")


def run(*command, directory, environment):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module", name="environment")
def installed(tmp_path_factory):
    """What a program needs to find a library that is not where the system looks."""
    build, prefix = BUILD, tmp_path_factory.mktemp("prefix")
    if not (build / "cmake_install.cmake").exists():
        build = tmp_path_factory.mktemp("build")
        run("cmake", "-S", ROOT, "-B", build, directory=ROOT, environment=None)
        run("cmake", "--build", build, "-j", "2", directory=ROOT, environment=None)
    run("cmake", "--install", build, "--prefix", prefix, directory=ROOT, environment=None)
    library = next(prefix.rglob("libresilicache.a")).parent
    return {
        **os.environ,
        "PKG_CONFIG_PATH": str(library / "pkgconfig"),
        "LD_LIBRARY_PATH": str(library),
        "CGO_ENABLED": "1",
    }


@pytest.fixture(scope="module", name="server")
def own_server():
    try:
        server = Server("redis7")
    except Missing as missing:
        pytest.skip(str(missing))
    yield server
    server.stop()


@pytest.fixture(params=["memory", "redis7"], name="url")
def urls(request):
    return "memory://" if request.param == "memory" else request.getfixturevalue("server").url


def test_vet_and_gofmt_have_nothing_to_say(environment):
    run(GO, "vet", "./...", directory=BINDING, environment=environment)
    gofmt = shutil.which("gofmt") or pathlib.Path(GO).resolve().with_name("gofmt")
    sources = BINDING, ROOT / "examples/go", ROOT / "tests/go"
    assert run(gofmt, "-l", *sources, directory=BINDING, environment=environment) == ""


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
    run(GO, "test", "-count=1", "-timeout=5m", *options, ".", directory=BINDING, environment=everything)


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
    run(GO, "build", "-o", "program", ".", directory=program, environment=environment)
    assert "All as it should be." in run(program / "program", url, directory=program, environment=environment)


def test_what_was_written_for_resilicache_go_runs(environment, url, tmp_path):
    program = outside(tmp_path, ROOT / "tests/go/walkthrough.go")
    said = run(GO, "run", ".", url, directory=program, environment=environment)
    assert sorted(said.split()) == ["tester", "tester_0", "tester_1", "tester_2"]

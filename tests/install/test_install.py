"""What `cmake --install` leaves is enough for a program outside this tree, by CMake and by pkg-config."""

import os
import pathlib
import re
import subprocess

import pytest

from servers import free_port

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("RCACHE_BUILD", ROOT / "build/release"))


def run(*command, **environment):
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module", name="prefix")
def installed(tmp_path_factory):
    """A prefix with a space in it, and moved after the installation: nothing in it may name where it was."""
    first = tmp_path_factory.mktemp("first") / "prefix"
    run("cmake", "--install", BUILD, "--prefix", first)
    return first.rename(tmp_path_factory.mktemp("second here") / "prefix")


def library_dir(prefix):
    return next(prefix.rglob("libresilicache.a")).parent


def test_only_what_is_public_is_installed(prefix):
    headers = [path.name for path in (prefix / "include").rglob("*") if path.is_file()]
    assert headers == ["resilicache.h"]
    libraries = {path.name.split(".so")[0] for path in library_dir(prefix).glob("lib*")}
    assert libraries == {"libresilicache", "libresilicache.a"}


@pytest.mark.parametrize("program", ["with_shared", "with_static"])
def test_cmake_finds_it(prefix, tmp_path, program):
    run("cmake", "-S", HERE, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path, "--target", program)
    assert run(tmp_path / program) == "hello\n"


def pkg_config(prefix, *options):
    path = str(library_dir(prefix) / "pkgconfig")
    return run("pkg-config", *options, "resilicache", PKG_CONFIG_PATH=path).strip()


def build(program, flags, source=HERE / "program.c"):
    # By way of the shell, which understands pkg-config's escapes as make does.
    run("sh", "-c", f"cc '{source}' -Wall -Wextra -Werror -o '{program}' {flags}")


def test_pkg_config_finds_the_shared_library(prefix, tmp_path):
    program = tmp_path / "program"
    build(program, pkg_config(prefix, "--cflags", "--libs"))
    assert run(program, LD_LIBRARY_PATH=str(library_dir(prefix))) == "hello\n"


def test_pkg_config_finds_the_static_library(prefix, tmp_path):
    program = tmp_path / "program"
    flags = pkg_config(prefix, "--static", "--cflags", "--libs")
    build(program, flags.replace("-lresilicache", "-l:libresilicache.a"))
    assert run(program) == "hello\n"


@pytest.mark.parametrize("source", sorted(ROOT.glob("examples/c/*.c")), ids=lambda path: path.name)
def test_the_examples_build(prefix, tmp_path, source):
    build(tmp_path / "example", pkg_config(prefix, "--cflags", "--libs") + " -pthread", source)


def test_the_walkthrough_in_c_ends_well(prefix, tmp_path):
    program = tmp_path / "walkthrough"
    build(program, pkg_config(prefix, "--cflags", "--libs"), ROOT / "examples/c/walkthrough.c")
    assert "All as it should be." in run(program, LD_LIBRARY_PATH=str(library_dir(prefix)))


@pytest.fixture(scope="module", name="page")
def page_program(prefix, tmp_path_factory):
    """All the code of docs/c-api.md, in a program that runs its stepping driver."""
    directory = tmp_path_factory.mktemp("page")
    code = re.findall(r"^```c\n(.*?)^```$", (ROOT / "docs/c-api.md").read_text(), re.DOTALL | re.MULTILINE)
    (directory / "page_code.h").write_text("\n".join(code))
    flags = pkg_config(prefix, "--static", "--cflags", "--libs").replace("-lresilicache", "-l:libresilicache.a")
    build(directory / "page", f"'-I{directory}' {flags}", HERE / "page.c")
    return directory / "page"


def test_the_page_s_stepping_driver_outlives_any_number_of_connections(page, server):
    assert run(page, server.port) == "100\n"


def test_the_page_s_stepping_driver_tells_of_a_server_that_is_not_there(page):
    assert run(page, free_port()) == "RCACHE_E_UNAVAILABLE\n0\n"


def test_the_tool_runs(prefix):
    assert "resilicache" in run(prefix / "bin/resilicache", "help")


def test_the_tool_tells_its_version(prefix):
    header = (prefix / "include/resilicache.h").read_text()
    version = ".".join(re.findall(r"#define RCACHE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))
    tool = prefix / "bin/resilicache"
    assert run(tool, "--version") == run(tool, "version") == f"resilicache {version}\n"
    assert run(tool, "--json", "--version") == '{"version": "%s"}\n' % version

"""The Python package as users get it: a source distribution that builds by itself, and one wheel for every Python."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(sys.executable).parent
EXAMPLES = ["walkthrough.py", "async_walkthrough.py"]


def run(*command, cwd=None, **environment):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def pythons():
    """This one, and what else there is on this machine that the wheel is for."""
    yield sys.executable
    for minor in range(10, 20):
        found = shutil.which(f"python3.{minor}")
        works = found and subprocess.run([found, "-c", "import venv, ensurepip"], capture_output=True, check=False)
        if works and works.returncode == 0 and minor != sys.version_info.minor:
            yield found


@pytest.fixture(scope="module", name="sources")
def unpacked_source_distribution(tmp_path_factory):
    """Made in a copy of the tree, and of nothing that was built there."""
    tree, out = tmp_path_factory.mktemp("tree") / "resilicache", tmp_path_factory.mktemp("sources")
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", "dist", ".*", "*.egg-info", "__pycache__"))
    run(sys.executable, "-c", "import setuptools.build_meta as b; b.build_sdist('dist')", cwd=tree)
    (archive,) = (tree / "dist").iterdir()
    with tarfile.open(archive) as packed:
        if hasattr(tarfile, "data_filter"):  # Debian's 3.11 has none yet
            packed.extraction_filter = tarfile.data_filter
        packed.extractall(out)
    return out / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module", name="wheel")
def built_wheel(sources, tmp_path_factory):
    """Built as pip does it, in an environment of the build requirements alone."""
    out, cache = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("cache")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    packages = run(*pip, "cache", "dir").strip()
    run(*pip, "wheel", "--no-deps", "-w", out, sources, XDG_CACHE_HOME=str(cache), PIP_CACHE_DIR=packages)
    assert list(cache.rglob("hiredis*")) == [], "it downloaded what the source distribution carries"
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module", name="plain", params=pythons())
def environment_without_tools(request, wheel, tmp_path_factory):
    """A new environment with the wheel in it, and nothing but its programs to be found."""
    environment = tmp_path_factory.mktemp("plain") / "venv"
    run(request.param, "-m", "venv", environment)
    programs = str(environment / "bin")
    assert not any(shutil.which(name, path=programs) for name in ("cc", "gcc", "cmake", "swig"))
    pip = [environment / "bin/python", "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "install", "--only-binary=:all:", wheel, PATH=programs)
    return environment


def test_the_source_distribution_carries_hiredis(sources):
    assert (sources / "vendor/hiredis/read.c").exists() and (sources / "vendor/hiredis/COPYING").exists()


def test_one_wheel_has_both_bindings_for_every_python(wheel):
    assert re.fullmatch(r"resilicache-[\d.]+-cp310-abi3-linux_\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as packed:
        extensions = [name for name in packed.namelist() if ".so" in name]
        licences = {pathlib.Path(name).name for name in packed.namelist() if "/licenses/" in name}
    assert sorted(extensions) == [f"resilicache/_native_{binding}.abi3.so" for binding in ("cffi", "swig")]
    assert licences == {"LICENSE", "LICENSE.hiredis"}
    run(TOOLS / "abi3audit", "--strict", wheel)


def test_the_wheel_becomes_one_for_many_linuxes(wheel, tmp_path):
    repair = [TOOLS / "auditwheel", "repair", "--strip", "-w", tmp_path, wheel]
    run(*repair, PATH=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    (repaired,) = tmp_path.iterdir()
    assert re.search(r"-cp310-abi3-manylinux_2_\d+_\w+\.whl$", repaired.name)
    with zipfile.ZipFile(repaired) as packed:
        carried = [pathlib.Path(name).name for name in packed.namelist() if ".libs/" in name and ".so" in name]
    assert {name.split("-")[0] for name in carried} <= {"libssl", "libcrypto"}, "it needs another library"


@pytest.mark.parametrize("binding", ["cffi", "swig"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_wheel_runs_the_examples_where_there_is_no_compiler(plain, example, binding, tmp_path):
    program = [plain / "bin/python", "-W", "error", ROOT / "examples/python" / example]
    told = run(*program, cwd=tmp_path, PATH=str(plain / "bin"), RESILICACHE_BINDING=binding)
    assert "All as it should be." in told

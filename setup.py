"""The Python package: the static core, built by CMake, in the cffi extension.  Metadata is in pyproject.toml."""

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
CARRIED_HIREDIS = ROOT / "vendor" / "hiredis"  # in a source distribution, so that building it downloads nothing


def version() -> str:
    header = (ROOT / "core" / "include" / "resilicache.h").read_text(encoding="utf-8")
    return ".".join(re.findall(r"^#define RCACHE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", header, re.MULTILINE))


def configure(build: Path, *options: str) -> None:
    python = f"-DPython3_EXECUTABLE={sys.executable}"
    subprocess.run(["cmake", "-S", ROOT, "-B", build, "-DCMAKE_BUILD_TYPE=Release", python, *options], check=True)


class BuildExtension(build_ext):
    def build_extensions(self) -> None:
        build = Path(self.build_temp).resolve() / "core"
        configure(build, *([f"-DRCACHE_HIREDIS={CARRIED_HIREDIS}"] if CARRIED_HIREDIS.exists() else []))
        jobs = str(os.cpu_count() or 1)
        command = ["cmake", "--build", build, "--target", "resilicache_static", "--config", "Release", "-j", jobs]
        subprocess.run(command, check=True)
        for extension in self.extensions:
            extension.extra_objects.append(str(build / "libresilicache.a"))
            extension.depends.append(str(build / "libresilicache.a"))
            if platform.system() == "Linux":
                names = build / "python.map"
                names.write_text("{ global: PyInit_*; local: *; };\n", encoding="utf-8")
                # It has threads, so that it must stay where it is.
                extension.extra_link_args += [
                    f"-Wl,--version-script={names}",
                    "-Wl,--exclude-libs,ALL",
                    "-Wl,-z,nodelete",
                ]
        super().build_extensions()


class SourceDistribution(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        build = ROOT / "build" / "sdist"
        configure(build, "-DRCACHE_HIREDIS=pinned")
        (sources,) = build.glob("hiredis-*/vendor/hiredis")
        target = Path(base_dir, "vendor", "hiredis")
        target.mkdir(parents=True, exist_ok=True)
        for path in (*sources.glob("*.[ch]"), sources / "COPYING"):
            shutil.copy(path, target)


# Free-threaded interpreters have no stable ABI, so that each of their versions needs a wheel of its own.
free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

setup(
    version=version(),
    cmdclass={"build_ext": BuildExtension, "sdist": SourceDistribution},
    cffi_modules=["bindings/python/cffi/build.py:ffi"],
    options={} if free_threaded else {"bdist_wheel": {"py_limited_api": "cp310"}},
)

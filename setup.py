"""The Python package: the static core, built by CMake, in two extensions, by cffi and by SWIG.  Metadata is in
pyproject.toml."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
INCLUDE = ["core/include", "bindings/shared", "bindings/swig"]
SWIG_INTERFACE = "bindings/python/swig/native.i"
CARRIED_HIREDIS = ROOT / "vendor" / "hiredis"  # in a source distribution, so that building it downloads nothing


def version() -> str:
    header = (ROOT / "core" / "include" / "resilicache.h").read_text(encoding="utf-8")
    return ".".join(re.findall(r"^#define RCACHE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", header, re.MULTILINE))


def configure(build: Path, *options: str) -> None:
    python = f"-DPython3_EXECUTABLE={sys.executable}"
    subprocess.run(["cmake", "-S", ROOT, "-B", build, "-DCMAKE_BUILD_TYPE=Release", python, *options], check=True)


def swig_command() -> list[str]:
    """The Python package's, since the system's may be older."""
    if importlib.util.find_spec("swig") is not None:
        return [sys.executable, "-c", "import swig; swig.swig()"]
    program = shutil.which("swig")
    if program is None:
        sys.exit("there is no SWIG: pip install 'swig>=4.4'")
    return [program]


def write_wrapper(interface: str, module: str, wrapper: Path) -> None:
    """Beside it comes SWIG's own Python layer, which nobody wants."""
    wrapper.parent.mkdir(parents=True, exist_ok=True)
    command = [*swig_command(), "-python", "-interface", module, "-threads", "-nocpperraswarn"]
    command += ["-nogil"] if free_threaded else []
    command += [f"-I{ROOT / directory}" for directory in INCLUDE]
    subprocess.run([*command, "-outdir", wrapper.parent, "-o", wrapper, ROOT / interface], check=True)


class BuildExtension(build_ext):
    def build_extensions(self) -> None:
        build = Path(self.build_temp).resolve() / "core"
        configure(build, *([f"-DRCACHE_HIREDIS={CARRIED_HIREDIS}"] if CARRIED_HIREDIS.exists() else []))
        jobs = str(os.cpu_count() or 1)
        command = ["cmake", "--build", build, "--target", "resilicache_static", "--config", "Release", "-j", jobs]
        subprocess.run(command, check=True)
        private = re.search(r"^Libs.private: (.*)$", (build / "generated" / "resilicache.pc").read_text("utf-8"), re.M)
        assert private is not None, "resilicache.pc names the libraries that the core needs"
        for extension in self.extensions:
            extension.extra_link_args += private[1].split()  # OpenSSL, where the build has found it
            extension.extra_objects.append(str(build / "libresilicache.a"))
            extension.depends.append(str(build / "libresilicache.a"))
            if extension.sources == [SWIG_INTERFACE]:
                extension.sources = [str(build / "swig" / "native_swig.c")]
                write_wrapper(SWIG_INTERFACE, "_native_swig", Path(extension.sources[0]))
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
swig_extension = Extension(
    "resilicache._native_swig",
    sources=[SWIG_INTERFACE],
    include_dirs=INCLUDE,
    extra_compile_args=["-std=gnu11", "-fvisibility=hidden"],
    libraries=["pthread"],
    define_macros=[] if free_threaded else [("Py_LIMITED_API", "0x030A0000")],
    py_limited_api=not free_threaded,
)

setup(
    version=version(),
    cmdclass={"build_ext": BuildExtension, "sdist": SourceDistribution},
    cffi_modules=["bindings/python/cffi/build.py:ffi"],
    ext_modules=[swig_extension],
    options={} if free_threaded else {"bdist_wheel": {"py_limited_api": "cp310"}},
)

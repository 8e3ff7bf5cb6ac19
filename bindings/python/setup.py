"""Builds the library with meson and puts it, and the header that declares it, into the package."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

here = pathlib.Path(__file__).resolve().parent
root = here.parents[1]
header = root / "include" / "xinf.h"
library = {"darwin": "libxinf.dylib", "win32": "xinf.dll"}.get(sys.platform, "libxinf.so")


def version():
    numbers = re.findall(r"^#define XINF_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", header.read_text(), re.M)
    return ".".join(numbers)


def meson(*args):
    """meson of the build environment, else the one on PATH."""
    command = [sys.executable, "-m", "mesonbuild.mesonmain"]
    if subprocess.run([*command, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        command = ["meson"]
    subprocess.run([*command, *args], check=True)


class BuildLibrary(build_py):
    def run(self):
        super().run()
        build = here / "build" / "library"
        options = ["--buildtype=release", "-Dtests=false", "-Dexamples=false", "-Dtools=false"]
        # pip makes a new build environment each time: a folder that an earlier meson set up may name programs that are gone.
        shutil.rmtree(build, ignore_errors=True)
        meson("setup", os.fspath(build), os.fspath(root), *options)
        meson("compile", "-C", os.fspath(build))
        package = pathlib.Path(self.build_lib) / "xinf"
        # A package must not depend on links: the file that the link names is copied.
        shutil.copyfile((build / "lib" / library).resolve(), package / library)
        shutil.copyfile(header, package / "xinf.h")


class BinaryDistribution(Distribution):
    """A wheel of this package holds machine code, though no extension module."""

    def has_ext_modules(self):
        return True


setup(version=version(), cmdclass={"build_py": BuildLibrary}, distclass=BinaryDistribution)

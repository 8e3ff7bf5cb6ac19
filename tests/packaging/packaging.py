#!/usr/bin/env python3
"""Installs a build into a folder and builds programs against what is there, as a user would: by pkg-config and by CMake.

    packaging.py --build BUILD              the checks
    packaging.py --build BUILD --self-test  breaks the installed tree in several ways; each must make a check fail
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[2]
model = root / "examples" / "digits" / "digits.onnx"


class Failure(Exception):
    pass


def call(*command, env=None):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=env)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


class Tree:
    """An installed tree, and the environment in which a user would see it."""

    def __init__(self, prefix, work):
        self.prefix, self.work = prefix, work
        self.libdir = next(p.parent for p in sorted(prefix.rglob("libxinf.so")))
        self.env = dict(os.environ, PKG_CONFIG_PATH=str(self.libdir / "pkgconfig"), PKG_CONFIG_ALLOW_SYSTEM_CFLAGS="1")
        self.shared = dict(self.env, LD_LIBRARY_PATH=str(self.libdir))

    def flags(self, *options):
        return call("pkg-config", f"--define-variable=prefix={self.prefix}", *options, "xinf", env=self.env).split()


def runs(program, env):
    float(call(program, model, env=env))


def no_shared(program):
    if "libxinf" in call("objdump", "-p", program):
        raise Failure(f"{program.name} needs libxinf.so, and was to be static")


def check_pkg_config(tree):
    """C and C++ with the flags of pkg-config, shared."""
    for compiler, source in ("cc", "first.c"), ("c++", "first.cpp"):
        program = tree.work / f"pkg-{source}"
        language = ["-std=c++17"] if source.endswith("pp") else ["-std=c99"]
        call(compiler, *language, root / "examples" / source, "-o", program, *tree.flags("--cflags", "--libs"))
        runs(program, tree.shared)


def check_pkg_config_static(tree):
    """C with libxinf.a: the archive by name, what it needs from pkg-config --static."""
    program = tree.work / "pkg-static"
    needs = [f for f in tree.flags("--static", "--libs") if f != "-lxinf"]
    call("cc", "-DXINF_STATIC", root / "examples" / "first.c", "-o", program, *tree.flags("--cflags"), tree.libdir / "libxinf.a", *needs)
    no_shared(program)
    runs(program, tree.env)


def check_cmake(tree):
    """find_package(xinf): one program on xinf::xinf, one on xinf::static."""
    build = tree.work / "cmake"
    shutil.rmtree(build, ignore_errors=True)
    call("cmake", "-S", root / "tests" / "packaging" / "cmake", "-B", build, f"-DCMAKE_PREFIX_PATH={tree.prefix}",
         f"-DEXAMPLES={root / 'examples'}", env=tree.env)
    call("cmake", "--build", build, env=tree.env)
    runs(build / "first", tree.env)
    runs(build / "first_cpp", tree.env)
    no_shared(build / "first_static")
    runs(build / "first_static", tree.env)


def check_static_symbols(tree):
    """libxinf.a gives a program no global name but xinf_*."""
    names = [line.split()[-1] for line in call("nm", "-g", "--defined-only", tree.libdir / "libxinf.a").splitlines() if len(line.split()) == 3]
    if not names:
        raise Failure("libxinf.a defines nothing")
    wrong = [n for n in names if not n.startswith("xinf_")]
    if wrong:
        raise Failure(f"libxinf.a: {len(wrong)} foreign names are global, {wrong[0]} say")


CHECKS = [check_pkg_config, check_pkg_config_static, check_cmake, check_static_symbols]


def install(build, folder):
    call("meson", "install", "-C", build, "--no-rebuild", "--destdir", folder)
    return next(p.parents[1] for p in sorted(pathlib.Path(folder).rglob("include/xinf.h")))


def replace(path, old, new):
    text = path.read_text()
    if old not in text:
        raise SystemExit(f"packaging.py: {path.name} has no {old!r} to break")
    path.write_text(text.replace(old, new))


def foreign_symbol(tree):
    source = tree.work / "foreign.c"
    source.write_text("int conv_shape(void);\nint conv_shape(void) { return 1; }\n")
    call("cc", "-c", source, "-o", tree.work / "foreign.o")
    call("ar", "rs", tree.libdir / "libxinf.a", tree.work / "foreign.o")


BREAKS = [
    (check_pkg_config, lambda t: (t.prefix / "include" / "xinf.hpp").unlink()),
    (check_pkg_config, lambda t: replace(t.libdir / "pkgconfig" / "xinf.pc", "-lxinf", "")),
    (check_pkg_config_static, lambda t: replace(t.libdir / "pkgconfig" / "xinf.pc", "Requires.private:", "Requires.other:")),
    (check_pkg_config_static, lambda t: (t.libdir / "libxinf.a").unlink()),
    (check_cmake, lambda t: (t.libdir / "cmake" / "xinf" / "xinf-config.cmake").unlink()),
    (check_cmake, lambda t: replace(t.libdir / "cmake" / "xinf" / "xinf-config.cmake", "xinf::static", "xinf::archive")),
    (check_cmake, lambda t: replace(t.libdir / "cmake" / "xinf" / "xinf-config-version.cmake", 'set(PACKAGE_VERSION "', 'set(PACKAGE_VERSION "0.0.')),
    (check_static_symbols, foreign_symbol),
]


def self_test(prefix, folder):
    failed = 0
    for number, (check, damage) in enumerate(BREAKS):
        copy, work = folder / f"copy{number}", folder / f"work{number}"
        shutil.copytree(prefix, copy, symlinks=True)
        work.mkdir()
        tree = Tree(copy, work)
        damage(tree)
        try:
            check(tree)
        except Failure:
            continue
        print(f"packaging: {check.__name__} does not see damage {number}")
        failed += 1
    print(f"{len(BREAKS) - failed} passed, {failed} failed")
    return failed != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    missing = [p for p in ("cmake", "pkg-config", "meson", "c++", "nm", "objdump") if not shutil.which(p)]
    if missing:
        print("skipped: no " + ", ".join(missing))
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prefix = install(args.build, folder / "tree")
        # Moved after installing: nothing may remember where it was made.
        moved = folder / "moved"
        prefix.rename(moved)
        if args.self_test:
            return self_test(moved, folder)
        work = folder / "work"
        work.mkdir()
        failed = 0
        for check in CHECKS:
            try:
                check(Tree(moved, work))
            except Failure as failure:
                print(f"packaging: {check.__name__}: {failure}")
                failed += 1
        print(f"{len(CHECKS) - failed} passed, {failed} failed")
        return failed != 0


sys.exit(main())

#!/usr/bin/env python3
"""Compiles every source of the library for another system, without linking: no libprotobuf-c is needed there.

    compile_check.py BUILD COMPILER…        BUILD is a configured and built folder: its list of sources is taken

The compiler is a command, `x86_64-w64-mingw32-gcc` or `python -m ziglang cc -target aarch64-macos` say.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-DXINF_BUILD", "-DNDEBUG", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-missing-field-initializers",
         "-Wno-unused-command-line-argument", "-O0", "-c"]


def sources(build):
    """The library's sources, generated ones too, and the folders that generated headers lie in."""
    said = subprocess.run(["meson", "introspect", str(build), "--targets"], check=True, capture_output=True, text=True).stdout
    for target in json.loads(said):
        if target["name"] == "xinf_internal":
            files = [f for part in target["target_sources"] for f in part.get("sources", []) + part.get("generated_sources", [])]
            return sorted(f for f in files if f.endswith(".c"))
    raise SystemExit("compile_check.py: there is no target xinf_internal")


def main():
    build, compiler = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    files, failed = sources(build), 0
    with tempfile.TemporaryDirectory() as folder:
        # The one header of protobuf-c alone, so that no other header of this system is seen.
        (pathlib.Path(folder) / "protobuf-c").mkdir()
        where = subprocess.run(["pkg-config", "--variable=includedir", "libprotobuf-c"], check=True, capture_output=True, text=True).stdout.strip()
        shutil.copy(f"{where}/protobuf-c/protobuf-c.h", f"{folder}/protobuf-c/protobuf-c.h")
        generated = sorted({str(pathlib.Path(f).parent) for f in files if str(build) in f})
        generated += [str(p) for p in [build / "lib", *build.glob("lib/libxinf_internal.a.p")]]
        includes = [f"-I{p}" for p in (ROOT / "include", ROOT / "lib", folder, *generated)]

        def one(number, file):
            done = subprocess.run([*compiler, *FLAGS, *includes, "-o", f"{folder}/{number}.o", file], capture_output=True, text=True)
            return file, done.returncode, done.stderr

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for file, code, text in pool.map(one, range(len(files)), files):
                if code:
                    failed += 1
                    print("\n".join(text.splitlines()[:8]))
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Breaks a copy of the source on purpose, one way at a time, and sees that layers.py says so."""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def append(path, text, *more_paths):
    def change(root):
        for file in (root / p for p in (path, *more_paths)):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text((file.read_text() if file.exists() else "") + text)
    return change


# {check, what is broken, how, what the message must name}
BREAKS = [
    ("includes", "base looks up at graph", append("lib/base/arena.c", '#include "graph/graph.h"\n'), "base may not include graph/graph.h"),
    ("includes", "graph looks at run", append("lib/graph/graph.h", '#include "run/session.h"\n'), "graph may not include"),
    ("includes", "load looks at a tensor", append("lib/load/detect.c", '#include "tensor/tensor.h"\n'), "load may not include"),
    ("includes", "a stage enters a room", append("lib/plan/plan.c", '#include "backend/cpu/table.h"\n'), "plan may not include"),
    ("includes", "the door enters a room", append("lib/xinf.c", '#include "backend/cpu/table.h"\n'), "lib may not include"),
    ("includes", "a room enters another", append("lib/backend/cuda/device.c", '#include "backend/cpu/table.h"\n'), "another room"),
    ("includes", "a program looks inside", append("examples/first.c", '#include "base/error.h"\n'), "a program sees only"),
    ("includes", "a folder without a row", append("lib/extra/extra.c", "\n"), "no row"),
    ("os-calls", "a stage reads a variable", append("lib/plan/plan.c", "static char *plan_home(void) { return getenv(\"HOME\"); }\n"), "getenv"),
    ("os-calls", "a stage maps memory", append("lib/graph/graph.c", "void *p = mmap (0, 1, 2, 3, 4, 5);\n"), "mmap"),
    ("os-calls", "a pool without thread.c", append("lib/base/pool.c", "static int pool_lock(void) { return pthread_mutex_lock(0); }\n"), "pthread_mutex_lock"),
    ("os-calls", "a header of the system", append("lib/run/frame.c", "#include <sys/mman.h>\n"), "sys/mman.h"),
    ("headers-alone", "a header that is no C99", append("include/xinf.h", "struct xinf_odd { struct { int a; }; };\n"), "-std=c99"),
    ("headers-alone", "a header that is no C++", append("include/xinf.h", "int xinf_f(int class);\n"), "c++17"),
    ("headers-alone", "a header that needs another", append("include/xinf/device.h", "xinf_status xinf_g(void);\n"), "xinf/device.h"),
    ("files", "a file without end", append("lib/graph/graph.c", "\n" * 1000), "lines, at most"),
    ("files", "a name that says nothing", append("lib/base/string_utils.c", "\n"), "says nothing"),
    ("static-names", "one name in two files", append("lib/base/string.c", "static bool arena_is_twin(int a)\n{\n    return a;\n}\n",
                                                           "lib/base/arena.c"), "arena_is_twin"),
    ("folders", "a mark for later", append("lib/base/arena.c", "/* TO" "DO */\n"), "later work"),
    ("folders", "a folder without a README", lambda root: (root / "lib/graph/README.md").unlink(), "no README.md"),
    ("tour", "a program that drifted", append("examples/first.c", "int drifted;\n"), "differs"),
]
SYMBOL_SOURCES = [
    ("prints", "#include <stdio.h>\n__attribute__((visibility(\"default\"))) void xinf_p(int i) { printf(\"%d\\n\", i); }\n", "uses"),
    ("aborts", "#include <stdlib.h>\n__attribute__((visibility(\"default\"))) void xinf_a(void) { abort(); }\n", "uses abort"),
    ("exports", "__attribute__((visibility(\"default\"))) int xinf_not_declared(void) { return 1; }\n", "exports xinf_not_declared"),
    ("large", "const char xinf_large[4 << 20] = {1};\n", "bytes stripped"),
    ("state", "static int counter;\n__attribute__((visibility(\"default\"))) int xinf_s(void) { return counter++; }\n", "writable state"),
]


def layers(root, check, *extra):
    done = subprocess.run([sys.executable, str(HERE / "layers.py"), "--root", str(root), *extra, check], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (check, what, change, expected) in enumerate(BREAKS):
            root = pathlib.Path(folder) / str(number)
            for part in ("lib", "include", "examples"):
                shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("*.png"))
            change(root)
            code, text = layers(root, check)
            ok = code == 1 and expected in text
            passed, failed = passed + ok, failed + (not ok)
            if not ok:
                print(f"self_test: {check} did not see: {what}\n{text}")
            shutil.rmtree(root)
        for name, text, expected in SYMBOL_SOURCES:
            source, library = pathlib.Path(folder) / f"{name}.c", pathlib.Path(folder) / f"lib{name}.so"
            source.write_text(text)
            subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
            code, said = layers(ROOT, "symbols", "--library", str(library))
            ok = code == 1 and expected in said
            passed, failed = passed + ok, failed + (not ok)
            if not ok:
                print(f"self_test: symbols did not see: {name}\n{said}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

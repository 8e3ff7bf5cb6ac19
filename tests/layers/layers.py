#!/usr/bin/env python3
"""Checks that the source keeps the rules of the architecture. Python's standard library only.

    layers.py [--root DIR] [--library libxinf.so] [CHECK…]

Each check prints what breaks it; the last line counts. self_test.py shows that each check can fail.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# What a folder may include besides itself, base, xinf.h and the C library. tensor stands wherever graph does: graph.h hands
# out its types.
FOLDERS = {
    "base": set(),
    "tensor": set(),
    "graph": {"tensor"},
    "load": {"tensor/dtype.h"},
    "import": {"load", "graph", "tensor"},
    "export": {"graph", "tensor"},
    "passes": {"graph", "tensor"},
    "device": {"tensor", "graph", "plan"},  # its table hands plan the kernels of the rooms that are linked in
    "partition": {"graph", "tensor", "device"},
    "plan": {"graph", "tensor"},
    "run": {"plan", "device", "graph", "tensor"},
    "quantize": {"passes", "run", "export", "graph", "tensor"},
    "codegen": {"plan", "graph", "tensor"},
    "backend": {"tensor", "graph", "plan", "device"},
}
# Files that stand in lib/ itself are the doors behind xinf.h: they call the stages, and no room.
DOORS = {name for name in FOLDERS if name not in ("backend",)}
# Programs and examples stand outside: they see what a user sees.
OUTSIDE = ("src", "examples", "tests/models", "bindings")

OS_FILES = {f"lib/base/{noun}.c" for noun in ("file", "thread", "clock", "cpu", "plugin", "process")}
OS_CALLS = """mmap munmap mremap madvise mprotect open openat creat close read write pread pwrite readv writev lseek fstat stat
 lstat fopen fdopen fclose fread fwrite fseek ftell getenv setenv secure_getenv fork vfork execve posix_spawn popen system kill
 raise signal sigaction dlopen dlsym dlclose syscall sysconf sysctl sysctlbyname getauxval uname gethostname getpid gettid
 clock_gettime gettimeofday nanosleep usleep sleep time sched_yield sched_getaffinity sched_setaffinity unlink rename remove
 mkdir rmdir opendir readdir realpath getcwd chdir socket connect bind ioctl fcntl select poll epoll_wait
 VirtualAlloc VirtualFree MapViewOfFile CreateFileA CreateFileW CreateThread LoadLibraryA LoadLibraryW GetProcAddress
 QueryPerformanceCounter GetSystemInfo Sleep""".split()
OS_PATTERN = re.compile(r"(?<![\w.>])(" + "|".join(OS_CALLS) + r"|pthread_\w+|thrd_\w+|mtx_\w+|cnd_\w+)\s*\(")
OS_HEADERS = re.compile(r'#\s*include\s*<(pthread|unistd|fcntl|sched|signal|dlfcn|threads|time|windows|sys/.*|linux/.*)\.h>')

FORBIDDEN_SYMBOLS = """abort exit _exit _Exit quick_exit atexit printf fprintf vprintf vfprintf dprintf puts fputs putchar fputc putc
 fwrite perror stdout stderr __assert_fail __printf_chk __fprintf_chk __vprintf_chk __vfprintf_chk __dprintf_chk err errx warn
 warnx psignal syslog strtok rand srand setlocale localeconv localtime gmtime strerror longjmp alloca""".split()

MAX_STRIPPED = 3 << 20
MAX_LINES, BANNED = 900, {"util", "utils", "common", "misc", "helper", "helpers", "internal"}
SOURCE = {".c", ".h", ".hpp", ".py", ".in", ".proto"}


class Problems(list):
    """What one check found."""

    def add(self, path, line, text):
        self.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")


def sources(root, *folders, suffixes=(".c", ".h", ".in")):
    for folder in folders:
        base = root / folder
        for path in sorted(base.rglob("*") if base.is_dir() else []):
            if path.suffix in suffixes and path.is_file() and "build" not in path.relative_to(root).parts:
                yield path, path.relative_to(root).as_posix()


def without_comments(text):
    """The same lines with comments and string literals blanked."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<(xinf[^>]*)>)', line)
        if m:
            yield number, m.group(1) or m.group(2)


def edge_allowed(folder, target):
    """May a file of lib/<folder> include target (written from lib/)? folder "" is lib/ itself."""
    if target == "xinf.h":
        return True
    if target.startswith("xinf/"):
        return folder in ("device", "backend", "codegen", "")
    if "/" not in target:
        return folder == ""
    head = target.split("/")[0]
    if head == "base" or head == folder:
        return True
    allowed = DOORS if folder == "" else FOLDERS.get(folder, set())
    return head in allowed or target in allowed


def check_includes(root):
    """Includes go in the allowed direction, and rooms do not see one another."""
    found = Problems()
    for path, name in sources(root, "lib"):
        parts = name.split("/")[1:]
        folder = parts[0] if len(parts) > 1 else ""
        if folder and folder not in FOLDERS:
            found.add(name, 0, f"lib/{folder} stands in no row of the table in layers.py")
        for line, target in includes(path):
            made = target.endswith(".pb-c.h") or target == "plan/build_id.h"
            if not target.startswith("xinf") and not (root / "lib" / target).exists() and not made:
                found.add(name, line, f'"{target}" is not written from lib/')
            elif not edge_allowed(folder, target):
                found.add(name, line, f"{folder or 'lib'} may not include {target}")
            elif folder == "backend" and target.startswith("backend/") and target.split("/")[1] != parts[1]:
                found.add(name, line, f"room {parts[1]} includes another room: {target}")
    for path, name in sources(root, "include", suffixes=(".h", ".hpp")):
        for line, target in includes(path):
            if target != "xinf.h":
                found.add(name, line, f"a public header includes {target}")
    for path, name in sources(root, *OUTSIDE):
        for line, target in includes(path):
            beside = [path.parent, *(root / "src").glob("*")]  # programs share src/npy
            if not target.startswith("xinf") and not any((folder / target).exists() for folder in beside):
                found.add(name, line, f"a program sees only xinf.h and its own folder, not {target}")
    return found


def check_os_calls(root):
    """System calls stand in the six files of lib/base only."""
    found = Problems()
    for path, name in sources(root, "lib"):
        if name in OS_FILES:
            continue
        text = path.read_text()
        for number, line in enumerate(without_comments(text).splitlines(), 1):
            m = OS_PATTERN.search(line)
            if m and not re.search(r"\w\s+\**" + m.group(1) + r"\s*[,);]", text):  # a parameter of that name is a callback
                found.add(name, number, f"{m.group(1)} belongs in lib/base")
            m = OS_HEADERS.search(line)
            if m and not name.startswith("lib/base/"):
                found.add(name, number, f"<{m.group(1)}.h> belongs in lib/base")
    return found


def check_headers_alone(root):
    """Each public header compiles alone, as C99, C11 and C++17, with each compiler that is here."""
    found = Problems()
    compilers = [(c, cxx) for c, cxx in (("gcc", "g++"), ("clang", "clang++")) if shutil.which(c)]
    if not compilers:
        found.add("include", 0, "neither gcc nor clang is here")
    with tempfile.TemporaryDirectory() as folder:
        for path, name in sources(root, "include", suffixes=(".h", ".hpp")):
            header = path.relative_to(root / "include").as_posix()
            for cc, cxx in compilers:
                runs = [] if path.suffix == ".hpp" else [(cc, "c99", "c"), (cc, "c11", "c")]
                if shutil.which(cxx):
                    runs.append((cxx, "c++17", "cc"))
                for compiler, standard, suffix in runs:
                    unit = pathlib.Path(folder) / f"alone.{suffix}"
                    unit.write_text(f"#include <{header}>\n#include <{header}>\nextern int xinf_alone;\n")
                    done = subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                                           f"-I{root / 'include'}", str(unit)], capture_output=True, text=True)
                    if done.returncode:
                        why = [line for line in done.stderr.splitlines() if "error:" in line] or [done.stderr.strip()]
                        found.add(name, 0, f"{compiler} -std={standard}: {why[0]}")
    return found


def check_files(root):
    """No file is longer than MAX_LINES lines, and none has a name that says nothing."""
    found = Problems()
    for path, name in sources(root, "lib", "include", "src", "examples", "tests", "bindings", suffixes=SOURCE):
        count = path.read_text(errors="replace").count("\n")
        if count > MAX_LINES:
            found.add(name, 0, f"{count} lines, at most {MAX_LINES}")
        words = {word for part in path.relative_to(root).parts for word in re.split(r"[._-]", part)}
        if words & BANNED:
            found.add(name, 0, "a name that says nothing about what is inside")
    return found


def check_static_names(root):
    """A static name stands in one file only, so that the library also compiles as one translation unit."""
    found, first = Problems(), {}
    pattern = re.compile(r"^(?:static|typedef)\b[^;={(]*?\b(\w+)\s*(?:\(|\[|=)", re.M)
    for path, name in sources(root, "lib", suffixes=(".c",)):
        text = without_comments(path.read_text())
        for m in pattern.finditer(text):
            other = first.setdefault(m.group(1), name)
            if other != name and m.group(1) not in ("void", "int", "__attribute__"):
                found.add(name, text.count("\n", 0, m.start()) + 1, f"{m.group(1)} stands in {other} too")
    return found


def check_folders(root):
    """Each folder of lib/ says in at most 15 lines what goes in and out; nothing promises what is not there."""
    found = Problems()
    for folder in sorted((root / "lib").iterdir()):
        if not folder.is_dir() or folder.name == "backend":
            continue
        readme = folder / "README.md"
        if not readme.exists():
            found.add(f"lib/{folder.name}", 0, "there is no README.md")
        elif readme.read_text().count("\n") > 20:
            found.add(f"lib/{folder.name}/README.md", 0, "longer than 20 lines")
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    for path, name in sources(root, "lib", "include", "src", "examples", "tests", "bindings", suffixes=SOURCE):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if marks.search(line):
                found.add(name, number, "a mark for later work")
    return found


def check_tour(root):
    """The program in xinf.h's tour is examples/first.c."""
    found = Problems()
    lines = (root / "include/xinf.h").read_text().splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(" *     #include <stdio.h>")), None)
    if start is None:
        found.add("include/xinf.h", 0, "its tour has no program")
        return found
    tour = []
    for line in lines[start:]:
        if not (line.startswith(" *     ") or line == " *"):
            break
        tour.append(line[7:].rstrip())
    squeeze = lambda text: " ".join(without_comments_only(text).split())
    if squeeze("\n".join(tour)) != squeeze((root / "examples/first.c").read_text()):
        found.add("examples/first.c", 0, "differs from the program in xinf.h")
    return found


def without_comments_only(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def nm(*args):
    done = subprocess.run(["nm", *args], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"layers.py: nm: {done.stderr.strip()}")
    return done.stdout.splitlines()


def declared(root):
    """The functions that public headers declare."""
    text = without_comments("".join(p.read_text() for p, _ in sources(root, "include")))
    return set(re.findall(r"XINF_API\b[^;(]*?\b(xinf_\w+)\s*\(", text))


def check_symbols(root, library):
    """The release library does not print or end the process, exports what xinf.h declares, has no
    writable state and stays small."""
    found = Problems()
    undefined = {line.split()[-1].split("@")[0] for line in nm("-D", "-u", str(library))}
    for symbol in sorted(undefined & set(FORBIDDEN_SYMBOLS)):
        found.add(library.name, 0, f"uses {symbol}")
    exported = {line.split()[-1].split("@")[0] for line in nm("-D", "--defined-only", str(library)) if " A " not in line}
    for symbol in sorted(exported - declared(root)):
        found.add(library.name, 0, f"exports {symbol}, which no public header declares")
    for symbol in sorted(declared(root) - exported):
        found.add(library.name, 0, f"does not export {symbol}, which xinf.h declares")
    with tempfile.TemporaryDirectory() as folder:
        small = pathlib.Path(folder) / "stripped.so"
        subprocess.run(["strip", "-o", str(small), str(library)], check=True)
        if small.stat().st_size > MAX_STRIPPED:
            found.add(library.name, 0, f"{small.stat().st_size} bytes stripped, at most {MAX_STRIPPED}")
    table = subprocess.run(["objdump", "-t", str(library)], capture_output=True, text=True).stdout
    own = {"completed.0", "__dso_handle", "__TMC_END__", "__bss_start", "_edata", "_end", ".data", ".bss"}
    for line in table.splitlines():
        words = line.split()
        for section in (".data", ".bss", ".tbss", ".tdata"):
            if section in words and words[-1] not in own:
                found.add(library.name, 0, f"{words[-1]} is writable state in {section}")
    return found


CHECKS = {"includes": check_includes, "os-calls": check_os_calls, "headers-alone": check_headers_alone, "files": check_files,
          "static-names": check_static_names, "folders": check_folders, "tour": check_tour, "symbols": check_symbols}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--library", type=pathlib.Path, help="a release libxinf.so, for the check of symbols")
    parser.add_argument("checks", nargs="*", help=" ".join(CHECKS))
    args = parser.parse_args()
    passed = failed = skipped = 0
    for name in args.checks or CHECKS:
        if name == "symbols" and not args.library:
            print("layers: symbols: skipped: no --library was given")
            skipped += 1
            continue
        found = CHECKS[name](args.root, args.library) if name == "symbols" else CHECKS[name](args.root)
        for problem in found:
            print(f"layers: {name}: {problem}")
        passed, failed = (passed, failed + 1) if found else (passed + 1, failed)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

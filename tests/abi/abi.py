#!/usr/bin/env python3
"""Compares the binary interface with the committed tests/abi/xinf.abi: exported symbols and their version, prototypes, numbers
of enums, sizes and offsets of structs (64-bit).

    abi.py --library libxinf.so [--cc CC] [--write]     --write renews xinf.abi; CHANGELOG.md then says what changed
    abi.py --library libxinf.so --self-test             changes a copy of the header and sees that the comparison fails
"""
import argparse
import difflib
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def plain(text):
    """The header without comments, preprocessor lines and line breaks within declarations."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*$", "", text, flags=re.M)


def prototypes(text):
    for m in re.finditer(r"XINF_API\b([^;{]*\([^;{]*\))\s*;", text):
        yield re.sub(r"\s*([*(),])\s*", r"\1", " ".join(m.group(1).split())).replace(",", ", ")


def structs(text):
    """{name, fields} of each struct that callers see."""
    for m in re.finditer(r"typedef struct (xinf_\w+) \{(.*?)\} \1;", text, flags=re.S):
        fields = []
        for declaration in filter(None, (d.strip() for d in m.group(2).split(";"))):
            pointer = re.search(r"\(\*(\w+)\)\(", declaration)
            if pointer:
                fields.append(pointer.group(1))
            else:
                parts = declaration.split(",")
                fields += [re.search(r"(\w+)\s*(?:\[[^]]*\])?$", part.strip()).group(1) for part in parts]
        yield m.group(1), fields


def enumerators(text):
    for m in re.finditer(r"\benum\s*\w*\s*\{([^}]*)\}", text):
        yield from re.findall(r"\b(XINF_\w+)\b\s*(?==|,|$)", m.group(1))


def layout(text, include, cc):
    """Lines that the compiler itself says, by a program that prints them."""
    lines = ["#include <stddef.h>", "#include <stdio.h>", "#include <xinf.h>", "int main(void)", "{"]
    for name in enumerators(text):
        lines.append(f'    printf("enum {name} %lld\\n", (long long){name});')
    for name, fields in structs(text):
        lines.append(f'    printf("struct {name} size %zu\\n", sizeof({name}));')
        for field in fields:
            lines.append(f'    printf("struct {name} {field} at %zu, %zu bytes\\n", offsetof({name}, {field}), sizeof((({name} *)0)->{field}));')
    lines += ["    return 0;", "}", ""]
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder) / "layout.c", pathlib.Path(folder) / "layout"
        source.write_text("\n".join(lines))
        subprocess.run([*cc.split(), "-std=c11", f"-I{include}", str(source), "-o", str(program)], check=True)
        return subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.splitlines()


def symbols(library):
    said = subprocess.run(["nm", "-D", "--defined-only", str(library)], check=True, capture_output=True, text=True).stdout
    for line in said.splitlines():
        name = line.split()[-1]
        if " A " not in line:
            yield "symbol " + name.replace("@@", " ").replace("@", " ")


def describe(include, library, cc):
    text = plain((include / "xinf.h").read_text())
    return ["# The binary interface of libxinf; tests/abi/abi.py --write renews it.", *sorted(symbols(library)),
            *("function " + p for p in sorted(prototypes(text))), *layout(text, include, cc)]


def self_test(library, cc):
    """Each change to a copy of the header must show."""
    header = (ROOT / "include/xinf.h").read_text()
    changes = [("XINF_MALFORMED = 4", "XINF_MALFORMED = 44"), ("int32_t threads;", "int64_t threads;"),
               ("xinf_map map; ", "int32_t before; xinf_map map; "), ("xinf_tensor_rank(const xinf_tensor *tensor)", "xinf_tensor_rank(xinf_tensor *tensor)")]
    base = describe(ROOT / "include", library, cc)
    passed = failed = 0
    for old, new in changes:
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "xinf.h").write_text(header.replace(old, new, 1))
            ok = old in header and describe(pathlib.Path(folder), library, cc) != base
        passed, failed = passed + ok, failed + (not ok)
        if not ok:
            print(f"abi: a change went unseen: {old} -> {new}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=pathlib.Path, required=True)
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test(args.library, args.cc)
    now, file = describe(ROOT / "include", args.library, args.cc), HERE / "xinf.abi"
    if args.write:
        file.write_text("\n".join(now) + "\n")
    before = file.read_text().splitlines()
    for line in difflib.unified_diff(before, now, "xinf.abi", "this build", lineterm="", n=0):
        print(line)
    print("1 passed, 0 failed" if before == now else "0 passed, 1 failed")
    return 0 if before == now else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""build_id.py OUT FOLDER...: a header with a number that changes with any source of the folders."""
import hashlib
import pathlib
import sys

out, folders = pathlib.Path(sys.argv[1]), sys.argv[2:]
digest = hashlib.sha256()
for folder in folders:
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.suffix in (".c", ".h"):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
text = ("/* Made by build_id.py from the library's sources. */\n"
        f"#define XI_BUILD_ID UINT64_C(0x{digest.hexdigest()[:16]})\n")
if not out.exists() or out.read_text() != text:
    out.write_text(text)

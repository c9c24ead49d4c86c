"""The structures that Python hands to the kernel lie in memory as the C compiler lays them out."""

import ctypes
import os
import re
import subprocess
from pathlib import Path

import pytest

from simulator.engine.native import library
from simulator.engine.native.compile import compiler
from simulator.engine.native.library import CEntry, CScene, CSource

SOURCE = Path(library.__file__).parent / "kernel.c"
COMPILER = compiler(os.environ)

PROGRAM = """
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
{head}
int main(void) {{
{prints}
    return 0;
}}
"""


def declared():
    """The structures as kernel.c declares them, and the fields of each in order."""
    text = SOURCE.read_text()
    limit = re.search(r"#define MOST_COEFFICIENTS \d+", text)
    found = {}
    for body, name in re.findall(r"typedef struct \{(.*?)\} (\w+);", text, re.DOTALL):
        parts = (
            re.sub(r"const|void|int64_t|double|Scene|Source|\*|\[\w+\]|\s", "", body)
            .replace(";", ",")
            .split(",")
        )
        found[name] = [part for part in parts if part]
    declarations = re.findall(r"typedef struct \{.*?\} \w+;", text, re.DOTALL)
    return "\n".join([limit[0], *declarations]), found


@pytest.mark.skipif(COMPILER is None, reason="no C compiler here")
@pytest.mark.parametrize(("name", "mirror"), [("Scene", CScene), ("Source", CSource), ("Entry", CEntry)])
def test_the_mirror_lies_as_the_compiler_says(tmp_path, name, mirror):
    head, fields = declared()
    prints = [
        f'    printf("{field} %zu %zu\\n", offsetof({name}, {field}), sizeof((({name} *)0)->{field}));'
        for field in fields[name]
    ]
    prints.append(f'    printf("all 0 %zu\\n", sizeof({name}));')
    (tmp_path / "layout.c").write_text(PROGRAM.format(head=head, prints="\n".join(prints)))
    program = tmp_path / "layout"
    subprocess.run([COMPILER, "-o", str(program), str(tmp_path / "layout.c")], check=True)
    shown = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    mirrored = []
    for field, _ in mirror._fields_:
        place = getattr(mirror, field)
        mirrored.append(f"{field} {place.offset} {place.size}")
    mirrored.append(f"all 0 {ctypes.sizeof(mirror)}")
    assert mirrored == shown.splitlines()

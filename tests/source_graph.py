"""Which C files of a folder need each other: who calls whose functions, who includes
whose header. architecture_test.py asks it for circles.
"""

import collections
import re

# A function that begins in the first column and has a body, of any return type.
DEFINITION = re.compile(r"^(?!static\b|return\b|typedef\b|#)[a-z_][\w \t*]*?[ *](\w+)\([^;{}]*\)\s*\{",
                        re.M)
NAME = re.compile(r"\b[a-z_]\w*\b")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def code_of(text):
    """Text without comments and the contents of string literals."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)


def edges(folder):
    """{file's stem: stems of the files of this folder that it needs}. NAME_internal.h
    belongs to NAME: it is what NAME's own files share."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.[ch]"))}
    stem_of = {path: path.stem.removesuffix("_internal") for path in texts}
    owner = {}
    for path, text in texts.items():
        if path.suffix == ".c":
            for name in DEFINITION.findall(code_of(text)):
                owner[name] = stem_of[path]
    found = collections.defaultdict(set)
    for path, text in texts.items():
        found[stem_of[path]]
        if path.suffix == ".c":
            for name in set(NAME.findall(code_of(text))):
                found[stem_of[path]].add(owner.get(name, stem_of[path]))
            continue
        for name in INCLUDE.findall(text):  # a header that needs another
            other = folder / name.rsplit("/", 1)[-1]
            if other in texts and name.rsplit("/", 1)[0] == "/".join(folder.parts[-name.count("/"):]):
                found[stem_of[path]].add(stem_of[other])
    return {stem: others - {stem} for stem, others in found.items()}


def circles(graph):
    """The largest groups of files that need each other, each sorted, by Tarjan's way."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = []
            while True:
                member = stack.pop()
                on_stack.discard(member)
                group.append(member)
                if member == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found)


def headers(root, layers):
    """{file without its ending: files that it includes}, of all C files under the layers.
    NAME_internal.h belongs to NAME."""
    found = collections.defaultdict(set)
    for layer in layers:
        for path in sorted((root / layer).rglob("*.[ch]")):
            stem = str(path.with_suffix("").relative_to(root)).removesuffix("_internal")
            found[stem] |= {name[:-2].removesuffix("_internal")
                            for name in INCLUDE.findall(path.read_text(encoding="utf-8"))
                            if (root / name).exists()} - {stem}
    return found


def rooms(root, layers):
    """{folder: folders whose headers it includes}, of all C files under the layers."""
    found = collections.defaultdict(set)
    for layer in layers:
        for path in sorted((root / layer).rglob("*.[ch]")):
            room = str(path.parent.relative_to(root))
            found[room]
            for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
                if (root / name).exists():
                    found[room].add(name.rsplit("/", 1)[0])
    return {room: others - {room} for room, others in found.items()}

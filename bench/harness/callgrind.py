"""Reads what callgrind dumps: instructions and calls of each function.

The format: https://valgrind.org/docs/manual/cl-format.html
"""

import collections
import os
import re

ALLOCATORS = frozenset(("malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "memalign",
                        "posix_memalign"))
# Bazel compiles in a sandbox; its name is left out of the debugging information.
WORKSPACE = "/proc/self/cwd/"

# "(12) name" gives a name a number, "(12)" repeats it; names may come without any.
_COMPRESSED = re.compile(r"\((\d+)\)(?: (.*))?$")
# What the compiler, the linker and callgrind (recursion) append to a function's name.
_SUFFIX = re.compile(r"(?:'\d+|@@?[A-Z][\w.]*|\.(?:constprop|isra|part|cold|lto_priv)(?:\.\d+)?)+$")
# Template arguments and parameters, innermost first: C++ names are long.
_ARGUMENTS = re.compile(r"<[^<>]*>|\((?!anonymous namespace\))[^()]*\)(?: const)?")
_SPACES = {"fl": "file", "fi": "file", "fe": "file", "cfi": "file", "cfl": "file",
           "fn": "function", "cfn": "function", "ob": "object", "cob": "object"}


class Profile:
    """The instructions of one dump."""

    def __init__(self):
        self.self_cost = collections.Counter()  # function -> instructions of its own
        self.inclusive = collections.Counter()  # and of all that it calls
        self.allocations = 0
        self.frees = 0


def plain_name(name):
    """A function's name without what a compiler may change about it, and without
    arguments: overloads are one."""
    name = _SUFFIX.sub("", name) or name
    before = None
    plain = name
    while plain != before:
        before, plain = plain, _ARGUMENTS.sub("", plain)
    return plain or name


class _Parser:
    def __init__(self):
        self._names = {"file": {}, "function": {}, "object": {}}
        self._positions = 1
        self._file = self._object = ""
        self._function = self._callee = None  # keys: (number or None, name)
        self._calls = None                    # calls that the next cost line belongs to
        self._own = collections.Counter()     # key -> instructions
        self._called = collections.Counter()  # (caller's key, callee's key) -> instructions
        self._count = collections.Counter()   # (caller's key, callee's key) -> calls
        self._places = {}                     # key -> file or object

    def _resolve(self, space, text):
        match = _COMPRESSED.match(text)
        if match is None:
            return None, text
        number, name = match.groups()
        if name is not None:
            self._names[space][number] = name
        if number not in self._names[space]:
            raise ValueError(f"({number}) names no {space}")
        # Each function has a number of its own, also where two have one name.
        return number, self._names[space][number]

    def _place(self):
        if self._file.startswith(WORKSPACE):
            return os.path.normpath(self._file[len(WORKSPACE):])
        return os.path.basename(self._object) or "?"

    def _assign(self, key, value):
        if key == "positions":
            self._positions = len(value.split())
        elif key == "calls":
            self._calls = int(value.split()[0])
        elif key in _SPACES:
            number, name = self._resolve(_SPACES[key], value)
            if key == "ob":
                self._object = name
            elif key == "fl":
                self._file = name
            elif key == "fn":
                self._function = (number, name)
                self._places[self._function] = self._place()
            elif key == "cfn":
                self._callee = (number, name)

    def _cost(self, line):
        fields = line.split()
        cost = int(fields[self._positions]) if len(fields) > self._positions else 0
        if self._calls is None:
            self._own[self._function] += cost
            return
        edge = self._function, self._callee
        self._called[edge] += cost
        self._count[edge] += self._calls
        self._calls = None

    def line(self, line):
        if line[:1] in "0123456789+-*":
            if line:
                self._cost(line)
            return
        key, separator, value = line.partition("=")
        if not separator or ":" in key:
            key, _, value = line.partition(":")
        self._assign(key, value.strip())

    def _label(self, key):
        return f"{plain_name(key[1])} [{self._places.get(key, '?')}]"

    def profile(self):
        result = Profile()
        for key, cost in self._own.items():
            result.self_cost[self._label(key)] += cost
            # A recursive call's cost is in that of the outermost already.
            if "'" not in key[1]:
                result.inclusive[self._label(key)] += cost
        for (caller, callee), cost in self._called.items():
            one = "'" not in callee[1] and self._label(caller) == self._label(callee)
            if "'" not in caller[1] and not one:
                result.inclusive[self._label(caller)] += cost
        for (caller, callee), calls in self._count.items():
            # realloc calls malloc: that is one allocation.
            if plain_name(callee[1]) in ALLOCATORS and plain_name(caller[1]) not in ALLOCATORS:
                result.allocations += calls
            if plain_name(callee[1]) == "free":
                result.frees += calls
        return result


def parse(lines):
    """Makes a Profile of a dump's lines; ValueError tells what is wrong with them."""
    parser = _Parser()
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            parser.line(line.rstrip("\n"))
    except (ValueError, IndexError) as error:
        raise ValueError(f"line {number} of callgrind's dump: {error}") from error
    return parser.profile()

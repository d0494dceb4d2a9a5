"""Writes compile_commands.json from what Bazel would run.

usage: compile_commands.py WORKSPACE OUTPUT
"""

import json
import subprocess
import sys

# What gcc takes and clang's tools do not.
GCC_ONLY = {"-fno-canonical-system-headers", "-fstack-clash-protection", "-Werror"}


def main(workspace, output):
    def bazel(*arguments):
        return subprocess.run(("bazel",) + arguments, cwd=workspace, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    execution_root = bazel("info", "execution_root").decode().strip()
    actions = json.loads(bazel("aquery", "--keep_going", "--output=jsonproto",
                               'mnemonic("CppCompile", //...)'))
    commands = {}
    for action in actions["actions"]:
        arguments = [a for a in action["arguments"] if a not in GCC_ONLY]
        source = arguments[arguments.index("-c") + 1]
        # Both a position independent object and another one may be made.
        commands[source] = {"directory": execution_root, "file": f"{workspace}/{source}",
                            "arguments": arguments}
    with open(output, "w", encoding="utf-8") as file:
        json.dump(list(commands.values()), file, indent=1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

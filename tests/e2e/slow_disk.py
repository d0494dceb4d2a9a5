"""A disk whose syncs wait for as long as a test wants."""

import atexit
import pathlib
import shutil
import subprocess
import tempfile

from harness import wait_until

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_gate(void) {
    const char *gate = getenv("SYNC_GATE");
    const char *held = getenv("SYNC_HELD");
    while (access(gate, F_OK) == 0) {
        close(open(held, O_CREAT | O_WRONLY, 0600));
        usleep(2000);
    }
}

int fdatasync(int fd) {
    wait_for_gate();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int fsync(int fd) {
    wait_for_gate();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
"""

_built = []


def _shim():
    """The library to preload, built once."""
    if not _built:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-shim-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        source = folder / "shim.c"
        source.write_text(SHIM, encoding="utf-8")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", folder / "shim.so", source, "-ldl"],
                       check=True)
        _built.append(folder / "shim.so")
    return _built[0]


class SlowDisk:
    """While it is stopped, every sync of a program started with its prefix waits."""

    def __init__(self, folder):
        self.gate = pathlib.Path(folder) / "gate"
        self.held = pathlib.Path(folder) / "held"

    def prefix(self):
        return ("env", f"LD_PRELOAD={_shim()}", f"SYNC_GATE={self.gate}", f"SYNC_HELD={self.held}")

    def stop(self):
        self.held.unlink(missing_ok=True)
        self.gate.touch()

    def await_held(self):
        wait_until(self.held.exists, "a sync that waits")

    def go_on(self):
        self.gate.unlink(missing_ok=True)

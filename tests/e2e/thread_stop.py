"""Stops one thread of another process, or takes a descriptor from it, as a fault would."""

import contextlib
import ctypes
import os
import pathlib
import socket

PTRACE_DETACH = 17
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WALL = 0x40000000
SYS_PIDFD_GETFD = 438

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, tid):
    if _libc.ptrace(request, tid, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace({request:#x}) of thread {tid}")


def stop_thread(pid, name):
    """Stops the thread of that name, and no other, until the process ends. Returns its id:
    who calls is its tracer, and must reap it before the process can be reaped."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text(encoding="ascii").strip() == name:
            _ptrace(PTRACE_SEIZE, int(task.name))
            _ptrace(PTRACE_INTERRUPT, int(task.name))
            os.waitpid(int(task.name), WALL)
            return int(task.name)
    raise AssertionError(f"process {pid} has no thread {name}")


def let_thread_go(tid):
    """Has a thread that was stopped go on; by the thread that stopped it."""
    _ptrace(PTRACE_DETACH, tid)


def reap_thread(tid):
    """Waits until a thread that was stopped has ended with its process."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(tid, WALL)


def listening_sockets(pid):
    """Copies of the listening sockets of a process, as socket objects."""
    pidfd = os.pidfd_open(pid)
    try:
        for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            if not os.readlink(entry).startswith("socket:"):
                continue
            fd = _libc.syscall(SYS_PIDFD_GETFD, pidfd, int(entry.name), 0)
            if fd < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            copy = socket.socket(fileno=fd)
            if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                yield copy
            else:
                copy.close()
    finally:
        os.close(pidfd)

"""A stand-in for systemd: hands over sockets, and takes what a program says of itself."""

import fcntl
import os
import socket
import subprocess
import threading
import time

from harness import DEADLINE_S, Process

# Whose process the sockets are for is its own number: known only to itself.
HAND_OVER = r"""
number=3
for fd in $SOCKETS; do eval "exec $number<&$fd $fd<&-"; number=$((number + 1)); done
unset SOCKETS
export LISTEN_PID=$$ WATCHDOG_PID=$$
exec "$@"
"""


class Manager:
    """One unit: its sockets by name, and the messages of its program."""

    def __init__(self, folder, watchdog_s=None):
        self.sockets = {}
        self.watchdog_s = watchdog_s
        self.path = str(folder / "notify")
        self.messages = []  # (when, {key: value})
        self.changed = threading.Condition()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.path)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = self.notify.recv(65536)
            except OSError:
                return
            message = dict(line.split("=", 1) for line in data.decode().splitlines())
            with self.changed:
                self.messages.append((time.monotonic(), message))
                self.changed.notify_all()

    def listen(self, name, path=None):
        """Opens a socket as a .socket unit does; returns its port."""
        if path is None:
            listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        else:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen(1024)
        # Out of the way of the numbers that systemd uses.
        self.sockets[name] = fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD, 100)
        port = listener.getsockname()[1] if path is None else None
        listener.close()
        return port

    def start(self, *command):
        """Starts the program; returns it as a Process."""
        given = {"NOTIFY_SOCKET": self.path}
        if self.sockets:
            given["SOCKETS"] = " ".join(map(str, self.sockets.values()))
            given["LISTEN_FDS"] = str(len(self.sockets))
            given["LISTEN_FDNAMES"] = ":".join(self.sockets)
        if self.watchdog_s:
            given["WATCHDOG_USEC"] = str(int(self.watchdog_s * 1e6))
        for fd in self.sockets.values():
            os.set_inheritable(fd, True)
        variables = [f"{name}={value}" for name, value in given.items()]
        return Inheriting(self.sockets.values(), "env", *variables, "bash", "-c", HAND_OVER, "bash",
                          *command)

    def wait_for(self, key, value=None, after=0.0):
        """Returns (when, message) of the first that has it, later than after."""
        end = time.monotonic() + DEADLINE_S
        with self.changed:
            while True:
                for when, message in self.messages:
                    if when > after and key in message and value in (None, message[key]):
                        return when, message
                if not self.changed.wait(end - time.monotonic()):
                    raise AssertionError(f"no {key}={value} came: {self.messages}")

    def said(self, key):
        """When it said so."""
        with self.changed:
            return [when for when, message in self.messages if key in message]

    def close(self):
        for fd in self.sockets.values():
            os.close(fd)
        self.sockets = {}
        self.notify.close()


class Inheriting(Process):
    """A program that gets open sockets."""

    def __init__(self, fds, *command):
        self.fds = tuple(fds)
        super().__init__(*command)

    def spawn(self, command):
        return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                pass_fds=self.fds)

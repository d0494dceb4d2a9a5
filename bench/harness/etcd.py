"""etcd 3.4, Debian's, whose watches are measured beside ours."""

import os
import shutil
import socket

from harness import processes

NONE = "none"  # of --peer: nothing is measured beside ours
PROGRAM = "etcd"


class Etcd:
    """A server of its own over an empty store, in a folder that is removed at the stop."""

    service = "etcd"
    token = None

    def __init__(self, folder):
        self._folder = os.path.join(folder, PROGRAM)
        self._server = None
        self.tcp = f"127.0.0.1:{processes.free_port()}"
        self._peers = f"127.0.0.1:{processes.free_port()}"

    def start(self):
        shutil.rmtree(self._folder, ignore_errors=True)
        os.makedirs(self._folder)
        self._server = processes.Process(PROGRAM, [
            PROGRAM, "--data-dir", "data", "--log-level", "error",
            "--listen-client-urls", f"http://{self.tcp}",
            "--advertise-client-urls", f"http://{self.tcp}",
            "--listen-peer-urls", f"http://{self._peers}",
            "--initial-advertise-peer-urls", f"http://{self._peers}",
            "--initial-cluster", f"default=http://{self._peers}"], self._folder)
        host, port = self.tcp.split(":")
        processes.wait_until_listening(self._server, socket.AF_INET, (host, int(port)))

    @property
    def pid(self):
        return self._server.pid

    def stop(self):
        if self._server is not None:
            self._server.stop()
            self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)

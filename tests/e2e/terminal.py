"""A program at a terminal: what it prints there, what is typed, and what the terminal shows."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

from harness import DEADLINE_S


class Terminal:
    """Runs a command whose standard files are a terminal so many columns wide; keeps all that the
    terminal shows, what is typed and echoed included."""

    def __init__(self, command, columns=80, env=None):
        self.shown = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for ignored in (signal.SIGINT, signal.SIGQUIT):  # by who runs the tests in the background
                signal.signal(ignored, signal.SIG_DFL)
            os.environ.update(env or {})
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execv(command[0], list(command))
        self.status = None

    def _read(self, end):
        """Reads what is there; returns whether the terminal is still open."""
        ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing more came: {self.shown!r}")
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # EIO: the program has ended
            return False
        self.shown += piece
        return bool(piece)

    def wait_for(self, text):
        end = time.monotonic() + DEADLINE_S
        while text not in self.shown:
            if not self._read(end):
                raise AssertionError(f"ended before {text!r}: {self.shown!r}")

    def wait_for_echo(self, is_on):
        end = time.monotonic() + DEADLINE_S
        while bool(termios.tcgetattr(self.fd)[3] & termios.ECHO) != is_on:
            if time.monotonic() > end:
                raise AssertionError(f"echo never became {is_on}")
            time.sleep(0.01)

    def resize(self, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, keys):
        os.write(self.fd, keys)

    def finish(self):
        """Reads to the end; returns the exit status, negative for a signal, and the lines."""
        end = time.monotonic() + DEADLINE_S
        while self._read(end):
            pass
        status = os.waitpid(self.pid, 0)[1]
        self.status = os.waitstatus_to_exitcode(status)
        os.close(self.fd)
        return self.status, self.shown.decode().replace("\r\n", "\n").splitlines()

    def kill(self):
        """For clean-up: ends what has not ended."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.fd)

"""Starting programs, and what /proc tells of them."""

import os
import signal
import socket
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 30
STOP_SECONDS = 30


class BenchError(Exception):
    """Something that ends the benchmark; its text is one line for the user."""


class Process:
    """A server that was started and is stopped again."""

    def __init__(self, name, command, folder):
        self.name = name
        self.log_path = os.path.join(folder, name + ".log")
        with open(self.log_path, "wb") as log:
            self._popen = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=subprocess.STDOUT)
        self.pid = self._popen.pid

    def alive(self):
        return self._popen.poll() is None

    def log_tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            lines = log.read().splitlines()
        return lines[-1] if lines else "it printed nothing"

    def kill(self):
        """Ends it as kill -9 does."""
        self._popen.kill()
        self._popen.wait()

    def stop(self):
        if self.alive():
            self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def cpu_seconds(pid):
    """User and system time that the process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return parse_cpu_ticks(stat.read()) / TICKS_PER_SECOND


def _stat(pid):
    """The text of /proc/PID/stat; None where there is no such process (any more)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read()
    except OSError:
        return None


def cpu_seconds_or_0(pid):
    """As cpu_seconds; 0 of a process that has ended."""
    stat = _stat(pid)
    return 0 if stat is None else parse_cpu_ticks(stat) / TICKS_PER_SECOND


def cpu_seconds_of_children(pid):
    """What its children that have ended, and theirs, had used."""
    return parse_childrens_ticks(_stat(pid)) / TICKS_PER_SECOND


def parent(pid):
    """The process that started it; None where there is none."""
    stat = _stat(pid)
    return None if stat is None else parse_parent(stat)


def parse_parent(stat):
    return int(stat[stat.rindex(")") + 2:].split()[1])


def parse_state(stat):
    """The letter of /proc/PID/stat that says what the process does."""
    return stat[stat.rindex(")") + 2]


def parse_cpu_ticks(stat):
    """utime + stime of /proc/PID/stat, whose second field may hold anything."""
    fields = stat[stat.rindex(")") + 2:].split()
    return int(fields[11]) + int(fields[12])


def parse_childrens_ticks(stat):
    """cutime + cstime."""
    fields = stat[stat.rindex(")") + 2:].split()
    return int(fields[13]) + int(fields[14])


def moved_bytes(pid):
    """Bytes that the process's read and write calls have moved so far. Those of sockets, which
    our servers call recvmsg and sendmsg for, are not among them (proc(5), rchar)."""
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        return parse_moved_bytes(file.read())


def parse_moved_bytes(text):
    fields = dict(line.split(": ") for line in text.splitlines())
    return int(fields["rchar"]), int(fields["wchar"])


def machine_cpu_seconds():
    """CPU time of the whole machine that was not idle, since it was started."""
    with open("/proc/stat", encoding="ascii") as stat:
        return parse_machine_ticks(stat.readline()) / TICKS_PER_SECOND


def parse_machine_ticks(line):
    """All but idle and iowait of /proc/stat's first line; what a host took for
    other machines (steal) counts, guests do not count twice."""
    user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
    return user + nice + system + irq + softirq + steal


def _status_kib(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0


def rss_kib(pid):
    """Memory that is resident now."""
    return _status_kib(pid, "VmRSS")


def peak_rss_mib(pid):
    return _status_kib(pid, "VmHWM") / 1024


def settle(pids, quiet_seconds=0.2, at_most_seconds=5):
    """Waits until the processes use no more CPU: what they put off is done."""
    deadline = time.monotonic() + at_most_seconds
    before = sum(map(cpu_seconds, pids))
    while time.monotonic() < deadline:
        time.sleep(quiet_seconds)
        now = sum(map(cpu_seconds, pids))
        if now - before <= 1 / TICKS_PER_SECOND:
            return
        before = now


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until_listening(process, family, address):
    """Waits until the process accepts connections at the address."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if not process.alive():
            raise BenchError(f"{process.name} ended at its start: {process.log_tail()}")
        with socket.socket(family) as s:
            try:
                s.connect(address)
                return
            except OSError:
                time.sleep(0.02)
    raise BenchError(f"{process.name} does not listen after {READY_SECONDS} s: "
                     f"{process.log_tail()}")


def run(command, folder, seconds):
    """Runs a program to its end and returns what it printed."""
    try:
        result = subprocess.run(command, cwd=folder, timeout=seconds, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{os.path.basename(command[0])} did not end within {seconds} s") from error
    if result.returncode != 0:
        lines = result.stderr.decode(errors="replace").strip().splitlines()
        raise BenchError(f"{os.path.basename(command[0])} failed: "
                         f"{lines[-1] if lines else result.returncode}")
    return result.stdout.decode()

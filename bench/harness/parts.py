"""What the parts can do by themselves, measured in the same run."""

import json
import os
import re
import select
import subprocess

from harness import processes

REPLY_BYTES = 1536
ECHO_TARGETS = 1000
STORAGE_RUNS = 60000
STORAGE_ROW = re.compile(r"^(\w+)\s+([\d.]+) ops/s\s+([\d.]+) us CPU/op\b", re.MULTILINE)
RPC_ROW = re.compile(r"^(.+?)\s+(at once|in thread)\s+([\d.]+)\s+([\d.]+)$", re.MULTILINE)


class HttpEcho:
    """A raw HTTP server that replies at once."""

    def __init__(self, programs, folder):
        self._programs = programs
        self._folder = folder
        self._popen = subprocess.Popen([programs["http_echo"], str(REPLY_BYTES)],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        ready, _, _ = select.select([self._popen.stdout], [], [], processes.READY_SECONDS)
        words = self._popen.stdout.readline().split() if ready else []
        if len(words) != 2 or words[0] != b"port":
            self.stop()
            raise processes.BenchError("http_echo did not start")
        self._address = f"127.0.0.1:{int(words[1])}"
        with open(os.path.join(folder, "echo"), "w", encoding="ascii") as targets:
            targets.writelines(f"/v1/runs/run-{i:016d}\n" for i in range(ECHO_TARGETS))

    def measure(self, seconds, connections):
        """Returns the load report, with "cpuUs": the server's for one request."""
        before = processes.cpu_seconds(self._popen.pid)
        report = json.loads(processes.run(
            [self._programs["http_load"], "--connect", self._address, "--targets", "echo",
             "--header", "Authorization: Bearer " + "x" * 47, "--seconds", str(seconds),
             "--connections", str(connections)], self._folder, 600))
        cpu = processes.cpu_seconds(self._popen.pid) - before
        report["cpuUs"] = cpu * 1e6 / max(report["requests"], 1)
        return report

    def stop(self):
        self._popen.terminate()
        self._popen.wait()
        self._popen.stdout.close()


def measure_fdatasync(programs, folder, overwrite):
    command = [programs["fdatasync_bench"], "--file", "fdatasync", "--seconds", "1"]
    if overwrite:
        command.append("--overwrite")
    return json.loads(processes.run(command, folder, 60))


def measure_rpc(programs, folder):
    """Returns {(transport, "at once" | "in thread"): (calls/s, CPU µs of both sides)}."""
    return parse_rpc(processes.run([programs["rpc_bench"], "1"], folder, 120))


def parse_rpc(text):
    return {(transport, answered): (float(rate), float(cpu))
            for transport, answered, rate, cpu in RPC_ROW.findall(text)}


def measure_storage(programs, folder, outstanding):
    """Returns {operation: (operations/s, CPU µs)} of the SQLite store by itself, in random
    order."""
    command = [programs["storage_bench"], "--store", "sqlite:storage.db", "--runs",
               str(STORAGE_RUNS), "--outstanding", str(outstanding), "--shuffle"]
    return parse_storage(processes.run(command, folder, 600))


def parse_storage(text):
    return {name: (float(rate), float(cpu)) for name, rate, cpu in STORAGE_ROW.findall(text)}

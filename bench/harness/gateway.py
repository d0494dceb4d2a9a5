"""What the gateway adds to a direct gRPC call, and what a connection of its costs."""

import os
import re
import socket
import statistics

from harness import processes, table

DIRECT, THROUGH = "grpc-get-serve", "get"  # cases of the same servers and runs
IDLE_CONNECTIONS = 900  # within the 1,024 open files that most systems allow
TRANSCODE_ROW = re.compile(r"^(.+?)\s+([\d.]+) ns$", re.MULTILINE)
# What transcoding one request is, as transcode_bench names it.
STEPS = ("match POST /v1/runs/{id}/cancel", "encode a cancel request", "write the run")
WRITE = "write the run"
# Others' JSON writers on the same bytes.
WRITERS = (("upb", "write the run, upb (parse and write)"),
           ("libprotobuf", "write the run, libprotobuf (parse and write)"))
DESCRIPTOR_SET = "protos/runs_descriptor_set.binpb"


def measure_transcoding(programs, folder):
    """Returns {what: CPU µs} of the transcoder by itself."""
    return parse_transcoding(processes.run(
        [programs["transcode_bench"], os.path.join(programs["bin"], DESCRIPTOR_SET), "0.5"],
        folder, 120))


def parse_transcoding(text):
    return {name: float(ns) / 1000 for name, ns in TRANSCODE_ROW.findall(text)}


def measure_idle_connections(target, run):
    """Returns the KiB that a connection makes a server's process larger by, once it
    is idle after one request."""
    host, port = target.http.split(":")
    request = (f"GET /v1/runs/{run} HTTP/1.1\r\nHost: {target.http}\r\n"
               f"Authorization: Bearer {target.token}\r\n\r\n").encode()
    pid = target.pids()[-1]
    connections = []
    try:
        for number in range(IDLE_CONNECTIONS + 1):
            if number == 1:
                before = processes.rss_kib(pid)  # with what the first request made it allocate
            connections.append(socket.create_connection((host, int(port)), timeout=10))
            connections[-1].sendall(request)
            if not connections[-1].recv(65536).startswith(b"HTTP/1.1 200 "):
                raise processes.BenchError("a request for the idle connections was refused")
        return (processes.rss_kib(pid) - before) / IDLE_CONNECTIONS
    finally:
        for connection in connections:
            connection.close()


def added(measured):
    """The medians (through the gateway, direct, their difference) of the CPU µs for one
    request, of {case name: measurements}; None if not both were measured. The
    difference is taken in each round, whose two measurements the machine treated
    alike."""
    if not measured.get(THROUGH) or not measured.get(DIRECT):
        return None
    pairs = list(zip(measured[THROUGH], measured[DIRECT]))
    return (statistics.median(t.cpu_us for t, _ in pairs),
            statistics.median(d.cpu_us for _, d in pairs),
            statistics.median(t.cpu_us - d.cpu_us for t, d in pairs))


def rows(measured, transcoding, idle_kib):
    """The gateway's own table; none if nothing was measured for it."""
    lines = []
    medians = added(measured)
    if medians is not None:
        through, direct, difference = medians
        lines += [("REST GET of a run, CPU µs of the server", table.number(through)),
                  ("gRPC GET of a run, CPU µs of the server", table.number(direct)),
                  ("added by the gateway, CPU µs", table.number(difference))]
    if all(step in transcoding for step in STEPS):
        lines.append(("of which match, bind and encode, CPU µs",
                      table.number(sum(transcoding[step] for step in STEPS))))
    for name, step in WRITERS:
        if WRITE in transcoding and step in transcoding:
            lines.append((f"JSON of a run, time of {name} to ours",
                          table.number(transcoding[step] / transcoding[WRITE])))
    if idle_kib is not None:
        lines.append(("an idle connection, KiB", table.number(idle_kib)))
    return [("the gateway", "")] + lines if lines else []

"""Makes a history against the real server, which is killed and paused in the middle, and checks it.

usage: storm.py [--seed N] [--seconds N] [--rounds N] [--processes N] [--keep FILE]
script/histories runs it.
RUNSD_BIN_DIR names the folder of what Bazel built (bazel-bin).

Some client processes of several threads each (client.py) create runs and do to them whatever a
client may: each run is fought over by all of them at the same moment, and again when its lease or
its deadlines end. Meanwhile the server is killed with -9 and started again, and stopped and
continued, at random. Then it is left alone until everything due must have happened, the events are
read, and checker.py decides.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import grpc  # noqa: E402

import checker  # noqa: E402
import client  # noqa: E402
import history  # noqa: E402
import model  # noqa: E402
import stubs  # noqa: E402
from harness import DEADLINE_S, Place, Serve, create_token  # noqa: E402

ORGANIZATION = "acme"
THREADS = 8  # of a client process
GAP_S = 0.025  # from the birth of one run to that of the next
# For how long the server is left alone at the end, and what it may take to notice what is due. The
# longest lease and deadline are 2 s, and a start gives a lease its full duration once more.
QUIET_S = 10
PATIENCE_US = 4_000_000
# A pause from which on a lease must begin again, as after a start.
LONG_PAUSE_S = 1.2


def free_port():
    """A port that nobody listens on: the server comes back at the same one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def micros_now(offset_us):
    return time.monotonic_ns() // 1000 + offset_us


class Server:
    """The server under test, and when it was disturbed."""

    def __init__(self, store, rng, offset_us, recorded, is_killed):
        self.store = store
        self.is_killed = is_killed
        self.random = rng
        self.offset_us = offset_us
        self.recorded = recorded
        self.address = f"127.0.0.1:{free_port()}"
        self.kills = self.pauses = 0
        self.start()

    def start(self):
        self.recorded.starts.append(micros_now(self.offset_us))
        self.process = Serve(self.store, grpc=(self.address,))

    def disturb(self):
        since = micros_now(self.offset_us)
        chosen = self.random.random()
        if chosen < 0.4 and self.is_killed:
            self.process.kill()
            self.start()
            self.kills += 1
        else:
            self.pause(self.random.uniform(0.002, 0.08) if chosen < 0.8 else
                       self.random.uniform(0.3, 1.6))
        self.recorded.disturbed.append((since, micros_now(self.offset_us)))

    def pause(self, seconds):
        os.kill(self.process.popen.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            if seconds >= LONG_PAUSE_S:
                self.recorded.starts.append(micros_now(self.offset_us))
            os.kill(self.process.popen.pid, signal.SIGCONT)
        self.pauses += 1

    def end(self):
        """Stops it if all went well, as a part of the test; kills it else."""
        return self.process.stop()

    def kill(self):
        if self.process.popen.poll() is None:
            self.process.kill()


class Clients:
    """The client processes. addresses: that of the first one, of the second one and so on, and of
    the first again."""

    def __init__(self, options, token, addresses, offset_us, folder, gap_s=GAP_S):
        self.paths = [f"{folder}/operations-{i}" for i in range(options.processes)]
        start = time.monotonic() + 1.5  # after all have begun
        self.until = start + options.seconds
        self.processes = []
        for i, path in enumerate(self.paths):
            settings = {"stubs": stubs.FOLDER, "target": addresses[i % len(addresses)],
                        "token": token, "seed": options.seed, "name": f"p{i}", "threads": THREADS,
                        "gap_s": gap_s, "start": start, "until": self.until, "offset_us": offset_us, "path": path}
            self.processes.append(subprocess.Popen(
                [sys.executable, "-B", str(HERE / "client.py"), json.dumps(settings)]))

    def end(self):
        """Has them end as if their time were over."""
        for process in self.processes:
            process.terminate()

    def join(self):
        for process in self.processes:
            if process.wait(DEADLINE_S) != 0:
                raise AssertionError(f"a client ended with status {process.returncode}")

    def kill(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(DEADLINE_S)

    def operations(self):
        for path in self.paths:
            yield from history.read(path).operations


def read_events(target, token, runs):
    """run -> its events, and when they were all read."""
    found = {}
    with grpc.insecure_channel(target) as channel:
        service = stubs.service_grpc.RunsServiceStub(channel)
        for i in range(0, len(runs), 200):
            calls = [(run, service.ListRunEvents.future(
                stubs.service_pb2.ListRunEventsRequest(id=run), metadata=stubs.bearer(token),
                timeout=DEADLINE_S)) for run in runs[i:i + 200]]
            for run, call in calls:
                try:
                    events = call.result().events
                except grpc.RpcError as error:
                    if error.code() != grpc.StatusCode.NOT_FOUND:
                        raise
                    events = []
                sequences = [e.sequence for e in events]
                if sequences != list(range(1, len(events) + 1)):
                    raise checker.Violation(f"run {run}: the events' sequences are {sequences}")
                found[run] = [model.Event(*client.event_of(e), revision=e.revision)
                              for e in events]
    return found


def final_gets(target, token, recorded, offset_us):
    """Every run is read once more at the end, as an operation like the others."""
    with grpc.insecure_channel(target) as channel:
        service = stubs.service_grpc.RunsServiceStub(channel)
        for run, events in recorded.events.items():
            if not events:
                continue
            invoked = micros_now(offset_us)
            reply = service.GetRun(stubs.service_pb2.GetRunRequest(id=run),
                                   metadata=stubs.bearer(token), timeout=DEADLINE_S)
            recorded.add(run, {"op": "get"}, invoked, micros_now(offset_us),
                         client.run_outcome(reply))


def make(options, place):
    """Makes a history in place; returns it, and what was done to the server, as text."""
    recorded = history.History()
    offset_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000
    rng = random.Random(f"server {options.seed}")
    token = create_token(place.store, org=ORGANIZATION, name=client.ACTOR)
    server = Server(place.store, rng, offset_us, recorded, not options.no_kills)
    try:
        clients = Clients(options, token, [server.address], offset_us, place.path)
        try:
            while (left := clients.until - time.monotonic()) > 0:
                time.sleep(min(left, rng.uniform(0.3, 2.5)))
                server.disturb()
            clients.join()
        finally:
            clients.kill()
        for o in clients.operations():
            recorded.add(o.run, o.call, o.invoked, o.returned, o.outcome)
        time.sleep(QUIET_S)  # whatever is due by then must have happened without a client's help
        runs = sorted({o.run for o in recorded.operations if o.run is not None})
        recorded.end, recorded.patience_us = micros_now(offset_us), PATIENCE_US
        recorded.events = read_events(server.address, token, runs)
        final_gets(server.address, token, recorded, offset_us)
        if server.end() != 0:
            raise AssertionError(f"the server did not end well\n{server.process.tail()}")
    finally:
        server.kill()
    return recorded, f"{server.kills} kills, {server.pauses} pauses"


def interleavings(recorded):
    """How many runs had operations that overlapped, and how many pairs of them did."""
    spans = {}
    for o in recorded.operations:
        if o.run is not None and o.returned is not None:
            spans.setdefault(o.run, []).append((o.invoked, o.returned))
    runs = pairs = 0
    for of_run in spans.values():
        of_run.sort()
        count = sum(1 for i, (_, until) in enumerate(of_run)
                    for invoked, _ in of_run[i + 1:] if invoked <= until)
        runs += count > 0
        pairs += count
    return runs, pairs


def summary(recorded):
    """What happened, in numbers: so that a history in which nothing happened is seen."""
    kinds = {}
    for events in recorded.events.values():
        for e in events:
            name = f"{e.kind} by {model.SERVER}" if e.actor == model.SERVER else e.kind
            kinds[name] = kinds.get(name, 0) + 1
    reasons = {}
    for o in recorded.operations:
        name = "unknown" if o.outcome is None else o.outcome.get("reason") or o.outcome["code"]
        if o.call["op"] == "renew" and o.outcome and o.outcome["code"] == "OK":
            name = f"renewal {o.outcome['state']}"
        reasons[name] = reasons.get(name, 0) + 1
    return kinds, reasons


def storm(options, tell=print):
    """Makes a history and checks it; raises checker.Violation. Returns the history."""
    tell(f"seed {options.seed}")
    place = Place()
    try:
        recorded, disturbed = make(options, place)
    finally:
        place.remove()
    if options.keep:
        history.write(recorded, options.keep)
    counts = checker.check(recorded)
    kinds, reasons = summary(recorded)
    runs, pairs = interleavings(recorded)
    tell(f"{counts[0]} runs, {counts[1]} operations, {counts[2]} events, {disturbed}: explained")
    tell(f"{runs} runs with overlapping operations, {pairs} overlapping pairs")
    tell(f"events: {dict(sorted(kinds.items()))}")
    tell(f"answers: {dict(sorted(reasons.items()))}")
    return recorded


def parse(arguments):
    parser = argparse.ArgumentParser(prog="script/histories")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=1, help="each with a store of its own")
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--no-kills", action="store_true", help="pause the server only")
    parser.add_argument("--keep", metavar="FILE", help="write the history there, to check it again")
    return parser.parse_args(arguments)


def main():
    options = parse(None)
    for _ in range(options.rounds):
        try:
            storm(options, lambda text: print(text, flush=True))
        except checker.Violation as violation:
            sys.exit(f"seed {options.seed}: {violation}")
        options.seed += 1


if __name__ == "__main__":
    main()

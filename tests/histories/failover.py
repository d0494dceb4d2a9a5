"""Failovers of PostgreSQL under two runsd, with the histories' clients and checker.

usage: failover.py [--seed N] [--ttl N] [--faults NAME,...] [--processes N] [--keep] [N];
failover.py --canary; script/failover runs it. RUNSD_BIN_DIR names the folder of what Bazel built (bazel-bin).

deploy/local-ha is started in a folder of its own. In each round one thing breaks (faults.py) while
clients fight over the runs of a new organization, watchers follow its feed and a prober makes
changes without a pause. When all is whole again, the round's history must be one that the model
allows, each watcher's history the store's, and each change of the prober there, once.
"""

import argparse
import collections
import random
import os
import statistics
import subprocess
import sys
import time
import types

import storm  # first: it says where the modules are

import grpc

import checker
import client
import faults
import history
import prober
import stubs
import watch_storm
from cluster import Cluster
from harness import DEADLINE_S, create_token

GAP_S = 0.1  # from the birth of one run to that of the next
LONGEST_S = 300  # of a round's disturbance
# After the last client, until everything due must have happened.
QUIET_S = 8
# Between two messages of a stream: there may be none while there is no primary.
SILENCE_S = 90
# Without a change for longer than that, with nobody in the way, something is wrong.
RESUMED = 20  # changes, after which they are taken again
WATCHERS = ([{"form": "grpc", "filters": {}}] * 3 +
            [{"form": "grpc", "filters": {"status": ["cancelled", "failure"]}},
             {"form": "table", "filters": {}}, {"form": "sse", "filters": {}},
             {"form": "ndjson", "filters": {}}])


class Check:
    """A checker's process, so that the next round need not wait for it."""

    def __init__(self, recorded, path):
        history.write(recorded, path)
        self.path = path
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(storm.HERE / "checker.py"), str(path)], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def verdict(self):
        """None, or what is wrong."""
        _, said = self.process.communicate()
        return said.strip() or f"status {self.process.returncode}" \
            if self.process.returncode else None


def made_token(store, organization, name):
    """A new token; None: the database was not reached in time, as may be on a busy machine."""
    try:
        return create_token(store, org=organization, name=name)
    except AssertionError:
        return None


def knows(service, token):
    """Whether a server takes a token."""
    try:
        service.ListRuns(stubs.service_pb2.ListRunsRequest(), metadata=stubs.bearer(token),
                         timeout=DEADLINE_S)
        return True
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAUTHENTICATED:
            raise
        return False


def has_runs(target, token):
    with grpc.insecure_channel(target) as channel:
        reply = stubs.service_grpc.RunsServiceStub(channel).ListRuns(
            stubs.service_pb2.ListRunsRequest(), metadata=stubs.bearer(token), timeout=DEADLINE_S)
        return len(reply.runs) > 0


class Round:
    """One disturbance. Everything that is about it: its organization, its clients, its results."""

    def __init__(self, cluster, number, fault, seed, processes=2):
        self.cluster = cluster
        self.number = number
        self.processes = processes  # of clients
        self.fault = fault
        self.random = random.Random(f"round {seed} {number}")
        self.seed = self.random.randrange(1 << 32)
        self.offset_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self.recorded = history.History()
        self.recorded.patience_us = storm.PATIENCE_US
        self.victim = ""
        self.moved = ""
        self.unavailable_s = 0.0
        self.nudges = 0
        self.answers = {}
        self.checks = {}

    def now(self):
        return storm.micros_now(self.offset_us)

    def target(self, number=0):
        """Both servers; another one first for each number."""
        ports = self.cluster.settings["GRPC_PORTS"]
        ports = ports[number % len(ports):] + ports[:number % len(ports)]
        return "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)

    def token(self, organization, name):
        """A token that both servers know: each hears of it within a second."""
        token = self.cluster.wait(lambda: made_token(self.cluster.store, organization, name),
                                  "a token", 30)
        for port in self.cluster.settings["GRPC_PORTS"]:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                service = stubs.service_grpc.RunsServiceStub(channel)
                self.cluster.wait(lambda: knows(service, token), "a new token", 10)
        return token

    def run(self):
        token = self.token(f"round-{self.number}", client.ACTOR)
        probed = self.token(f"round-{self.number}-probed", prober.ACTOR)
        folder = self.cluster.folder / f"round{self.number}"
        folder.mkdir()
        options = types.SimpleNamespace(seed=self.seed, processes=self.processes, seconds=LONGEST_S,
                                        keep_events=0)
        ends = types.SimpleNamespace(grpc=self.target(self.number), http=self.cluster.http)
        wanted = [{"name": f"{spec['form']}-{i}", **spec} for i, spec in enumerate(WATCHERS)]
        watchers = watch_storm.Watchers(
            ends, token, watch_storm.first_cursor(self.target(), token), wanted, options, folder,
            SILENCE_S)
        clients = probe = None
        try:
            clients = storm.Clients(options, token, [self.target(0), self.target(1)],
                                    self.offset_us, folder, GAP_S)
            probe = prober.Prober(self.cluster.http, probed, self.now)
            self.disturb(probe, watchers, token)
            clients.end()
            clients.join()
        finally:
            if clients is not None:
                clients.kill()
            try:
                if probe is not None:
                    probe.end()
            finally:
                if sys.exc_info()[0] is not None:
                    watchers.kill()
        try:
            for o in clients.operations():
                self.recorded.add(o.run, o.call, o.invoked, o.returned, o.outcome)
            time.sleep(QUIET_S)
            self.read(token, self.recorded)
            self.check_feed(token, watchers, wanted)
        finally:
            watchers.kill()
        self.read(probed, probe.recorded)
        probe.check_refusals(probe.recorded.events)
        self.answers = probe.answers
        self.checks = {"runs": Check(self.recorded, folder / "history"),
                       "prober": Check(probe.recorded, folder / "probed")}

    def disturb(self, probe, watchers, token):
        cluster, nudges = self.cluster, self.cluster.nudges
        cluster.wait(lambda: probe.count_since(0) >= RESUMED, "the first changes")
        cluster.wait(lambda: has_runs(self.target(), token), "the first runs of the clients")
        time.sleep(2 + self.random.uniform(0, 2))
        primary = cluster.node_that_is("primary")
        since, since_us = time.monotonic(), self.now()
        steps = self.fault.begin(cluster, self.random)
        self.victim = next(steps)
        if self.fault.fails_over:
            cluster.wait(lambda: cluster.node_that_is("primary", besides=primary), "a new primary")
        resumed = time.monotonic() if self.fault.fails_over else since + 1
        try:
            cluster.wait(lambda: probe.count_since(resumed) >= RESUMED, "changes", 60)
        except AssertionError:
            if self.fault.fails_over:
                raise  # else they may wait for what is healed now
        next(steps, None)
        cluster.become_whole()
        whole = time.monotonic()
        cluster.wait(lambda: probe.count_since(whole) >= RESUMED, "changes")
        watchers.say("served")
        self.recorded.disturbed.append((since_us, self.now()))
        self.unavailable_s = probe.longest_gap(since, whole)
        now_primary = cluster.node_that_is("primary")
        self.moved = f"{primary}>{now_primary}" if now_primary != primary else ""
        self.nudges = cluster.nudges - nudges
        time.sleep(2)

    def read(self, token, recorded):
        """All events and the state of all runs, when everything due must have happened."""
        runs = sorted({o.run for o in recorded.operations if o.run is not None})
        recorded.end, recorded.patience_us = self.now(), storm.PATIENCE_US
        recorded.events = storm.read_events(self.target(), token, runs)
        storm.final_gets(self.target(1), token, recorded, self.offset_us)

    def check_feed(self, token, watchers, wanted):
        runs = sorted(run for run, events in self.recorded.events.items() if events)
        stored = watch_storm.stored_changes(self.target(), token, runs)
        watchers.say(f"end {len(stored)}")
        by_name = {spec["name"]: spec for spec in wanted}
        table = watch_storm.live_table(stored)
        workflows = collections.defaultdict(str)
        for result in watchers.results():
            watch_storm.check_watcher(result, by_name[result["name"]], stored, workflows, table)

    def verdict(self):
        wrong = [f"{name} ({check.path}): {said}" for name, check in self.checks.items()
                 if (said := check.verdict())]
        return "\n".join(wrong) or None

    def row(self, name):
        unsure = sum(1 for o in self.recorded.operations if o.outcome is None)
        told = " ".join(f"{reason}:{n}" for reason, n in sorted(self.answers.items())
                        if reason != "OK")
        events = sum(len(e) for e in self.recorded.events.values())
        return (f"{self.number:>3} {name:<14}{self.victim:<18}{self.moved or '-':<5}"
                f"{self.unavailable_s:>7.2f} s {len(self.recorded.operations):>6} operations "
                f"({unsure} unknown), {events} events; prober {self.answers.get('OK', 0)} OK {told}"
                + (f"; Patroni pushed {self.nudges} times" if self.nudges else ""))


def summary(rounds):
    """Lines: of each fault, and of those that moved the primary, for how long nothing went."""
    by_fault = collections.defaultdict(list)
    for name, one in rounds:
        by_fault[name].append(one.unavailable_s)
        if one.moved:
            by_fault["all failovers"].append(one.unavailable_s)
    yield f"{'fault':<16}{'times':>6}{'median':>10}{'max':>10}"
    for name, times in sorted(by_fault.items(), key=lambda item: item[0] == "all failovers"):
        yield f"{name:<16}{len(times):>6}{statistics.median(times):>8.2f} s{max(times):>8.2f} s"


def failovers(options, tell=print):
    """Runs them; returns what is wrong: none, if all is well."""
    tell(f"seed {options.seed}, ttl {options.ttl} s")
    rng = random.Random(f"faults {options.seed}")
    cluster = Cluster(options.ttl)
    os.environ["PGPASSFILE"] = str(cluster.folder / "passfile")
    done, wrong = [], []

    def settle(name, one):
        if (said := one.verdict()) is not None:
            wrong.append(f"round {one.number}, {name}: {said}")
            tell(f"    WRONG: {said.splitlines()[0]}")
    try:
        names = faults.chosen(rng, options.faults)
        for number, name in zip(range(1, options.rounds + 1), names):
            one = Round(cluster, number, faults.FAULTS[name], options.seed,
                        options.processes)
            try:
                one.run()
            except checker.Violation as violation:
                wrong.append(f"round {number}, {name}: {violation}")
                tell(f"    WRONG: {str(violation).splitlines()[0]}")
            tell(one.row(name))
            if done:
                settle(*done[-1])
            done.append((name, one))
        settle(*done[-1])
    except BaseException as error:
        tell(f"{type(error).__name__}: what was there is left in {cluster.folder}")
        for line in summary(done):
            tell(line)
        cluster.leave()
        raise
    if wrong or options.keep:
        tell(f"what was there is left in {cluster.folder}")
        cluster.leave()
    else:
        cluster.remove()
    for line in summary(done):
        tell(line)
    moved = sum(1 for _, one in done if one.moved)
    tell(f"{len(done)} faults, {moved} failovers: " + (f"{len(wrong)} WRONG" if wrong else
         "no acknowledged change lost or doubled, feeds without a gap and in order"))
    return wrong


def parse(arguments):
    parser = argparse.ArgumentParser(prog="script/failover")
    parser.add_argument("rounds", type=int, nargs="?", default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--ttl", type=int, default=20)
    parser.add_argument("--faults", type=lambda text: text.split(","), default=list(faults.FAULTS))
    parser.add_argument("--processes", type=int, default=2, help="of clients")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--canary", action="store_true")
    options = parser.parse_args(arguments)
    for name in options.faults:
        if name not in faults.FAULTS:
            parser.error(f"no such fault: {name}; there are {', '.join(faults.FAULTS)}")
    return options


def main():
    options = parse(None)
    tell = lambda text: print(text, flush=True)  # noqa: E731
    if options.canary:
        import failover_canary
        sys.exit(0 if failover_canary.run(options, tell) else 1)
    if wrong := failovers(options, tell):
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()

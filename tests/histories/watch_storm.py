"""Watchers that end and resume their streams at random while runs change and the server is killed.

usage: watch_storm.py [--seed N] [--watchers N] [--changes N] [--kills N]; script/histories --watch
runs it. RUNSD_BIN_DIR names the folder of what Bazel built (bazel-bin).

Each watcher goes on where its last cursor says, over gRPC, SSE or NDJSON, with filters or without.
At the end each one's whole history must be the store's events, those that its filters let through,
in order, each once; and the tables of live runs that some keep must be what the store says.
"""

import argparse
import collections
import json
import random
import subprocess
import sys
import threading
import time

import storm  # first: it says where the modules are

import grpc

import checker
import client
import stubs
import watcher
from harness import DEADLINE_S, Place, Serve, create_token

CHANGES_OF_A_RUN = 10
BATCH = 100  # runs that change at the same time
WORKFLOWS = 10
HOLDERS = 5
WATCHERS_OF_A_PROCESS = 25
ATTEMPT_S = 5  # for each call
# A stream says something at least every 5 s; what is silent for so long is lost.
SILENCE_S = 20
CATCH_UP_S = 600  # for the slowest watcher, once all changes were made


def filters_of(rng, number):
    """What watcher `number` asks for: the first ones differ, so that few are enough."""
    some_ids = [f"w{rng.randrange(2000)}" for _ in range(300)]
    return [{}, {"status": ["cancelled", "failure"]},
            {"workflowId": f"flow-{rng.randrange(WORKFLOWS)}"},
            {}, {"runIds": sorted(set(some_ids))}, {"holder": f"holder-{rng.randrange(HOLDERS)}"},
            {"workflowId": "nobody's"},
            {"workflowId": f"flow-{rng.randrange(WORKFLOWS)}", "status": ["waiting"]}][number % 8]


def specs(count, seed):
    rng = random.Random(f"watchers {seed}")
    forms = (["grpc"] * 7 + ["table", "sse", "ndjson"]) * (count // 10 + 1)
    found = []
    for i, form in enumerate(forms[:count]):
        filters = {} if form == "table" else filters_of(rng, i if form == "grpc" else i // 10)
        found.append({"name": f"{form}-{i}", "form": form, "filters": filters})
    return found


def lets_through(filters, change, workflow):
    """Whether a watch of these filters has the change, as feed.proto says."""
    _, run, _, kind, from_status, to_status, _, holder, *_ = change
    if "status" in filters and (to_status not in filters["status"] or
                                kind != "created" and from_status == to_status):
        return False
    return (filters.get("workflowId", workflow) == workflow and
            ("runIds" not in filters or run in filters["runIds"]) and
            filters.get("holder", holder) == holder)


class Changes:
    """Creates runs and changes them until so many changes were acknowledged."""

    def __init__(self, target, token, seed, wanted):
        self.wanted = wanted
        self.random = random.Random(f"changes {seed}")
        self.channel = grpc.insecure_channel(target, client.CHANNEL)
        self.service = stubs.service_grpc.RunsServiceStub(self.channel)
        self.metadata = stubs.bearer(token)
        self.done = 0
        self.workflows = {}  # run -> workflow
        self.attempts = {}  # run -> attempt

    def close(self):
        self.channel.close()

    def all(self, method, requests):
        """Calls until each has an answer; a refusal is one: an earlier try was not in vain."""
        pending = list(requests)
        while pending:
            calls = [(request, getattr(self.service, method).future(
                request, metadata=self.metadata, timeout=ATTEMPT_S)) for request in pending]
            pending = []
            for request, call in calls:
                try:
                    call.result()
                except grpc.RpcError as error:
                    if error.code() in client.UNKNOWN:
                        pending.append(request)
                        continue
                    if error.code().name not in ("ALREADY_EXISTS", "FAILED_PRECONDITION"):
                        raise
                self.done += 1
            if pending:
                time.sleep(0.02)

    def creation(self, run):
        request = stubs.service_pb2.CreateRunRequest()
        request.run.id = run
        request.run.workflow_definition.nodes.update({"root": {"type": "manual"}})
        request.run.workflow_id = self.workflows[run] = f"flow-{self.random.randrange(WORKFLOWS)}"
        self.attempts[run] = 0
        if self.random.random() < 0.5:
            self.attempts[run] = 1
            request.run.dispatch = stubs.run_pb2.RUN_DISPATCH_LEASE
            request.lease.holder = f"holder-{self.random.randrange(HOLDERS)}"
            request.lease.duration.seconds = 3600
        return request

    def report(self, run, status):
        return stubs.service_pb2.ReportRunRequest(id=run, status=client.WORDS.index(status),
                                                  attempt=self.attempts[run])

    def work(self):
        number = 0
        while self.done < self.wanted:
            runs = [f"w{number + i}" for i in range(BATCH)]
            number += BATCH
            self.all("CreateRun", [self.creation(run) for run in runs])
            for i in range(CHANGES_OF_A_RUN - 2):
                status = ("waiting", "running")[i % 2]
                self.all("ReportRun", [self.report(run, status) for run in runs])
            ends = {run: self.random.choice(["cancel", "success", "failure", "success", ""])
                    for run in runs}
            self.all("CancelRun", [stubs.service_pb2.CancelRunRequest(id=run)
                                   for run in runs if ends[run] == "cancel"])
            self.all("ReportRun", [self.report(run, ends[run]) for run in runs
                                   if ends[run] not in ("cancel", "")])


class Server:
    """The server, always at the same addresses."""

    def __init__(self, store, *options):
        self.store = store
        self.options = options
        self.grpc = f"127.0.0.1:{storm.free_port()}"
        self.http = f"127.0.0.1:{storm.free_port()}"
        self.kills = 0
        self.process = None
        self.start()

    def start(self):
        self.process = Serve(self.store, *self.options, grpc=(self.grpc,), http=self.http)

    def kill(self):
        self.process.kill()
        self.start()
        self.kills += 1


class Watchers:
    """The processes of watchers."""

    def __init__(self, server, token, cursor, wanted, options, folder, silence_s=SILENCE_S):
        self.paths = []
        self.processes = []
        for i in range(0, len(wanted), WATCHERS_OF_A_PROCESS):
            self.paths.append(f"{folder}/watchers-{i}")
            settings = {"stubs": stubs.FOLDER, "target": server.grpc, "http": server.http,
                        "token": token, "seed": options.seed, "cursor": cursor,
                        "keeps": options.keep_events, "path": self.paths[-1],
                        "silence_s": silence_s,
                        "watchers": wanted[i:i + WATCHERS_OF_A_PROCESS]}
            self.processes.append(subprocess.Popen(
                [sys.executable, "-B", str(storm.HERE / "watcher.py"), json.dumps(settings)],
                stdin=subprocess.PIPE, text=True))

    def say(self, text):
        for process in self.processes:
            process.stdin.write(text + "\n")
            process.stdin.flush()

    def results(self):
        for process in self.processes:
            if process.wait(CATCH_UP_S) != 0:
                raise AssertionError(f"watchers ended with status {process.returncode}")
        for path in self.paths:
            with open(path, encoding="utf-8") as lines:
                yield from map(json.loads, lines)

    def kill(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(DEADLINE_S)
            process.stdin.close()


def first_cursor(target, token):
    """Where the feed is before anything has happened."""
    with grpc.insecure_channel(target) as channel:
        reply = stubs.service_grpc.RunsServiceStub(channel).ListRuns(
            stubs.service_pb2.ListRunsRequest(watch_cursor=True), metadata=stubs.bearer(token),
            timeout=DEADLINE_S)
        if not reply.watch_cursor:
            raise checker.Violation("ListRuns gave no cursor")
        return reply.watch_cursor


def stored_changes(target, token, runs):
    """All events of the store as changes, in the order of their revisions, which have no gap."""
    found = []
    with grpc.insecure_channel(target) as channel:
        service = stubs.service_grpc.RunsServiceStub(channel)
        for i in range(0, len(runs), 200):
            calls = [service.ListRunEvents.future(
                stubs.service_pb2.ListRunEventsRequest(id=run), metadata=stubs.bearer(token),
                timeout=DEADLINE_S) for run in runs[i:i + 200]]
            for call in calls:
                found += [watcher.change_of(event) for event in call.result().events]
    found.sort()
    if [change[0] for change in found] != list(range(1, len(found) + 1)):
        raise checker.Violation("the store's revisions are not 1, 2, 3 and so on")
    return found


def live_table(changes):
    """Run -> [status, sequence] of the live runs, by all changes."""
    table = {}
    for change in changes:
        table[change[1]] = [change[5], change[2]]
    return {run: entry for run, entry in table.items() if entry[0] in ("running", "waiting")}


def expired_too_soon(spans, newest, kept):
    """Where a watch was told that its cursor is too old though what follows it had to be kept."""
    return [behind for _, behind in spans[:-1] if not kept or behind >= newest - kept]


def check_watcher(result, spec, changes, workflows, table, kept=0):
    """Raises checker.Violation if the watcher did not see exactly what it asked for."""
    def fail(text):
        raise checker.Violation(f"watcher {result['name']}, filters {str(spec['filters'])[:200]}: "
                                f"{text}")
    if result["violation"]:
        fail(result["violation"])
    spans = result["spans"]
    if soon := expired_too_soon(spans, len(changes), kept):
        fail(f"its cursor behind {soon} expired too soon")
    if result["table"] is not None:
        if result["table"] != table:
            odd = sorted(set(map(str, result["table"].items())) ^ set(map(str, table.items())))
            fail(f"its table is not the store's: {odd[:5]}")
        return 0
    followed = [c for begin, end in spans for c in changes[begin:end]]
    wanted = [c for c in followed if lets_through(spec["filters"], c, workflows[c[1]])]
    seen = collections.Counter(result["revisions"])
    missed = [c for c in wanted if c[0] not in seen]
    twice = [revision for revision, count in seen.items() if count > 1]
    strange = seen.keys() - {c[0] for c in wanted}
    if missed or twice or strange:
        fail(f"{len(missed)} missed: {missed[:3]}; {len(twice)} twice: {twice[:3]}; "
             f"{len(strange)} not asked for: {sorted(strange)[:3]}")
    if result["revisions"] != [c[0] for c in wanted]:
        fail("the order is not the store's")
    digest = 0
    for change in wanted:
        digest = watcher.chained(digest, change)
    if digest != result["digest"]:
        fail("the changes are not what the store says")
    return len(wanted)


def storm_of_watchers(options, tell=print):
    """Runs it; raises checker.Violation."""
    tell(f"seed {options.seed}")
    began = time.monotonic()
    place = Place()
    kept = [f"--feed-max-events={options.keep_events}"] if options.keep_events else []
    server = Server(place.store, *kept)
    watchers = None
    try:
        token = create_token(place.store, org=storm.ORGANIZATION, name=client.ACTOR)
        wanted = specs(options.watchers, options.seed)
        watchers = Watchers(server, token, first_cursor(server.grpc, token), wanted, options,
                            place.path)
        changes = Changes(server.grpc, token, options.seed, options.changes)
        failures = []

        def work():
            try:
                changes.work()
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)
        thread = threading.Thread(target=work)
        thread.start()
        kill_in_between(server, changes, thread, options, watchers)
        thread.join()
        changes.close()
        if failures:
            raise failures[0]
        made_s = time.monotonic() - began
        stored = stored_changes(server.grpc, token, sorted(changes.workflows))
        watchers.say(f"end {len(stored)}")
        table = live_table(stored)
        by_name = {spec["name"]: spec for spec in wanted}
        results = list(watchers.results())
        delivered = sum(check_watcher(r, by_name[r["name"]], stored, changes.workflows, table,
                                      options.keep_events) for r in results)
        if server.process.stop() != 0:
            raise AssertionError(f"the server did not end well\n{server.process.tail()}")
    finally:
        if watchers is not None:
            watchers.kill()
        if server.process.popen.poll() is None:
            server.process.kill()
        place.remove()
    streams = [r["streams"] for r in results]
    expired = sum(len(r["spans"]) - 1 for r in results)
    if options.keep_events:
        tell(f"{expired} cursors expired, none too soon")
    tell(f"{len(results)} watchers, {len(stored)} changes in {made_s:.0f} s, {server.kills} kills: "
         f"{delivered} deliveries, {sum(streams)} streams ({min(streams)} to {max(streams)} a "
         f"watcher), {sum(r['bookmarks'] for r in results)} bookmarks; each history is the store's; "
         f"{time.monotonic() - began:.0f} s in all")


def kill_in_between(server, changes, thread, options, watchers):
    """Kills the server when so many changes were made, at moments that the seed chooses."""
    rng = random.Random(f"kills {options.seed}")
    step = options.changes / (options.kills + 1)
    for i in range(options.kills):
        at = (i + rng.uniform(0.6, 1.4)) * step
        while changes.done < at and thread.is_alive():
            time.sleep(0.002)
        server.kill()
        watchers.say("served")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="script/histories --watch")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--watchers", type=int, default=100)
    parser.add_argument("--changes", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--keep-events", type=int, default=0, metavar="N",
                        help="the server keeps that many for watches only, and watchers are slow")
    return parser.parse_args(arguments)


def main():
    options = parse(None)
    try:
        storm_of_watchers(options, lambda text: print(text, flush=True))
    except checker.Violation as violation:
        sys.exit(f"seed {options.seed}: {violation}")


if __name__ == "__main__":
    main()

"""One client process of a history: threads that call the server and write down what they saw.

usage: client.py SETTINGS; a JSON object with
  stubs     the folder of the generated stubs
  target    the server's gRPC address
  token     a bearer token; its name is "client"
  seed, name, threads, gap_s
  start     when run 0 is born, until: when to stop, both in seconds of the monotonic clock
  offset_us what makes microseconds since the epoch of those of the monotonic clock
  path      the file of the operations, as history.py reads them
SIGTERM: stops now.
"""

import datetime
import json
import signal
import sys
import threading
import time

import grpc

from plan import LEASE_S, Plan, terms_of

ACTOR = "client"  # the token's name, which events have as their actor
WORDS = ("", "running", "waiting", "success", "failure", "cancelled")
KINDS = ("", "created", "status_changed", "acquired", "released", "lease_lost", "stopped")
STATES = ("", "held", "finished", "lost", "not_found")

# After these a client does not know whether its call did anything.
UNKNOWN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
           grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN,
           grpc.StatusCode.RESOURCE_EXHAUSTED)

CHANNEL = (("grpc.initial_reconnect_backoff_ms", 20), ("grpc.min_reconnect_backoff_ms", 100),
           ("grpc.max_reconnect_backoff_ms", 100), ("grpc.enable_retries", 0))


def micros(stamp):
    return stamp.seconds * 1_000_000 + stamp.nanos // 1_000 if stamp.seconds else 0


def micros_of_text(text):
    if not text:
        return 0
    then = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    since = then - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return since // datetime.timedelta(microseconds=1)


class Stubs:
    """The generated modules of a folder."""

    def __init__(self, folder):
        sys.path.insert(0, folder)
        from google.rpc import error_details_pb2, status_pb2
        from runs.v1 import feed_pb2, lease_pb2, run_pb2, runs_service_pb2, runs_service_pb2_grpc
        self.run = run_pb2
        self.feed = feed_pb2
        self.lease = lease_pb2
        self.service = runs_service_pb2
        self.grpc = runs_service_pb2_grpc
        self.details = error_details_pb2
        self.status = status_pb2

    def error_info(self, error):
        """The google.rpc.ErrorInfo of a grpc.RpcError; None if it has none."""
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                for packed in self.status.Status.FromString(value).details:
                    info = self.details.ErrorInfo()
                    if packed.Unpack(info):
                        return info
        return None


def run_outcome(run):
    return {"code": "OK", "status": WORDS[run.status], "attempt": run.lease.attempt,
            "holder": run.lease.holder, "finished_at": micros(run.finished_at),
            "stopped_at": micros(run.stopped_at)}


def event_of(event):
    """Of a RunEvent, in the order of model.Event."""
    return [KINDS[event.kind], WORDS[event.from_status], WORDS[event.to_status], event.attempt,
            event.holder, event.actor, event.reason, micros(event.at)]


class Client:
    """One thread."""

    def __init__(self, settings, stubs, channel, known, keyed, thread):
        self.settings = settings
        self.stubs = stubs
        self.service = stubs.grpc.RunsServiceStub(channel)
        self.metadata = (("authorization", f"Bearer {settings['token']}"),)
        self.name = f"{settings['name']}-{thread}"
        self.plan = Plan(settings["seed"], self.name, settings["gap_s"])
        self.known = known  # index -> {attempt: holder}, of all threads of the process
        self.keyed = keyed  # (index, method) -> (request, call, more_s), likewise: what has a key
        self.lines = []
        self.calls = 0

    def now(self):
        return time.monotonic_ns() // 1000 + self.settings["offset_us"]

    def record(self, run, call, invoked, outcome):
        """Of one call, as far as it is about one run. A client that knows no outcome knows no
        return either."""
        returned = None if outcome is None else self.returned
        self.lines.append({"operation": {"run": run, "invoked": invoked, "returned": returned,
                                         "call": call, "outcome": outcome}})

    def call(self, method, request, more_s=0.0):
        """Returns (reply, None), (None, the refusal as an outcome) or (None, None): unknown."""
        try:
            reply, call = getattr(self.service, method).with_call(
                request, metadata=self.metadata, timeout=self.plan.deadline_s() + more_s)
            self.returned = self.now()
            self.is_replayed = ("idempotency-replayed", "true") in call.initial_metadata()
            return reply, None
        except grpc.RpcError as error:
            self.returned = self.now()
            if error.code() in UNKNOWN:
                # The server may be gone: without a pause its absence would fill the history.
                time.sleep(self.plan.random.uniform(0, 0.1))
                return None, None
            outcome = {"code": error.code().name, "text": error.details()}
            info = self.stubs.error_info(error)
            if info is not None:
                outcome["reason"] = info.reason
                outcome["status"] = info.metadata.get("status", "")
                outcome["finished_at"] = micros_of_text(info.metadata.get("finishedAt", ""))
                outcome["actor"] = info.metadata.get("actor", "")
                for name in ("attempt", "sequence"):
                    if name in info.metadata:
                        outcome[name] = int(info.metadata[name])
            return None, outcome

    def work(self):
        while time.monotonic() < self.settings["until"]:
            since = time.monotonic() - self.settings["start"]
            if since < 0:
                time.sleep(-since)  # all begin at once
                continue
            index = self.plan.run(since)
            if index not in self.known:
                self.create(index)
                continue
            name = self.plan.operation(index, since - index * self.settings["gap_s"])
            getattr(self, name)(index)

    def tag(self):
        self.calls += 1
        return f"{self.name}-{self.calls}"

    def holder(self):
        """Mostly the thread's own name, sometimes a fresh one."""
        return self.name if self.plan.random.random() < 0.7 else self.tag()

    def lease(self, holder):
        request = self.stubs.lease.LeaseRequest(holder=holder)
        request.duration.seconds = LEASE_S
        return request, LEASE_S * 1_000_000

    def learn(self, index, attempt, holder=""):
        attempts = self.known.setdefault(index, {})
        if attempt:
            attempts[attempt] = holder or attempts.get(attempt, "")

    def attempt(self, index):
        return self.plan.attempt(self.known.get(index, {}))

    def create(self, index):
        terms = terms_of(self.settings["seed"], index)
        pb = self.stubs.run
        request = self.stubs.service.CreateRunRequest()
        request.run.id = f"r{index}"
        request.run.workflow_definition.nodes.update({"root": {"type": "manual"}})
        call = {"op": "create", "actor": ACTOR, "terms": terms}
        if terms["dispatch"] == "lease":
            request.run.dispatch = pb.RUN_DISPATCH_LEASE
            if terms.get("fails_on_lease_loss"):
                request.run.on_lease_loss = pb.LEASE_LOSS_FAILURE
            if self.plan.random.random() < 0.25:
                call["holder"] = self.holder()
                lease, call["lease_us"] = self.lease(call["holder"])
                request.lease.CopyFrom(lease)
        if "timeout_us" in terms:
            request.run.timeout.seconds = terms["timeout_us"] // 1_000_000
        if "waiting_timeout_us" in terms:
            request.run.waiting_timeout.seconds = terms["waiting_timeout_us"] // 1_000_000
        if "on_timeout" in terms:
            request.run.on_timeout = pb.RUN_STATUS_CANCELLED
        invoked = self.now()
        run, outcome = self.call("CreateRun", request)
        if run is not None:
            outcome = run_outcome(run)
        if outcome is not None:
            self.learn(index, (outcome.get("attempt") or 0), call.get("holder", ""))
        self.record(f"r{index}", call, invoked, outcome)

    def change(self, index, method, request, call, more_s=0.0):
        """A call that answers with the run; repeated at times if its outcome is unknown."""
        request.id = f"r{index}"
        while True:
            request.reason = call["reason"] = self.tag()
            run, invoked, outcome = self.ask(index, method, request, call, more_s)
            if outcome is not None:
                return run, invoked
            if self.plan.random.random() < 0.5 or time.monotonic() > self.settings["until"]:
                return None, invoked

    def ask(self, index, method, request, call, more_s):
        invoked = self.now()
        run, outcome = self.call(method, request, more_s)
        if run is not None:
            outcome = {**run_outcome(run), "replayed": self.is_replayed}
        self.record(request.id, dict(call), invoked, outcome)
        if outcome is not None and outcome.get("attempt"):
            self.learn(index, outcome["attempt"])
        return run, invoked, outcome

    def change_keyed(self, index, method, request, call, more_s=0.0):
        """The same under a key, if this thread does so now: one of its own, or what another thread
        has sent under one. Sent again at times whatever the outcome is."""
        if self.plan.random.random() < 0.5:
            return self.change(index, method, request, call, more_s)
        known = self.keyed.get((index, method))
        if known is not None and self.plan.random.random() < 0.5:
            request, call, more_s = known
        else:
            request.id = f"r{index}"
            request.request_id = call["key"] = self.tag()
            request.reason = call["reason"] = self.tag()
            self.keyed[index, method] = request, call, more_s
        while True:
            run, invoked, outcome = self.ask(index, method, request, call, more_s)
            if self.plan.random.random() < 0.5 or time.monotonic() > self.settings["until"]:
                return run, invoked

    def report(self, index):
        self.change(index, *self.reported(index, (2, 2, 1, 1)))

    def end(self, index):
        self.change_keyed(index, *self.reported(index, (3, 4)))

    def reported(self, index, statuses):
        attempt = self.attempt(index)
        status = self.plan.random.choice(statuses)
        request = self.stubs.service.ReportRunRequest(status=status, attempt=attempt)
        return "ReportRun", request, {"op": "report", "actor": ACTOR, "status": WORDS[status],
                                      "attempt": attempt}

    def cancel(self, index):
        request = self.stubs.service.CancelRunRequest()
        more_s = 0.0
        if self.plan.random.random() < 0.3:
            more_s = 0.2
            request.wait.nanos = 200_000_000
        call = {"op": "cancel", "actor": ACTOR}
        if self.plan.random.random() < 0.2:
            request.expected_sequence = call["expected"] = self.plan.random.randint(1, 4)
        run, invoked = self.change_keyed(index, "CancelRun", request, call, more_s)
        if run is not None and run.HasField("stopped_at"):
            self.record(f"r{index}", {"op": "saw_stop"}, invoked,
                        {"code": "OK", "stopped_at": micros(run.stopped_at)})

    def get(self, index):
        invoked = self.now()
        run, outcome = self.call("GetRun", self.stubs.service.GetRunRequest(id=f"r{index}"))
        if run is not None:
            outcome = run_outcome(run)
            self.learn(index, outcome["attempt"], outcome["holder"])
        self.record(f"r{index}", {"op": "get"}, invoked, outcome)

    def events(self, index):
        invoked = self.now()
        reply, outcome = self.call("ListRunEvents",
                                   self.stubs.service.ListRunEventsRequest(id=f"r{index}"))
        if reply is not None:
            outcome = {"code": "OK", "count": len(reply.events),
                       "events": [event_of(e) for e in reply.events]}
        self.record(f"r{index}", {"op": "events"}, invoked, outcome)

    def acquire(self, index):
        self.take([f"r{index}"])

    def acquire_any(self, _index):
        self.take([])

    def take(self, ids):
        request = self.stubs.lease.AcquireRunsRequest(run_ids=ids, max_runs=1 if ids else 3)
        call = {"op": "acquire", "actor": ACTOR, "holder": self.holder()}
        lease, call["lease_us"] = self.lease(call["holder"])
        request.lease.CopyFrom(lease)
        wait_s = self.plan.random.choice([0.0, 0.0, 0.1, 0.5])
        request.wait.nanos = int(wait_s * 1e9)
        invoked = self.now()
        reply, outcome = self.call("AcquireRuns", request, wait_s and wait_s + 0.5)
        if reply is None:
            self.record(ids[0] if ids else None, call, invoked, outcome)
            return
        for acquired in reply.runs:
            outcome = run_outcome(acquired.run)
            if acquired.attempt != outcome["attempt"] or outcome["holder"] != call["holder"]:
                outcome["code"] = f"attempt {acquired.attempt} is not that of the run"
            outcome["lease_end"] = micros(acquired.lease_end)
            self.learn(int(acquired.run.id[1:]), acquired.attempt, call["holder"])
            self.record(acquired.run.id, call, invoked, outcome)
        if ids and not reply.runs:
            op = "acquire_waited" if wait_s else "acquire_none"
            self.record(ids[0], {**call, "op": op}, invoked, {"code": "OK"})

    def renew(self, index):
        """Of this run and some that were born before it, all of one holder."""
        attempt = max(1, self.attempt(index))
        holder = self.known.get(index, {}).get(attempt) or self.name
        held = [(index, attempt)]
        for other in range(max(0, index - 6), index):
            held += [(other, a) for a, h in list(self.known.get(other, {}).items())[-2:]
                     if h == holder]
        lease, lease_us = self.lease(holder)
        request = self.stubs.lease.RenewLeasesRequest(lease=lease)
        for other, of_other in held:
            request.leases.add(run_id=f"r{other}", attempt=of_other)
        invoked = self.now()
        reply, refusal = self.call("RenewLeases", request)
        for i, (other, of_other) in enumerate(held):
            call = {"op": "renew", "holder": holder, "attempt": of_other, "lease_us": lease_us}
            outcome = refusal
            if reply is not None:
                told = reply.renewals[i]
                outcome = {"code": "OK" if told.run_id == f"r{other}" else "of another run",
                           "state": STATES[told.state], "attempt": told.attempt,
                           "lease_end": micros(told.lease_end), "status": WORDS[told.status],
                           "actor": told.actor, "reason": told.reason}
                if outcome["state"] == "held" and not outcome["lease_end"]:
                    outcome["code"] = "held until nobody knows when"
            self.record(f"r{other}", call, invoked, outcome)

    def release(self, index):
        attempt = max(1, self.attempt(index))
        request = self.stubs.lease.ReleaseRunRequest(attempt=attempt)
        self.change(index, "ReleaseRun", request, {"op": "release", "actor": ACTOR,
                                                   "attempt": attempt})

    def acknowledge(self, index):
        attempt = self.attempt(index)
        request = self.stubs.lease.AcknowledgeCancelRequest(attempt=attempt)
        self.change(index, "AcknowledgeCancel", request, {"op": "acknowledge", "actor": ACTOR,
                                                          "attempt": attempt})


def main():
    settings = json.loads(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: settings.update(until=0))
    stubs = Stubs(settings["stubs"])
    known, keyed = {}, {}
    with grpc.insecure_channel(settings["target"], CHANNEL) as channel:
        clients = [Client(settings, stubs, channel, known, keyed, i)
                   for i in range(settings["threads"])]
        threads = [threading.Thread(target=c.work) for c in clients]
        failures = []
        threading.excepthook = failures.append
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with open(settings["path"], "w", encoding="utf-8") as file:
        for client in clients:
            for line in client.lines:
                file.write(json.dumps(line) + "\n")
    if failures:
        sys.__excepthook__(*failures[0][:3])
        sys.exit(1)


if __name__ == "__main__":
    main()

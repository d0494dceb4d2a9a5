"""Changes over REST, without a pause: when they were acknowledged says for how long none could be
made, and each must be there at the end."""

import http.client
import json
import threading
import time

import checker
import history
from client import micros_of_text

ACTOR = "prober"  # the token's name
THREADS = 4
ATTEMPT_S = 3.0
PAUSE_S = 0.01
# A refusal with one of these says that nothing was changed.
REFUSED = ("STORE_UNREACHABLE", "OVERLOADED", "QUEUE_FULL", "SERVER_STOPPING")


def outcome_of(data):
    lease = data.get("lease") or {}
    return {"code": "OK", "status": data["status"], "attempt": lease.get("attempt") or 0,
            "holder": lease.get("holder") or "",
            "finished_at": micros_of_text(data.get("finishedAt"))}


class Prober:
    """Threads that create a run and cancel it, again and again."""

    def __init__(self, address, token, now):
        self.address = address
        self.token = token
        self.now = now  # microseconds since the epoch
        self.lock = threading.Lock()
        self.recorded = history.History()
        self.successes = []  # instants of the monotonic clock
        self.refused = []  # (run, call): what was said not to have been done
        self.answers = {}  # reason -> how often
        self.failures = []
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def work(self, number):
        try:
            count = 0
            while not self.is_over.is_set():
                count += 1
                self.probe(f"p{number}-{count}")
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(error)

    def probe(self, run):
        definition = {"nodes": {"root": {"type": "manual"}}}
        create = {"op": "create", "actor": ACTOR, "terms": {"dispatch": "external"}}
        if self.call(run, create, "/v1/runs", {"id": run, "workflowDefinition": definition}):
            cancel = {"op": "cancel", "actor": ACTOR, "reason": f"reason of {run}"}
            self.call(run, cancel, f"/v1/runs/{run}/cancel", {"reason": cancel["reason"]})
        self.is_over.wait(PAUSE_S)

    def call(self, run, call, path, body):
        """Returns whether it was acknowledged."""
        invoked = self.now()
        reason, outcome = self.ask(path, body)
        returned = self.now()
        with self.lock:
            self.answers[reason] = self.answers.get(reason, 0) + 1
            if reason in REFUSED:
                self.refused.append((run, call))
                return False
            self.recorded.add(run, call, invoked, returned if outcome else None, outcome)
            if reason == "OK":
                self.successes.append(time.monotonic())
        return reason == "OK"

    def ask(self, path, body):
        """Returns the reason, or "OK", and the outcome: None if it is unknown."""
        connection = http.client.HTTPConnection(self.address, timeout=ATTEMPT_S)
        try:
            connection.request("POST", path, json.dumps(body), {
                "Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
            reply = connection.getresponse()
            told = json.loads(reply.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            return type(error).__name__, None
        finally:
            connection.close()
        if reply.status == 200:
            return "OK", outcome_of(told["data"])
        error = told["error"]
        reason = error.get("reason") or error["status"]
        if reply.status >= 500 or reason in REFUSED:
            return reason, None
        return reason, {"code": error["status"], "reason": reason}

    def last_success(self):
        with self.lock:
            return self.successes[-1] if self.successes else 0.0

    def count_since(self, instant):
        with self.lock:
            return sum(1 for at in self.successes if at >= instant)

    def longest_gap(self, since, until):
        """The longest time without a change that was acknowledged, which ends between these."""
        ordered = sorted(self.successes)
        return max((b - a for a, b in zip(ordered, ordered[1:]) if b > since and a < until),
                   default=until - since)

    def check_refusals(self, events):
        """What was refused was not done."""
        for run, call in self.refused:
            made = events.get(run, [])
            if call["op"] == "create" and made or any(
                    e.reason == call.get("reason", "") != "" for e in made):
                raise checker.Violation(f"{call} of {run} was refused, and it was done: {made}")

"""runsctl organizations and store stats: what they ask, print, export and delete."""

import concurrent.futures
import json
import os
import signal
import subprocess
import threading
import unittest

import grpc

import stubs
from harness import DEADLINE_S, Place, Serve, create_token, program, runsctl, wait_until
from leases import Caller
from scripted_calls import Calls
from scripted_feed import End
from terminal import Terminal

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = range(7)
Code = grpc.StatusCode
pb = stubs.organizations_pb2
run = stubs.run_pb2
SERVICE = "runs.v1.OrganizationsService"
METHODS = {name: (SERVICE, getattr(pb, f"{name}Request")) for name in
           ("GetOrganization", "FreezeOrganization", "UnfreezeOrganization", "ExportOrganization",
            "DeleteOrganization", "GetStoreStats")}
QUESTION = b"Delete all of it, for good? [y/N] "
LOST = End(Code.UNAVAILABLE, message="the answer is lost")
GONE = End(Code.NOT_FOUND, "ORGANIZATION_NOT_FOUND", "there is no organization")


def counts(*numbers):
    return [stubs.bulk_pb2.StatusCount(status=status, count=count)
            for status, count in zip(run.RunStatus.values()[1:], numbers)]


def organization(frozen=True, runs=(1, 2, 1000, 0, 231)):
    one = pb.Organization(name="acme", revision=9000, floor_revision=12, tokens=3, runs=counts(*runs))
    if frozen:
        one.frozen_at.FromSeconds(1800000000)
    return one


def deleted(runs, done=False):
    return pb.DeleteOrganizationResponse(deleted_runs=runs, done=done)


class Scripted(unittest.TestCase):
    def serve(self, **answers):
        return Calls(self, METHODS, answers)

    def env(self, calls):
        return {"RUNSCTL_TOKEN": "t", "RUNSCTL_SERVER": calls.address}

    def ctl(self, calls, *arguments):
        return runsctl("organizations", *arguments, env=self.env(calls))


class Show(Scripted):
    def test_get_freeze_and_unfreeze(self):
        calls = self.serve(GetOrganization=[organization()], FreezeOrganization=[organization()],
                           UnfreezeOrganization=[organization(False)])
        for verb, frozen in (("get", True), ("freeze", True), ("unfreeze", False)):
            done = self.ctl(calls, verb, "acme")
            self.assertEqual((OK, ""), (done.returncode, done.stderr))
            rows = dict(line.split(None, 1) for line in done.stdout.splitlines())
            self.assertEqual("since 2027-01-15T08:00:00Z" if frozen else "no", rows["frozen"])
            self.assertEqual(("acme", "1,234", "1,000", "231", "3", "9,000", "12"),
                             tuple(rows[key] for key in ("name", "runs", "success", "cancelled", "tokens",
                                                         "revision", "floor")))
            one = json.loads(self.ctl(calls, verb, "acme", "--json").stdout)
            self.assertEqual(("acme", frozen), (one["name"], "frozenAt" in one))
            self.assertEqual({"status": "waiting", "count": 2}, one["runs"][1])

    def test_errors(self):
        calls = self.serve(GetOrganization=[GONE], DeleteOrganization=[
            End(Code.FAILED_PRECONDITION, "ORGANIZATION_NOT_FROZEN", "not frozen")])
        self.assertEqual(NOT_FOUND, self.ctl(calls, "get", "acme").returncode)
        calls.answers["GetOrganization"] = [organization(False)]
        done = self.ctl(calls, "delete", "acme", "--yes")
        self.assertEqual((CONFLICT, 1), (done.returncode, done.stderr.count("\n")))
        self.assertIn("organizations freeze does it", done.stderr)

    def test_store_stats(self):
        stats = pb.StoreStats(organizations=2, runs=counts(1, 2, 3, 4, 5), events=12345, keys=7,
                              bulk_cancels=1, bytes=4096000, free_bytes=8192)
        stats.oldest_event_at.FromSeconds(1800000000)
        calls = self.serve(GetStoreStats=[stats])
        done = runsctl("store", "stats", env=self.env(calls))
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        for line in (r"^running +1$", r"^events +12,345$", r"^oldest event +2027-01-15T08:00:00Z$",
                     r"^bytes +4,096,000$", r"^free bytes +8,192$"):
            self.assertRegex(done.stdout, f"(?m){line}")
        done = runsctl("store", "stats", "--json", env=self.env(calls))
        self.assertEqual((12345, 5), (json.loads(done.stdout)["events"], len(json.loads(done.stdout)["runs"])))


class Export(Scripted):
    def items(self, *more):
        event = run.RunEvent(run_id="r1", sequence=1, actor="a", request_id="q", remote_address="::1")
        return [pb.ExportOrganizationResponse(organization=organization()),
                pb.ExportOrganizationResponse(run={"run": {"id": "r1"}, "sequence": 1}),
                pb.ExportOrganizationResponse(event=event), *more]

    END = pb.ExportOrganizationResponse(end=pb.ExportEnd(runs=1, events=1))

    def test_a_line_for_each_thing_and_the_end(self):
        calls = self.serve(ExportOrganization=[self.items(self.END)])
        done = self.ctl(calls, "export", "acme")
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(["organization", "run", "event", "end"], [next(iter(line)) for line in lines])
        self.assertEqual(("q", "::1"), (lines[2]["event"]["requestId"], lines[2]["event"]["remoteAddress"]))
        self.assertEqual(1, lines[3]["end"]["runs"])

    def test_what_is_cut_is_an_error(self):
        for script, code, text in (
                (self.items(), UNAVAILABLE, "the server ended the export before its end"),
                (self.items(End(Code.UNAVAILABLE, message="a restart")), UNAVAILABLE, "a restart"),
                ([GONE], NOT_FOUND, "there is no organization")):
            done = self.ctl(self.serve(ExportOrganization=[script]), "export", "acme", "--json")
            self.assertEqual((code, 1), (done.returncode, done.stderr.count("\n")), done.stderr)
            self.assertIn(text, done.stderr)
            self.assertNotIn('"end"', done.stdout)
        self.assertEqual("ORGANIZATION_NOT_FOUND", json.loads(done.stderr)["error"]["reason"])

    def test_a_full_disk(self):
        calls = self.serve(ExportOrganization=[self.items(*self.items() * 500, self.END)])
        with open("/dev/full", "wb") as full:
            done = subprocess.run([program("runsctl"), "organizations", "export", "acme"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=DEADLINE_S, check=False,
                                  env={**os.environ, **self.env(calls)})
        self.assertEqual((FAILED, 1), (done.returncode, done.stderr.count(b"\n")))
        self.assertIn(b"No space left", done.stderr)


class Delete(Scripted):
    def at_terminal(self, calls, *more):
        terminal = Terminal((program("runsctl"), "organizations", "delete", "acme", *more), 100,
                            {**self.env(calls), "TERM": "xterm", "NO_COLOR": "1"})
        self.addCleanup(terminal.kill)
        return terminal

    def test_it_asks_and_repeats_until_it_is_done(self):
        calls = self.serve(GetOrganization=[organization()],
                           DeleteOrganization=[deleted(600), deleted(600), deleted(34, True)])
        terminal = self.at_terminal(calls)
        terminal.wait_for(QUESTION)
        self.assertIn(b"acme: 1,234 runs, 3 tokens, frozen since 2027-01-15T08:00:00Z\r\n", terminal.shown)
        self.assertEqual([], calls.requests["DeleteOrganization"])
        terminal.type(b"yes\n")
        status, lines = terminal.finish()
        self.assertEqual((OK, "Deleted acme, with 1,234 runs."), (status, lines[-1].removeprefix("\x1b[K")))
        self.assertIn("600 of 1,234", "".join(lines))
        self.assertEqual(["acme"] * 3, [r.name for r in calls.requests["DeleteOrganization"]])

    def test_all_else_than_yes_is_no(self):
        for keys, status, text in ((b"n\n", FAILED, "nothing was deleted: the answer was not yes"),
                                   (b"\n", FAILED, "nothing was deleted: the answer was not yes"),
                                   (b"\x03", -signal.SIGINT, "interrupted; nothing was deleted")):
            calls = self.serve(GetOrganization=[organization()], DeleteOrganization=[deleted(1, True)])
            terminal = self.at_terminal(calls)
            terminal.wait_for(QUESTION)
            terminal.type(keys)
            ended, lines = terminal.finish()
            self.assertEqual((status, f"runsctl: {text}"), (ended, lines[-1]))
            self.assertEqual([], calls.requests["DeleteOrganization"])

    def test_nobody_is_asked(self):
        calls = self.serve(GetOrganization=[organization()], DeleteOrganization=[deleted(1, True)])
        done = self.ctl(calls, "delete", "acme")
        self.assertEqual((USAGE, ""), (done.returncode, done.stdout))
        self.assertIn("--yes", done.stderr)
        self.assertEqual([], calls.requests["DeleteOrganization"])
        done = self.ctl(calls, "delete", "acme", "--yes", "--json")
        self.assertEqual((OK, {"deletedRuns": 1, "done": True}), (done.returncode, json.loads(done.stdout)))

    def test_a_lost_answer_of_the_last_step(self):
        calls = self.serve(GetOrganization=[organization()], DeleteOrganization=[deleted(600), LOST, GONE])
        done = self.ctl(calls, "delete", "acme", "--yes")
        self.assertEqual((OK, "Deleted acme, with 600 runs.\n"), (done.returncode, done.stdout))
        calls = self.serve(GetOrganization=[organization()], DeleteOrganization=[GONE])
        self.assertEqual(NOT_FOUND, self.ctl(calls, "delete", "acme", "--yes").returncode)

    def test_an_interruption_on_the_way_says_that_it_goes_on(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        calls = self.serve(GetOrganization=[organization()], DeleteOrganization=[deleted(600), gate, deleted(1)])
        terminal = self.at_terminal(calls, "--yes")
        wait_until(lambda: len(calls.requests["DeleteOrganization"]) == 2, "the second step")
        terminal.type(b"\x03")
        status, lines = terminal.finish()
        self.assertEqual(-signal.SIGINT, status)
        self.assertIn("interrupted; what is deleted so far is gone; the same command goes on", "".join(lines))


class Served(unittest.TestCase):
    """The real programs, on a file, on a socket that outlasts a kill."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.admin = create_token(self.place.store, org="ops", name="admin", scopes="organizations.admin")
        self.token = create_token(self.place.store, name="tester")
        self.socket = f"unix:{self.place.path}/grpc"
        self.begin()
        self.addCleanup(lambda: self.server.stop())
        self.caller = Caller(self.socket, self.token)
        self.addCleanup(self.caller.close)

    def begin(self):
        self.server = Serve(self.place.store, grpc=(self.socket,))

    def ctl(self, *arguments, token=None):
        return runsctl(*arguments, env={"RUNSCTL_TOKEN": token or self.admin, "RUNSCTL_SERVER": self.socket})

    def json(self, *arguments):
        done = self.ctl(*arguments, "--json")
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        return json.loads(done.stdout)

    def test_frozen_it_can_be_read_and_not_changed(self):
        self.caller.create("a")
        self.assertIn("frozenAt", self.json("organizations", "freeze", "acme"))
        done = self.ctl("runs", "cancel", "a", token=self.token)
        self.assertEqual((UNAVAILABLE, ""), (done.returncode, done.stdout))
        self.assertIn("organizations unfreeze", done.stderr)
        self.assertEqual(OK, self.ctl("runs", "get", "a", token=self.token).returncode)
        self.assertNotIn("frozenAt", self.json("organizations", "unfreeze", "acme"))
        self.assertEqual(OK, self.ctl("runs", "cancel", "a", token=self.token).returncode)

    def test_scopes_and_names(self):
        self.assertEqual(DENIED, self.ctl("organizations", "get", "acme", token=self.token).returncode)
        self.assertEqual(DENIED, self.ctl("store", "stats", token=self.token).returncode)
        self.assertEqual(NOT_FOUND, self.ctl("organizations", "get", "nobody").returncode)
        self.assertEqual(USAGE, self.ctl("organizations", "delete", "ops", "--yes").returncode)  # its own

    def test_export_and_delete(self):
        for i in range(250):
            self.caller.create(f"run-{i:03}")
        self.caller.cancel("run-007", "why")
        self.assertEqual(CONFLICT, self.ctl("organizations", "delete", "acme", "--yes").returncode)
        self.json("organizations", "freeze", "acme")
        lines = [json.loads(line) for line in self.ctl("organizations", "export", "acme").stdout.splitlines()]
        kinds = [next(iter(line)) for line in lines]
        self.assertEqual(("organization", "end"), (kinds[0], kinds[-1]))
        end = lines[-1]["end"]
        self.assertEqual((250, 251, 1), (end["runs"], end["events"], end["tokens"]))
        self.assertEqual((250, 251, 1), tuple(kinds.count(kind) for kind in ("run", "event", "token")))
        at = next(i for i, line in enumerate(lines) if line.get("run", {}).get("run", {}).get("id") == "run-007")
        self.assertEqual(["created", "status_changed"], [line["event"]["kind"] for line in lines[at + 1:at + 3]])
        self.assertEqual({"deletedRuns": 250, "done": True}, self.json("organizations", "delete", "acme", "--yes"))
        self.assertEqual(NOT_FOUND, self.ctl("organizations", "get", "acme").returncode)
        self.assertEqual(DENIED, self.ctl("runs", "list", token=self.token).returncode)
        self.assertEqual(0, sum(one["count"] for one in self.json("store", "stats")["runs"]))

    def test_a_deletion_goes_on_over_a_kill(self):
        count = 3000
        with concurrent.futures.ThreadPoolExecutor(32) as threads:
            list(threads.map(self.caller.create, [f"run-{i}" for i in range(count)]))
        self.json("organizations", "freeze", "acme")
        popen = subprocess.Popen((program("runsctl"), "organizations", "delete", "acme", "--yes", "--timeout-ms",
                                  "60000"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env={**os.environ, "RUNSCTL_TOKEN": self.admin, "RUNSCTL_SERVER": self.socket})
        self.addCleanup(popen.wait)
        self.addCleanup(popen.kill)
        wait_until(lambda: popen.poll() is not None or self.left() < count, "deletions")
        self.server.kill()
        self.begin()
        out, err = popen.communicate(timeout=DEADLINE_S)
        self.assertEqual((OK, ""), (popen.returncode, err))
        self.assertRegex(out, r"\ADeleted acme, with [0-9,]+ runs?\.\n\Z")
        self.assertEqual(0, self.left())

    def left(self):
        """How many runs the store has."""
        done = self.ctl("store", "stats", "--json")
        return sum(one["count"] for one in json.loads(done.stdout)["runs"]) if done.returncode == OK else 0

    def test_a_store_without_a_server(self):
        self.caller.create("a")
        store = ("--store", self.place.store)
        for _ in range(2):  # held by a server, and by nobody
            self.assertEqual(1, sum(one["count"] for one in self.json("store", "stats", *store)["runs"]))
            self.assertEqual("acme", self.json("organizations", "get", "acme", *store)["name"])
            lines = self.ctl("organizations", "export", "acme", *store).stdout.splitlines()
            self.assertIn("end", json.loads(lines[-1]))
            self.server.stop()
        self.json("organizations", "freeze", "acme", *store)
        self.assertTrue(self.json("organizations", "delete", "acme", "--yes", *store)["done"])
        self.assertEqual(NOT_FOUND, self.ctl("organizations", "get", "acme", *store).returncode)


del Scripted  # it has no tests of its own

if __name__ == "__main__":
    unittest.main()

"""runsctl's commands of leases and deadlines, and what it shows of them, against the real server."""

import json
import subprocess
import unittest

import contract
from harness import DEADLINE_S, Place, Serve, create_token, program, runsctl, serve_for, wait_until
from terminal import Terminal

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE, NOT_YET, RUN_FAILED, CANCELLED = range(10)


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.env = {"RUNSCTL_TOKEN": cls.token, "RUNSCTL_SERVER": cls.server.grpc}
        cls.given = json.dumps(contract.new_run())

    def ctl(self, *arguments, **env):
        return runsctl("runs", *arguments, input=self.given, env={**self.env, **env})

    def ok(self, *arguments, **env):
        done = self.ctl(*arguments, **env)
        self.assertEqual((OK, ""), (done.returncode, done.stderr), arguments)
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.ok(*arguments, "--json"))

    def fails(self, code, fragment, *arguments):
        """One line on standard error, and no output."""
        done = self.ctl(*arguments)
        self.assertEqual((code, ""), (done.returncode, done.stdout), done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertIn(fragment, done.stderr)

    def create(self, *more, dispatch="lease"):
        return self.ok("create", "--file", "-", "--quiet", "--dispatch", dispatch, *more).strip()

    def held(self, *more):
        """A run that h holds, attempt 1."""
        return self.create("--holder", "h", "--lease", "10m", *more)

    def begin(self, *arguments):
        """Begins a command that goes on."""
        popen = subprocess.Popen((program("runsctl"), "runs", *arguments), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True,
                                 env={"PATH": "/usr/bin:/bin", **self.env})

        def end():
            if popen.poll() is None:
                popen.kill()
            popen.communicate()
        self.addCleanup(end)
        return popen


class Leases(Served):
    def test_acquire_oldest_first_by_workflow_and_id(self):
        ids = [self.create("--workflow", "a") for _ in range(3)]
        other = self.create("--workflow", "b")
        got = self.json("acquire", "--holder", "h1", "--workflow", "a", "--max", "2", "--lease", "5m")
        self.assertEqual([(ids[0], 1), (ids[1], 1)],
                         [(a["run"]["id"], a["attempt"]) for a in got["runs"]])
        self.assertEqual({"attempt": 1, "holder": "h1"}, got["runs"][0]["run"]["lease"])
        lines = self.ok("acquire", "--holder", "h2", "--run", f"{other},there-is-none").splitlines()
        self.assertRegex(lines[0], r"^ID +ATTEMPT +LEASE END +WORKFLOW$")
        self.assertRegex(lines[1], rf"^{other} +1 +\S+Z +b$")
        self.assertEqual(f"{ids[2]} 1\n", self.ok("acquire", "--holder", "h", "--workflow", "a",
                                                  "--max", "100", "--quiet"))
        self.assertEqual("", self.ok("acquire", "--holder", "h", "--workflow", "a", "--quiet"))
        self.assertEqual([], self.json("acquire", "--holder", "h", "--workflow", "a").get("runs", []))

    def test_acquire_waits(self):
        waiting = self.begin("acquire", "--holder", "h", "--workflow", "later", "--wait", "2m", "--quiet")
        run_id = self.create("--workflow", "later")
        self.assertEqual((f"{run_id} 1\n", ""), waiting.communicate(timeout=DEADLINE_S))

    def test_a_run_of_dispatch_external_is_nobodys_to_acquire(self):
        run_id = self.create("--workflow", "e", dispatch="external")
        self.assertEqual("", self.ok("acquire", "--holder", "h", "--workflow", "e", "--quiet"))
        self.assertNotIn("holder", self.ok("get", run_id))

    def test_renew(self):
        run_id = self.held()
        self.assertRegex(self.ok("renew", run_id, "--holder", "h", "--attempt", "1"),
                         r"\AHeld until \S+Z\.\n\Z")
        self.assertEqual("held", self.json("renew", run_id, "--holder", "h", "--attempt", "1",
                                           "--lease", "1h")["state"])
        renew = ("renew", run_id, "--holder", "h", "--attempt")
        self.fails(CONFLICT, "is lost; the run's attempt is 1; stop working on it", *renew, "2")
        self.ok("cancel", run_id, "--reason", "no budget")
        self.fails(CONFLICT, 'its status is cancelled, by "tester", reason: no budget', *renew, "1")
        done = self.ctl(*renew, "1", "--json")
        self.assertEqual((CONFLICT, ""), (done.returncode, done.stderr))
        self.assertEqual(("finished", "cancelled"),
                         (json.loads(done.stdout)["state"], json.loads(done.stdout)["status"]))
        self.fails(NOT_FOUND, 'there is no run "ghost"', "renew", "ghost", "--holder", "h",
                   "--attempt", "1")

    def test_release_and_the_next_attempt(self):
        run_id = self.held()
        self.ok("release", run_id, "--attempt", "1", "--reason", "going home")
        self.assertEqual([(run_id, 2)], [
            (a["run"]["id"], a["attempt"])
            for a in self.json("acquire", "--holder", "h2", "--run", run_id)["runs"]])
        self.fails(CONFLICT, "attempt", "release", run_id, "--attempt", "1")
        self.fails(CONFLICT, "attempt", "report", run_id, "--status", "success", "--attempt", "1")
        self.fails(CONFLICT, "attempt", "report", run_id, "--status", "success")
        self.ok("report", run_id, "--status", "success", "--attempt", "2")
        events = self.json("events", run_id)["events"]
        self.assertEqual(["created", "released", "acquired", "status_changed"],
                         [e["kind"] for e in events])

    def test_acknowledge(self):
        run_id = self.held()
        self.fails(CONFLICT, "cancelled", "acknowledge", run_id, "--attempt", "1")
        self.ok("cancel", run_id)
        self.assertNotIn("stoppedAt", self.json("get", run_id))
        for _ in range(2):
            self.assertRegex(self.ok("acknowledge", run_id, "--attempt", "1"), r"(?m)^stopped +\S+Z$")
        self.fails(CONFLICT, "attempt", "acknowledge", run_id, "--attempt", "2")
        external = self.create(dispatch="external")
        self.ok("cancel", external)
        self.assertRegex(self.ok("acknowledge", external), r"(?m)^stopped +\S+Z$")

    def test_cancel_waits_for_the_work_to_stop(self):
        run_id = self.held()
        waiting = self.begin("cancel", run_id, "--wait", "2m", "--json")
        wait_until(lambda: self.json("get", run_id)["status"] == "cancelled", "the cancel")
        self.ok("acknowledge", run_id, "--attempt", "1")
        printed, said = waiting.communicate(timeout=DEADLINE_S)
        self.assertEqual((OK, ""), (waiting.returncode, said))
        self.assertIn("stoppedAt", json.loads(printed))

    def test_cancel_that_does_not_hear_of_the_stop(self):
        run_id = self.held()
        done = self.ctl("cancel", run_id, "--wait", "1s")
        self.assertEqual(NOT_YET, done.returncode)
        self.assertRegex(done.stdout, r"(?m)^status +cancelled$")
        self.assertIn(f'"{run_id}" is cancelled, but that its work has stopped is not known', done.stderr)
        self.assertEqual(OK, self.ctl("cancel", self.create(), "--wait", "2m").returncode,
                         "nobody has acquired it, so there is nothing to wait for")

    def test_bad_values_name_the_field_the_limit_and_what_was_given(self):
        run_id = self.held()
        for field, given, arguments in (
                ("lease.duration", "7200", ("acquire", "--holder", "h", "--lease", "2h")),
                ("lease.duration", "0", ("acquire", "--holder", "h", "--lease", "0")),
                ("lease.holder", "256", ("acquire", "--holder", "h" * 257)),
                ("lease.holder", "", ("acquire", "--holder", "")),
                ("wait", "600", ("acquire", "--holder", "h", "--wait", "10m")),
                ("wait", "600", ("cancel", run_id, "--wait", "10m")),
                ("timeout", "", ("create", "--file", "-", "--timeout", "0")),
                ("waitingTimeout", "", ("create", "--file", "-", "--waiting-timeout", "4000d")),
                ("lease", "", ("create", "--file", "-", "--holder", "h")),
                ("onLeaseLoss", "", ("create", "--file", "-", "--on-lease-loss", "failure"))):
            with self.subTest(arguments[:4]):
                done = self.ctl(*arguments)
                self.assertEqual((USAGE, ""), (done.returncode, done.stdout), done.stderr)
                self.assertIn(field, done.stderr)
                self.assertIn(given, done.stderr)
        self.assertEqual("running", self.json("get", run_id)["status"])


class Shown(Served):
    def test_what_a_run_says_of_its_lease_and_deadlines(self):
        run_id = self.held("--timeout", "1h", "--waiting-timeout", "90s", "--on-timeout", "cancelled",
                           "--on-lease-loss", "failure")
        text = self.ok("get", run_id)
        for row in ("holder +h, attempt 1", "lease's loss +makes it a failure",
                    "timeout +3600s, then cancelled", "waiting timeout +90s, then cancelled"):
            self.assertRegex(text, rf"(?m)^{row}$")
        run = self.json("get", run_id)
        self.assertEqual(("lease", "failure", "cancelled", "3600s", "90s"),
                         tuple(run[key] for key in ("dispatch", "onLeaseLoss", "onTimeout", "timeout",
                                                    "waitingTimeout")))
        self.assertRegex(self.ok("get", self.create()), r"(?m)^holder +-, never acquired$")

    def test_a_replay_has_the_same_terms(self):
        run_id = self.held("--timeout", "1h", "--on-lease-loss", "failure")
        replay = self.json("create", "--like", run_id)
        self.assertEqual(("lease", "failure", "3600s"),
                         tuple(replay[key] for key in ("dispatch", "onLeaseLoss", "timeout")))
        self.assertNotIn("lease", replay)

    def test_a_list_has_the_holder(self):
        run_id = self.held("--workflow", "listed")
        self.ok("cancel", run_id)
        self.ok("acknowledge", run_id, "--attempt", "1")
        held = self.held("--workflow", "listed")
        lines = self.ok("list", "--workflow", "listed").splitlines()
        self.assertRegex(lines[1], rf"^{held} +running +\S+Z +- +- +1 +h +listed$")
        self.assertRegex(lines[2], rf"^{run_id} +cancelled +\S+Z +\S+Z +\S+Z +1 +- +listed$")

    def test_events_of_leases(self):
        run_id = self.held()
        self.ok("cancel", run_id, "--reason", "no budget")
        self.ok("acknowledge", run_id, "--attempt", "1", "--reason", "all gone")
        lines = self.ok("events", run_id).splitlines()
        self.assertRegex(lines[0], r"^SEQUENCE +AT +EVENT +FROM +TO +HOLDER +ACTOR +REASON$")
        self.assertRegex(lines[2], r"^2 +\S+Z +changed +running +cancelled +h #1 +tester +no budget$")
        self.assertRegex(lines[3], r"^3 +\S+Z +stopped +cancelled +cancelled +\S+.* +tester +all gone$")
        self.assertRegex(self.ok("get", run_id), r"(?m)^reason +no budget$")

    def test_a_deadline_ends_a_run(self):
        run_id = self.create("--timeout", "1s", "--on-timeout", "cancelled")
        self.assertEqual(CANCELLED, self.ctl("wait", run_id, "--within", "1m").returncode)
        self.assertRegex(self.ok("get", run_id), r"(?m)^ended by +runsd$")
        self.assertRegex(self.ok("get", run_id), r"(?m)^reason +TIMEOUT$")


class Watching(Served):
    def test_wait_ends_with_the_run(self):
        for status, code in (("success", OK), ("failure", RUN_FAILED), ("cancelled", CANCELLED)):
            run_id = self.create(dispatch="external")
            waiting = self.begin("wait", run_id, "--quiet")
            if status == "cancelled":
                self.ok("cancel", run_id)
            else:
                self.ok("report", run_id, "--status", status)
            printed, said = waiting.communicate(timeout=DEADLINE_S)
            self.assertEqual((code, status + "\n", ""), (waiting.returncode, printed, said))
            self.assertEqual(code, self.ctl("wait", run_id).returncode)
        self.fails(NOT_FOUND, "ghost", "wait", "ghost")
        self.assertEqual(NOT_YET, self.ctl("wait", self.create(), "--within", "1s").returncode)

    def test_follow_shows_all_events_and_ends_when_the_work_has_stopped(self):
        run_id = self.create()
        following = self.begin("events", run_id, "--follow", "--json")
        self.ok("acquire", "--holder", "h", "--run", run_id)
        self.ok("report", run_id, "--status", "waiting", "--attempt", "1")
        self.ok("cancel", run_id)
        self.ok("acknowledge", run_id, "--attempt", "1")
        printed, said = following.communicate(timeout=DEADLINE_S)
        self.assertEqual((OK, ""), (following.returncode, said))
        self.assertEqual(["created", "acquired", "status_changed", "status_changed", "stopped"],
                         [json.loads(line)["kind"] for line in printed.splitlines()])

    def test_watch_with_filters(self):
        watching = self.begin("watch", "--json", "--workflow", "w", "--bookmarks")
        json.loads(watching.stdout.readline())  # the watch has begun
        self.create()
        run_id = self.create("--workflow", "w")
        self.ok("cancel", run_id)
        changes = []
        while len(changes) < 2:
            message = json.loads(watching.stdout.readline())
            if "change" in message:
                changes.append(message)
        self.assertEqual([run_id, run_id], [m["change"]["runId"] for m in changes])
        again = self.begin("watch", "--json", "--workflow", "w", "--cursor", changes[0]["cursor"])
        self.assertEqual(changes[1], json.loads(again.stdout.readline()))
        self.fails(USAGE, "cursor", "watch", "--cursor", "forged")

    def test_a_watch_goes_on_behind_a_list(self):
        listed = [self.create("--workflow", "l", dispatch="external") for _ in range(3)]
        list_all = ("list", "--workflow", "l", "--all", "--page-size", "2", "--watch-cursor")
        page = self.json(*list_all)
        self.assertEqual(listed, [run["id"] for run in reversed(page["runs"])])
        self.assertRegex(self.ok(*list_all), r"\n\nFrom here on: runsctl runs watch --cursor \S+\n\Z")
        self.ok("cancel", listed[1])
        watching = self.begin("watch", "--json", "--workflow", "l", "--cursor", page["watchCursor"])
        change = json.loads(watching.stdout.readline())["change"]
        self.assertEqual((listed[1], "cancelled"), (change["runId"], change["toStatus"]))

    def test_watch_on_a_terminal(self):
        run_id = self.held("--workflow", "shown")
        terminal = Terminal((program("runsctl"), "runs", "watch", "--workflow", "shown"), 120, self.env)
        self.addCleanup(terminal.kill)
        terminal.wait_for(b"1 live, 0 ended")
        terminal.wait_for(run_id.encode())
        self.ok("cancel", run_id, "--reason", "no budget")
        terminal.wait_for(b"0 live, 1 ended")
        terminal.wait_for(b"cancelled by tester: no budget")


class Restarted(Served):
    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.token = create_token(cls.place.store, name="tester")
        cls.server = Serve(cls.place.store)
        cls.addClassCleanup(lambda: cls.server.stop())
        cls.env = {"RUNSCTL_TOKEN": cls.token, "RUNSCTL_SERVER": cls.server.grpc}
        cls.given = json.dumps(contract.new_run())

    def test_what_waits_waits_on(self):
        run_id = self.create(dispatch="external")
        watching = self.begin("watch", "--json", "--run", run_id, "--snapshot")
        waiting = self.begin("wait", run_id, "--quiet")
        following = self.begin("events", run_id, "--follow", "--json")
        for popen in (watching, following):
            json.loads(popen.stdout.readline())
        json.loads(watching.stdout.readline())  # the snapshot's end
        # "wait" says nothing until the end: it has begun once its watch is there.
        wait_until(lambda: self.server.metric("runsd_watches") == 3, "all three watches")
        self.server.kill()
        type(self).server = Serve(self.place.store, grpc=(self.server.grpc,))
        self.ok("report", run_id, "--status", "waiting")
        self.ok("cancel", run_id)
        printed, _ = waiting.communicate(timeout=DEADLINE_S)
        self.assertEqual((CANCELLED, "cancelled\n"), (waiting.returncode, printed))
        printed, said = following.communicate(timeout=DEADLINE_S)
        self.assertEqual([2, 3], [json.loads(line)["sequence"] for line in printed.splitlines()])
        self.assertIn("the watch is interrupted", said)
        changes = []
        while len(changes) < 2:
            message = json.loads(watching.stdout.readline())
            if "change" in message:
                changes.append(message["change"]["sequence"])
        self.assertEqual([2, 3], changes)


del Served  # it has no tests of its own

if __name__ == "__main__":
    unittest.main()

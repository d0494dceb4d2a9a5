"""The executors of examples/executor, built as docs/EXECUTORS.md says, against the real server."""

import collections
import os
import re
import select
import signal
import subprocess
import threading
import time
import unittest

import grpc

import pages
import rest
import stubs
from harness import DEADLINE_S, ROOT, Place, Serve, create_token, runsctl, wait_until
from relay import Relay
from test_client_pages import environment, run_commands

PAGE = "docs/EXECUTORS.md"
EXAMPLES = ROOT / "examples" / "executor"
FINAL = {"success", "failure", "cancelled"}
CANCELS = 100


def prepare(folder, heading):
    """Does in a folder what the page says before the last line of a section, which is returned."""
    (folder / "gen").mkdir()
    stubs.archive(folder / "runsd-protos.tar.gz")
    run_commands(folder, "tar -xzf runsd-protos.tar.gz")
    text = pages.section(PAGE, heading)
    commands = next(text for language, text, _ in pages.blocks(text)
                    if language == "sh" and "RUNSD_TOKEN" in text)
    *lines, last = [line for line in commands.rstrip("\n").split("\n") if line != "cd stubs"]
    lines = "\n".join(lines).replace("../script", str(ROOT / "script")).replace(
        "../examples", str(ROOT / "examples"))
    run_commands(folder, lines)
    return last.replace("../examples", str(ROOT / "examples"))


class Executor:
    """An executor at work; the lines of its log are kept as they come."""

    def __init__(self, test, command, token, address, **settings):
        for printed, ours in {"$(cat token)": token, "127.0.0.1:50051": address}.items():
            test.assertEqual(1, command.count(printed), command)
            command = command.replace(printed, ours)
        env = {name: str(value) for name, value in settings.items()}
        self.lines = []
        self.popen = subprocess.Popen(
            ["bash", "-c", re.sub(r"^((?:\w+=\S+ )*)", r"\1exec ", command)],
            cwd=test.folder, env={**environment(test.folder), **env}, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        test.addCleanup(self._end)
        self.holder = self.wait_for(r"^holder (\S+)$")[1]

    def _read(self):
        for line in self.popen.stderr:
            self.lines.append(line.rstrip("\n"))

    def _end(self):
        self.popen.send_signal(signal.SIGCONT)
        self.popen.kill()
        self.popen.wait(DEADLINE_S)

    def find(self, pattern):
        return next((found for line in list(self.lines) if (found := re.search(pattern, line))), None)

    def wait_for(self, pattern):
        """Waits for a line of the log; returns the match."""
        def is_there():
            if self.popen.poll() is not None and not self.find(pattern):
                raise AssertionError(f"ended with {self.popen.returncode}: {self.lines}")
            return self.find(pattern)
        wait_until(is_there, f"{pattern} in {self.lines}")
        return self.find(pattern)

    def signal(self, number):
        self.popen.send_signal(number)

    def finish(self):
        """Waits for its end; returns the exit status."""
        return self.popen.wait(DEADLINE_S)


class Language:
    """The tests of one language's executor."""

    heading = None

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.folder = cls.place.path / "stubs"
        cls.folder.mkdir()
        cls.command = prepare(cls.folder, cls.heading)
        cls.server = Serve(cls.place.store)
        cls.addClassCleanup(lambda: cls.server.stop())
        cls.count = 0

    def setUp(self):
        # Of an organization of its own: an executor of the test before may have asked for a run.
        self.organization = f"of-{self.id().rsplit('.', 1)[1]}"
        self.token = create_token(self.place.store, org=self.organization, name="tester")
        self.channel = grpc.insecure_channel(self.server.grpc)
        self.addCleanup(self.channel.close)
        self.runs = stubs.service_grpc.RunsServiceStub(self.channel)

    def executor(self, address=None, **settings):
        return Executor(self, self.command, self.token, address or self.server.grpc, **settings)

    def rest(self, method, path, body=None):
        reply = rest.request(self.server.http_port, method, f"/v1/runs{path}", self.token, body)
        self.assertEqual(200, reply.status, reply.body)
        return reply.json()["data"]

    def create(self, command):
        """Makes a run of a command that has FILE for its files; returns its id."""
        type(self).count += 1
        run_id = f"r{self.count}"
        self.rest("POST", "", {
            "id": run_id, "dispatch": "lease", "workflowDefinition": {"nodes": {"root": {"type": "manual"}}},
            "propValues": {"command": command.replace("FILE", str(self.place.path / run_id))}})
        return run_id

    def file(self, run_id, name):
        return self.place.path / f"{run_id}.{name}"

    def get(self, run_id):
        return self.rest("GET", f"/{run_id}")

    def events(self, run_id):
        return self.rest("GET", f"/{run_id}/events")["events"]

    def kinds(self, run_id):
        return [event["kind"] for event in self.events(run_id)]

    def wait_for_status(self, run_id, *statuses):
        wait_until(lambda: self.get(run_id)["status"] in statuses, f"{statuses} of {run_id}")

    # Writes the child's number as the command begins; a file is whole when it is there.
    START = "echo $$ >FILE.part && mv FILE.part FILE.pid-$ATTEMPT; "

    def child(self, run_id, attempt=1):
        """The process of a run's command, once it has begun; as a file that can be waited for."""
        file = self.file(run_id, f"pid-{attempt}")
        wait_until(file.exists, f"the child of {run_id}")
        pid = os.pidfd_open(int(file.read_text()))
        self.addCleanup(os.close, pid)
        return pid

    def is_over(self, child, seconds=0):
        return bool(select.select([child], [], [], seconds)[0])

    # --- what each executor is to do ---

    def test_what_a_command_ends_with_is_reported(self):
        self.executor()
        good, bad = self.create("true"), self.create("exit 3")
        none = self.create("")
        told = self.create('[ "$RUN_ID/$ATTEMPT/$RUNSD_TOKEN" = "$(basename FILE)/1/" ]')
        for run_id, status, code in ((good, "success", 0), (bad, "failure", 3), (none, "failure", 64),
                                     (told, "success", 0)):
            self.wait_for_status(run_id, *FINAL)
            event = self.events(run_id)[-1]
            self.assertEqual((status, f"exit code {code}", 1),
                             (event["toStatus"], event["reason"], event["attempt"]))

    def test_a_cancel_over_rest_stops_the_child(self):
        """Order and completeness are tested; the times are printed."""
        executor = self.executor(SLOTS=2)
        times = []
        for _ in range(CANCELS):
            run_id = self.create(self.START + "exec sleep 600")
            child = self.child(run_id)
            self.assertFalse(self.is_over(child))
            self.rest("POST", f"/{run_id}/cancel", {"reason": "no budget"})
            answered = time.monotonic()
            self.assertTrue(self.is_over(child, DEADLINE_S))
            times.append(time.monotonic() - answered)
            executor.wait_for(rf"^done with {run_id} #1: acknowledged$")
            run = self.get(run_id)
            self.assertEqual("cancelled", run["status"])
            self.assertLess(run["finishedAt"], run["stoppedAt"])
            self.assertEqual(["created", "acquired", "status_changed", "stopped"], self.kinds(run_id))
        times.sort()
        print(f"\n{self.heading.strip('# ')}: from the answer to a cancel over REST to the child's end, "
              f"{CANCELS} runs: p50 {times[CANCELS // 2] * 1e3:.1f} ms, "
              f"p99 {times[CANCELS * 99 // 100 - 1] * 1e3:.1f} ms, most {times[-1] * 1e3:.1f} ms")

    def test_a_child_that_does_not_end_is_killed_with_all_that_it_began(self):
        self.executor(GRACE_S=1)
        run_id = self.create("trap '' TERM; (" + self.START + "while :; do sleep 600; done); exit 1")
        child = self.child(run_id)
        wait = {"reason": "", "wait": f"{DEADLINE_S}s"}
        run = self.rest("POST", f"/{run_id}/cancel", wait)
        self.assertTrue(self.is_over(child))
        self.assertIn("stoppedAt", run)

    def test_an_executor_that_was_stopped_past_its_lease_stops_its_child(self):
        first = self.executor(LEASE_S=2, SLOTS=1)
        run_id = self.create(self.START + "sleep 600")
        child = self.child(run_id)
        first.signal(signal.SIGSTOP)
        second = self.executor(LEASE_S=2)
        successor = self.child(run_id, 2)
        self.assertFalse(self.is_over(child))
        first.signal(signal.SIGCONT)
        first.wait_for(rf"^stopping {run_id} #1: lost$")
        first.wait_for(rf"^done with {run_id} #1: nothing said$")
        self.assertTrue(self.is_over(child))
        self.assertFalse(self.is_over(successor))
        run = self.get(run_id)
        self.assertEqual(("running", {"attempt": 2, "holder": second.holder}),
                         (run["status"], run["lease"]))
        self.assertEqual(["created", "acquired", "lease_lost", "acquired"], self.kinds(run_id))

    def test_a_report_of_a_lost_run_is_refused(self):
        # It hears of nothing but by its report, and asks for no other run.
        relay = Relay(self, self.server.grpc, watches="mute")
        first = self.executor(relay.address, LEASE_S=600, SLOTS=1)
        run_id = self.create(self.START + "while ! [ -e FILE.end-$ATTEMPT ]; do sleep 0.02; done")
        child = self.child(run_id)
        first.signal(signal.SIGSTOP)
        self.runs.ReleaseRun(stubs.lease_pb2.ReleaseRunRequest(id=run_id, attempt=1),
                             metadata=stubs.bearer(self.token), timeout=DEADLINE_S)
        self.executor(LEASE_S=600)
        successor = self.child(run_id, 2)
        self.file(run_id, "end-1").touch()
        self.assertTrue(self.is_over(child, DEADLINE_S))
        first.signal(signal.SIGCONT)
        first.wait_for(rf"^done with {run_id} #1: refused: ATTEMPT_STALE")
        self.assertEqual("running", self.get(run_id)["status"])
        self.assertFalse(self.is_over(successor))
        self.file(run_id, "end-2").touch()
        self.wait_for_status(run_id, *FINAL)
        last = self.events(run_id)[-1]
        self.assertEqual(("success", 2), (last["toStatus"], last["attempt"]))

    def test_an_executor_that_ends_gives_its_runs_back(self):
        first = self.executor(GRACE_S=1)
        run_id = self.create(self.START + "sleep 600")
        child = self.child(run_id)
        first.signal(signal.SIGTERM)
        self.assertEqual(0, first.finish())
        self.assertTrue(self.is_over(child))
        self.assertEqual(["created", "acquired", "released"], self.kinds(run_id))
        self.executor()
        self.child(run_id, 2)
        self.rest("POST", f"/{run_id}/cancel")

    def test_an_executor_whose_token_is_no_more_ends(self):
        executor = Executor(self, self.command, create_token(
            self.place.store, org=self.organization, name="short"), self.server.grpc)
        run_id = self.create(self.START + "sleep 600")
        child = self.child(run_id)
        done = runsctl("tokens", "revoke", "short", "--org", self.organization, "--store",
                       self.place.store)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(1, executor.finish())
        self.assertTrue(self.is_over(child))

    def test_streams_that_proxies_end_are_resumed(self):
        codes = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN,
                 grpc.StatusCode.RESOURCE_EXHAUSTED]
        relay = Relay(self, self.server.grpc, watches=list(codes))
        executor = self.executor(relay.address, LEASE_S=600)
        run_id = self.create(self.START + "sleep 600")
        child = self.child(run_id)
        wait_until(lambda: len(relay.cursors) > len(codes), "the last stream")
        self.rest("POST", f"/{run_id}/cancel")
        self.assertTrue(self.is_over(child, DEADLINE_S))
        executor.wait_for(rf"^done with {run_id} #1: acknowledged$")
        self.assertEqual("", relay.cursors[0])
        self.assertNotIn("", relay.cursors[1:])

    def test_renewals_are_the_fallback_of_a_stream_that_is_mute(self):
        relay = Relay(self, self.server.grpc, watches="mute")
        executor = self.executor(relay.address, LEASE_S=3)
        run_id = self.create(self.START + "sleep 600")
        child = self.child(run_id)
        wait_until(lambda: relay.cursors, "the stream")
        self.rest("POST", f"/{run_id}/cancel")
        self.assertTrue(self.is_over(child, DEADLINE_S))
        executor.wait_for(rf"^done with {run_id} #1: acknowledged$")

    def test_a_report_whose_answer_is_lost(self):
        executor = self.executor(Relay(self, self.server.grpc, lost=["ReportRun"]).address)
        run_id = self.create("true")
        executor.wait_for(rf"^done with {run_id} #1: refused: RUN_ALREADY_FINISHED success$")
        self.assertEqual(["created", "acquired", "status_changed"], self.kinds(run_id))

    def test_a_cancel_that_is_heard_of_by_the_report_alone(self):
        relay = Relay(self, self.server.grpc, watches="mute", lost=["AcknowledgeCancel"])
        executor = self.executor(relay.address, LEASE_S=600)
        run_id = self.create(self.START + "while ! [ -e FILE.end ]; do sleep 0.02; done")
        self.child(run_id)
        self.rest("POST", f"/{run_id}/cancel")
        self.file(run_id, "end").touch()
        executor.wait_for(rf"^done with {run_id} #1: acknowledged$")
        self.assertEqual(["created", "acquired", "status_changed", "stopped"], self.kinds(run_id))
        self.assertEqual([], relay.lost)

    def test_the_server_is_killed_and_started_again_in_the_middle(self):
        executors = [self.executor(SLOTS=3, LEASE_S=60) for _ in range(2)]
        log = "echo $RUN_ID >>" + str(self.place.path / "began") + "; "
        before = [self.create(log + self.START + "while ! [ -e FILE.end ]; do sleep 0.02; done")
                  for _ in range(6)]
        children = {run_id: self.child(run_id) for run_id in before}
        for run_id in before[:2]:
            self.file(run_id, "end").touch()
        type(self).server.kill()
        for run_id in before[2:4]:  # while nobody can be told
            self.file(run_id, "end").touch()
            self.assertTrue(self.is_over(children[run_id], DEADLINE_S))
        type(self).server = Serve(self.place.store, grpc=(self.server.grpc,))
        after = [self.create(log + "true") for _ in range(6)]
        self.rest("POST", f"/{before[4]}/cancel")
        self.file(before[5], "end").touch()
        for run_id in before + after:
            self.wait_for_status(run_id, *FINAL)
        self.assertTrue(self.is_over(children[before[4]], DEADLINE_S))
        began = collections.Counter((self.place.path / "began").read_text().split())
        for run_id in before + after:
            self.assertEqual("cancelled" if run_id == before[4] else "success", self.get(run_id)["status"])
            self.assertEqual(1, began[run_id], "a run was lost or doubled")
            finals = [event for event in self.events(run_id)
                      if event["toStatus"] in FINAL and event["fromStatus"] not in FINAL]
            self.assertEqual(1, len(finals), "a run has one end")
        for executor in executors:
            self.assertIsNone(executor.popen.poll(), executor.lines)


class Python(Language, unittest.TestCase):
    heading = "## Try it"

    def test_the_page_has_the_file_that_is_run(self):
        code = {file: text for _, text, file in pages.blocks(pages.section(PAGE, "## The example")) if file}
        self.assertEqual((EXAMPLES / "executor.py").read_text(encoding="utf-8"), code["executor.py"])


class Node(Language, unittest.TestCase):
    heading = "### Node.js"


class Go(Language, unittest.TestCase):
    heading = "### Go"


if __name__ == "__main__":
    unittest.main()

"""What runsctl says of a change whose output or whose answer is lost."""

import concurrent.futures
import json
import os
import re
import resource
import signal
import subprocess
import time
import unittest

import contract
from harness import DEADLINE_S, Place, Serve, create_token, program, runsctl, serve_for
from relay import Relay

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = range(7)


def run_into(stdout, *arguments, file_bytes=None):
    """Runs runsctl with another standard output; file_bytes: no file gets larger."""

    def prepare():
        if file_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    return subprocess.run([program("runsctl"), *arguments], stdout=stdout, stderr=subprocess.PIPE,
                          text=True, timeout=DEADLINE_S, check=False, preexec_fn=prepare)


class Secrets(unittest.TestCase):
    """Secrets that are shown once."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls)

    def tokens(self, *arguments, code=OK):
        done = runsctl("tokens", *arguments, "--store", self.place.store)
        self.assertEqual(code, done.returncode, done.stderr)
        return done.stdout.strip() if code == OK else done.stderr

    def create(self, name):
        return self.tokens("create", "--org", "acme", "--scopes", "runs.read", "--name", name,
                           "--quiet")

    def listed(self, name):
        tokens = json.loads(self.tokens("list", "--json"))["tokens"]
        return next((t for t in tokens if t["name"] == name), None)

    def status(self, secret):
        return runsctl("whoami", "--server", self.server.grpc, "--token", secret).returncode

    def lose(self, *arguments, json_too=False):
        """Runs a command whose output fails after it was looked at; returns what it says."""
        path = self.place.path / "output"
        more = ("--json",) if json_too else ()
        with open(path, "w", encoding="utf-8") as file:
            done = run_into(file, "tokens", *arguments, "--store", self.place.store, *more,
                            file_bytes=0)
        self.assertEqual((FAILED, 1), (done.returncode, done.stderr.count("\n")), done.stderr)
        self.assertEqual("", path.read_text())
        text = json.loads(done.stderr)["message"] if json_too else done.stderr
        self.assertIn("standard output: File too large; ", text)
        return text

    def outputs(self):
        theirs, ours = os.pipe()
        os.close(theirs)
        self.addCleanup(os.close, ours)
        with open("/dev/full", "w", encoding="utf-8") as full, open("/dev/null", encoding="utf-8") as read_only:
            yield full, "No space left on device"
            yield read_only, "Bad file descriptor"
            yield ours, "Broken pipe"

    def test_nothing_is_made_where_it_cannot_be_written(self):
        first = self.create("kept")
        for stdout, why in self.outputs():
            for words in (("create", "--org", "acme", "--scopes", "runs.read", "--name", "never"),
                          ("rotate", "kept", "--org", "acme")):
                for more in ((), ("--quiet",), ("--json",)):
                    done = run_into(stdout, "tokens", *words, *more, "--store", self.place.store)
                    self.assertEqual((FAILED, 1), (done.returncode, done.stderr.count("\n")))
                    self.assertIn(f"standard output: {why}; nothing was done", done.stderr)
        self.assertIsNone(self.listed("never"))
        self.assertEqual(1, len(self.listed("kept")["secrets"]))
        self.assertEqual(OK, self.status(first))

    def test_a_file_gets_the_secret_and_nothing_else(self):
        path = self.place.path / "appended"
        path.write_text("before\n")
        with open(path, "a", encoding="utf-8") as file:
            done = run_into(file, "tokens", "create", "--org", "acme", "--scopes", "runs.read",
                            "--quiet", "--store", self.place.store)
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        self.assertRegex(path.read_text(), r"\Abefore\nrst_[A-Za-z0-9_-]{43}\n\Z")

    def test_a_lost_token_is_to_be_revoked(self):
        for name, json_too in (("lost", False), ("lost-json", True)):
            said = self.lose("create", "--org", "acme", "--scopes", "runs.read", "--name", name,
                             json_too=json_too)
            self.assertIn(f"its secret is lost: revoke it (runsctl tokens revoke {name} --org acme)",
                          said)
            self.tokens("revoke", name, "--org", "acme")

    # Whoever repeats a rotation whose secret is lost keeps the secret that is in use.
    def test_a_lost_rotation_may_be_repeated(self):
        for name, json_too in (("night", False), ("night-json", True)):
            first = self.create(name)
            said = self.lose("rotate", name, "--org", "acme", json_too=json_too)
            ends = self.listed(name)["secrets"][1]["expiresAt"]
            self.assertIn(f"the new secret is lost; the secret so far is valid until {ends}, and "
                          "another rotation ends it at once", said)
            again = self.tokens("rotate", name, "--org", "acme", "--quiet", code=CONFLICT)
            self.assertIn(f"is valid until {ends[:19]}", again)
            self.assertIn("nothing was changed", again)
            self.assertIn("--end-oldest", again)
            self.assertEqual(OK, self.status(first))
            new = self.tokens("rotate", name, "--org", "acme", "--quiet", "--end-oldest")
            self.assertEqual((DENIED, OK), (self.status(first), self.status(new)))

    def test_a_lost_rotation_without_overlap(self):
        first = self.create("none")
        said = self.lose("rotate", "none", "--org", "acme", "--overlap", "0")
        self.assertIn("the secret so far has ended", said)
        self.assertEqual(DENIED, self.status(first))
        new = self.tokens("rotate", "none", "--org", "acme", "--quiet")
        self.assertEqual(OK, self.status(new))

    def test_no_overlap_asks_nothing(self):
        first = self.create("leaked")
        second = self.tokens("rotate", "leaked", "--org", "acme", "--quiet")
        third = self.tokens("rotate", "leaked", "--org", "acme", "--quiet", "--overlap", "0")
        self.assertEqual([DENIED, DENIED, OK], [self.status(s) for s in (first, second, third)])

    def test_a_demo_token_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = run_into(full, "serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0",
                            "--store", "memory:", "--demo-token", "-", "--log-level", "error")
        self.assertEqual(FAILED, done.returncode, done.stderr)
        self.assertEqual("runsctl: --demo-token: standard output: No space left on device; nothing "
                         "was started\n", done.stderr)


class Silent(unittest.TestCase):
    """A server that takes calls and does not answer."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.run_file = cls.place.path / "run.json"
        cls.run_file.write_text(json.dumps(contract.new_run()))
        cls.server.popen.send_signal(signal.SIGSTOP)
        cls.addClassCleanup(cls.server.popen.send_signal, signal.SIGCONT)

    def say(self, *arguments):
        # Long enough that the call has begun by then, also where the machine has much else to do.
        done = runsctl(*arguments, "--timeout-ms", "1000",
                       env={"RUNSCTL_TOKEN": self.token, "RUNSCTL_SERVER": self.server.grpc})
        self.assertEqual((UNAVAILABLE, "", 1),
                         (done.returncode, done.stdout, done.stderr.count("\n")), done.stderr)
        return done.stderr

    def say_all(self, commands):
        """What each says, in their order; they wait side by side."""
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            return list(threads.map(lambda words: self.say(*words), commands))

    def test_a_read_leaves_nothing_open(self):
        reads = (("runs", "get", "x"), ("runs", "list"), ("runs", "events", "x"),
                 ("runs", "events", "x", "--follow"), ("runs", "watch"), ("runs", "wait", "x"),
                 ("runs", "count"), ("bulk-cancels", "list"), ("bulk-cancels", "get", "x"),
                 ("audit", "export", "--since", "1h"), ("organizations", "get", "x"),
                 ("organizations", "export", "x"), ("store", "stats"),
                 ("tokens", "list"), ("whoami",))
        for words, said in zip(reads, self.say_all(reads)):
            with self.subTest(words):
                self.assertIn("nothing was changed", said)
                self.assertNotIn("not known", said)
        json_too = [(*words, "--json") for words in reads]
        for words, said in zip(json_too, self.say_all(json_too)):
            with self.subTest(words):
                self.assertEqual("DEADLINE_PASSED", json.loads(said)["error"]["reason"])

    def test_a_change_comes_with_what_settles_it(self):
        file = ("--file", str(self.run_file))
        org = ("--org", "acme")
        changes = (
            (("runs", "cancel", "x", "--request-id", "k"), "; the same command with --request-id k "),
            (("runs", "cancel", "x", "y"), "; the same command with --request-id "),
            (("runs", "report", "x", "--status", "success", "--request-id", "k"),
             "; the same command with --request-id k does it, if it is not done\n"),
            (("runs", "acquire", "--holder", "h"), "; runs that were acquired can be acquired "),
            (("runs", "renew", "x", "--holder", "h", "--attempt", "1"), "; renew it again: "),
            (("runs", "release", "x", "--attempt", "1"), "; release it again: "),
            (("runs", "acknowledge", "x"), "; acknowledge it again: "),
            (("runs", "create", *file), "; the same command with --request-id "),
            (("runs", "delete", "x"), "; delete it again: that it is not found "),
            (("bulk-cancels", "abort", "x"), "; abort it again: "),
            (("organizations", "freeze", "x"), "; freeze it again: "),
            (("tokens", "create", *org, "--scopes", "runs.read", "--name", "x"),
             "; ask for it again with the same name: "),
            (("tokens", "create", *org, "--scopes", "runs.read"), "; runsctl tokens list shows "),
            (("tokens", "create", *org, "--scopes", "runs.read", "--client-san", "x"),
             "; ask for it again: that the client name is taken "),
            (("tokens", "revoke", "x", *org), "; revoke it again: "),
            (("tokens", "set-limits", "x", *org, "--limit-reads", "5"), "; set them again: "),
            (("tokens", "rotate", "x", *org, "--overlap", "0"),
             "; see with runsctl tokens list whether there is a newer secret"))
        for (words, hint), said in zip(changes, self.say_all(words for words, _ in changes)):
            with self.subTest(words):
                self.assertIn("whether a change was made is not known", said)
                self.assertIn(hint, said)

    # What is looked at before a rotation changes nothing.
    def test_a_rotation_that_was_not_asked_for(self):
        self.assertIn("nothing was changed", self.say("tokens", "rotate", "x", "--org", "acme"))


class Retries(unittest.TestCase):
    """An answer that is lost is asked for again under the same key: a change is made once."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store, name="tester")
        self.socket = f"unix:{self.place.path}/grpc"
        self.begin()
        self.addCleanup(lambda: self.server.stop())
        self.run_file = self.place.path / "run.json"
        self.run_file.write_text(json.dumps(contract.new_run()))

    def begin(self):
        self.server = Serve(self.place.store, grpc=(self.socket,))

    def kill_and_begin(self):
        self.server.kill()
        self.begin()

    def ctl(self, address, *arguments):
        return runsctl("runs", *arguments,
                       env={"RUNSCTL_TOKEN": self.token, "RUNSCTL_SERVER": address})

    def ok(self, address, *arguments):
        done = self.ctl(address, *arguments)
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        return done.stdout.strip()

    def commands(self):
        """(method, command) of each change that is keyed; each is of a run of its own."""
        file = ("--file", str(self.run_file))
        ids = [self.ok(self.socket, "create", *file, "--quiet") for _ in range(2)]
        yield "CreateRun", ("create", *file, "--json", "--workflow", "lost")
        yield "CancelRun", ("cancel", ids[0], "--json", "--reason", "why")
        yield "ReportRun", ("report", ids[1], "--json", "--status", "success", "--total-cu", "3.5")

    def check_once(self, before_loss):
        for method, command in self.commands():
            with self.subTest(method):
                relay = Relay(self, self.socket, lost=[method], before_loss=before_loss)
                run = json.loads(self.ok(relay.address, *command, "--timeout-ms", "60000"))
                self.assertEqual([method] * 2, [name for name, _ in relay.calls])
                self.assertEqual(relay.calls[0], relay.calls[1])
                events = json.loads(self.ok(self.socket, "events", run["id"], "--json"))["events"]
                self.assertEqual(1 if method == "CreateRun" else 2, len(events))
                self.assertEqual(events[-1]["toStatus"], run["status"])
        runs = json.loads(self.ok(self.socket, "list", "--workflow", "lost", "--json"))["runs"]
        self.assertEqual(1, len(runs))

    def test_a_lost_answer(self):
        self.check_once(None)

    def test_a_server_that_is_killed_before_it_could_answer(self):
        self.check_once(self.kill_and_begin)

    def test_the_same_command_with_its_request_id_goes_on(self):
        for method, command in self.commands():
            with self.subTest(method):
                relay = Relay(self, self.socket, lost=[method])
                self.addCleanup(setattr, relay, "lost", [])
                relay.before_loss = lambda relay=relay, method=method: relay.lost.append(method)
                done = self.ctl(relay.address, *command, "--timeout-ms", "1500")
                self.assertEqual((UNAVAILABLE, ""), (done.returncode, done.stdout))
                hint = json.loads(done.stderr)["hint"]
                key = re.fullmatch(r"the same command with --request-id (\S+) does it, if it is not done",
                                   hint).group(1)
                first = json.loads(self.ok(self.socket, *command, "--request-id", key))
                self.assertEqual(first, json.loads(self.ok(self.socket, *command, "--request-id", key)))
                events = json.loads(self.ok(self.socket, "events", first["id"], "--json"))["events"]
                self.assertEqual(1 if method == "CreateRun" else 2, len(events))
                other = ("--reason", "another") if method != "CreateRun" else ("--id", "another")
                words = [w for w in command if w not in ("--reason", "why")]
                done = self.ctl(self.socket, *words, *other, "--request-id", key)
                self.assertEqual((USAGE, ""), (done.returncode, done.stdout))
                self.assertEqual("IDEMPOTENCY_KEY_REUSED", json.loads(done.stderr)["error"]["reason"])
                self.assertEqual(422, json.loads(done.stderr)["code"])

    def test_nobody_who_listens_is_told_at_once(self):
        begun = time.monotonic()
        done = self.ctl(f"unix:{self.place.path}/nobody", "cancel", "x", "--timeout-ms", "50000")
        self.assertEqual(UNAVAILABLE, done.returncode)
        self.assertNotIn("--request-id", done.stderr)
        self.assertLess(time.monotonic() - begun, 40)

    def test_an_answer_is_not_asked_for_again(self):
        relay = Relay(self, self.socket)
        done = self.ctl(relay.address, "cancel", "ghost")
        self.assertEqual((NOT_FOUND, 1), (done.returncode, len(relay.calls)))


if __name__ == "__main__":
    unittest.main()

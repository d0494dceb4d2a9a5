"""What the programs print goes out whole or is said not to, and errors come as JSON if asked."""

import json
import os
import re
import signal
import subprocess
import unittest

import contract
from harness import DEADLINE_S, ROOT, create_token, program, runsctl, serve_for
from tables import cases

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = range(7)
NO_ROOM = "No space left on device"


def run_into(stdout, *command, ignored_signal=None, env=None):
    """Runs a program whose standard output is something else than a pipe that is read."""

    def prepare():
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if ignored_signal:
            signal.signal(ignored_signal, signal.SIG_IGN)

    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True,
                          timeout=DEADLINE_S, check=False, preexec_fn=prepare,
                          env={**os.environ, **(env or {})}, restore_signals=False)


COMMANDS = [("serve",), ("runs", "create"), ("runs", "get"), ("runs", "list"), ("runs", "cancel"),
            ("runs", "report"), ("runs", "events"), ("runs", "watch"), ("runs", "wait"),
            ("runs", "acquire"), ("runs", "renew"), ("runs", "release"), ("runs", "acknowledge"),
            ("runs", "count"), ("runs", "delete"), ("bulk-cancels", "get"), ("bulk-cancels", "list"),
            ("bulk-cancels", "outcomes"), ("bulk-cancels", "watch"), ("bulk-cancels", "abort"),
            ("organizations", "get"), ("organizations", "freeze"), ("organizations", "unfreeze"),
            ("organizations", "export"), ("organizations", "delete"), ("store", "stats"),
            ("store", "backup"), ("store", "restore"), ("store", "check"), ("store", "migrate"),
            ("store", "freeze"), ("store", "thaw"), ("store", "copy"),
            ("audit", "export"),
            ("tokens", "create"), ("tokens", "list"),
            ("tokens", "revoke"), ("tokens", "rotate"), ("tokens", "set-limits"), ("whoami",), ("health",),
            ("check",), ("version",)]


@cases(
    [(f"runsctl {' '.join(words)} --help", "runsctl", (*words, "--help")) for words in COMMANDS] +
    [(f"{name} {option}", name, (option,)) for name in ("runsctl", "runsd", "runs-gateway")
     for option in ("--help", "--version")] +
    [("runsctl", "runsctl", ()), ("runsctl runs", "runsctl", ("runs",)),
     ("the word help", "runsctl", ("help",)), ("the words help runs", "runsctl", ("help", "runs")),
     ("the word version", "runsctl", ("version",)),
     ("the word version as JSON", "runsctl", ("version", "--json")),
     ("runs-gateway --print-openapi", "runs-gateway", ("--print-openapi",))])
class Unread(unittest.TestCase):
    """Output that needs no server."""

    def check(self, name, arguments):
        command = (program(name), *arguments)
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = run_into(full, *command)
        self.assertEqual(FAILED, done.returncode, done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertIn(NO_ROOM, done.stderr)
        # Nobody reads: the signal that ends any other program, or the error where it is ignored.
        for ignored in (None, signal.SIGPIPE):
            theirs, ours = os.pipe()
            os.close(theirs)
            done = run_into(ours, *command, ignored_signal=ignored)
            os.close(ours)
            # A program that may serve ignores the signal.
            if ignored or "--print-openapi" in arguments:
                self.assertEqual(FAILED, done.returncode, done.stderr)
                self.assertIn("Broken pipe", done.stderr)
            else:
                self.assertEqual((-signal.SIGPIPE, ""), (done.returncode, done.stderr))


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.run_file = str(cls.place.path / "run.json")
        with open(cls.run_file, "w", encoding="utf-8") as file:
            json.dump(contract.new_run(), file)
        cls.env = {"RUNSCTL_TOKEN": cls.token, "RUNSCTL_SERVER": cls.server.grpc}

    def ctl(self, *arguments, **env):
        return runsctl(*arguments, env={**self.env, **env})

    def create(self, *more):
        done = self.ctl("runs", "create", "--file", self.run_file, "--quiet", *more)
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        return done.stdout.strip()


class Output(Served):
    def commands(self):
        run_id = self.create()
        store = ("--store", self.place.store)
        yield ("runs", "get", run_id)
        yield ("runs", "list")
        yield ("runs", "events", run_id)
        yield ("whoami",)
        yield ("runs", "report", run_id, "--status", "waiting")
        yield ("runs", "cancel", run_id)
        yield ("runs", "create", "--file", self.run_file)
        yield ("tokens", "create", *store, "--org", "o", "--scopes", "runs.read")
        yield ("tokens", "list", *store)
        create_token(self.place.store, org="o", name=run_id)
        yield ("tokens", "rotate", run_id, *store, "--org", "o")
        yield ("tokens", "revoke", run_id, *store, "--org", "o")
        yield ("check", *store)

    def test_a_full_disk_is_an_error_of_each_command(self):
        for json_too in ((), ("--json",)):
            with self.subTest(json_too):
                for command in self.commands():
                    with open("/dev/full", "w", encoding="utf-8") as full:
                        done = run_into(full, program("runsctl"), *command, *json_too,
                                        env=self.env)
                    self.assertEqual(FAILED, done.returncode, (command, done.stderr))
                    self.assertEqual(1, done.stderr.count("\n"), done.stderr)
                    self.assertIn(NO_ROOM, done.stderr)
                    if json_too:
                        self.assertIn(NO_ROOM, json.loads(done.stderr)["message"])

    def test_what_was_done_before_the_disk_was_full_is_done(self):
        run_id = self.create()
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = run_into(full, program("runsctl"), "runs", "cancel", run_id, env=self.env)
        self.assertIn("what the command did is done", done.stderr)
        self.assertIn("cancelled", self.ctl("runs", "get", run_id).stdout)

    def test_a_long_list_that_is_cut_is_an_error(self):
        """More than is buffered: the write that fails is not the last."""
        for _ in range(40):
            self.create()
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = run_into(full, program("runsctl"), "runs", "list", "--json", env=self.env)
        self.assertEqual(FAILED, done.returncode)
        self.assertIn("standard output", json.loads(done.stderr)["message"])

    def test_a_reader_that_leaves_ends_the_command_as_it_ends_others(self):
        theirs, ours = os.pipe()
        os.close(theirs)
        done = run_into(ours, program("runsctl"), "runs", "list", env=self.env)
        os.close(ours)
        self.assertEqual((-signal.SIGPIPE, ""), (done.returncode, done.stderr))

    def test_nothing_is_printed_into_a_socket_where_output_was_closed(self):
        """The gRPC connection would get the number of standard output."""
        run_id = self.create()
        for command in (("runs", "get", run_id), ("runs", "get", run_id, "--json")):
            done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", program("runsctl"), *command],
                                  stderr=subprocess.PIPE, text=True, timeout=DEADLINE_S,
                                  check=False, env={**os.environ, **self.env})
            self.assertEqual(FAILED, done.returncode, done.stderr)
            self.assertIn("Bad file descriptor", done.stderr)


class Errors(Served):
    """With --json, errors are one line of JSON on standard error, spelled as REST spells them."""

    def fails(self, code, status, *arguments, **env):
        done = self.ctl(*arguments, "--json", **env)
        self.assertEqual((code, ""), (done.returncode, done.stdout), done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        error = json.loads(done.stderr)
        self.assertEqual(status, error["error"]["status"])
        self.assertLessEqual({"code", "message", "requestId", "error"}, set(error))
        self.assertLessEqual({"status", "reason", "metadata"}, set(error["error"]))
        return error

    def test_a_run_that_is_finished(self):
        run_id = self.create()
        self.ctl("runs", "cancel", run_id)
        error = self.fails(CONFLICT, "FAILED_PRECONDITION", "runs", "cancel", run_id)
        self.assertEqual(409, error["code"])
        self.assertEqual("RUN_ALREADY_FINISHED", error["error"]["reason"])
        self.assertEqual("cancelled", error["error"]["metadata"]["status"])
        self.assertIn("finishedAt", error["error"]["metadata"])
        self.server.wait_for_log(lambda l: l.get("requestId") == error["requestId"], "the request")

    def test_people_read_its_status_once(self):
        run_id = self.create()
        self.ctl("runs", "cancel", run_id)
        text = self.ctl("runs", "cancel", run_id).stderr
        self.assertEqual(1, text.count("cancelled"), text)
        self.assertRegex(text, r"finishedAt: \S+Z")

    def test_a_run_that_is_not_there(self):
        for command in ("get", "cancel", "events"):
            error = self.fails(NOT_FOUND, "NOT_FOUND", "runs", command, "ghost")
            self.assertEqual((404, "RUN_NOT_FOUND"), (error["code"], error["error"]["reason"]))
            self.assertIn("runs list", error["hint"])

    def test_values_that_the_server_refuses(self):
        error = self.fails(USAGE, "INVALID_ARGUMENT", "runs", "get", "a b")
        self.assertEqual("id", error["error"]["fieldViolations"][0]["field"])

    def test_tokens(self):
        error = self.fails(DENIED, "UNAUTHENTICATED", "runs", "list", RUNSCTL_TOKEN="nope")
        self.assertEqual(401, error["code"])
        self.assertNotEqual("", error["requestId"])
        self.fails(NOT_FOUND, "NOT_FOUND", "tokens", "revoke", "ghost", "--org", "o", "--store",
                   self.place.store)
        reader = create_token(self.place.store, scopes="runs.read")
        error = self.fails(DENIED, "PERMISSION_DENIED", "runs", "cancel", "x", RUNSCTL_TOKEN=reader)
        self.assertEqual("SCOPE_MISSING", error["error"]["reason"])

    def test_nobody_listens(self):
        error = self.fails(UNAVAILABLE, "UNAVAILABLE", "runs", "list",
                           RUNSCTL_SERVER=f"unix:{self.place.path}/nobody")
        self.assertEqual(503, error["code"])

    def test_files_that_are_not_there(self):
        self.fails(USAGE, "INVALID_ARGUMENT", "runs", "create", "--file", "/nowhere.json")
        self.fails(NOT_FOUND, "NOT_FOUND", "check", "--store", f"sqlite:{self.place.path}/no.db")

    def test_wrong_usage(self):
        for arguments in (("runs", "list", "--page-size", "ten"), ("runs", "list", "--stauts", "x"),
                          ("runs", "list", "--status", "done"), ("runs", "get"), ("runs", "gte"),
                          ("fly",), ("tokens", "create", "--org"), ("runs",), ("check",),
                          ("runs", "list", "--server", "here"),
                          ("tokens", "list", "--store", "memory:"),
                          ("tokens", "create", "--store", "sqlite:x", "--org", "o", "--scopes",
                           "runs.read", "--quiet")):
            error = self.fails(USAGE, "INVALID_ARGUMENT", *arguments)
            self.assertEqual((400, "", ""),
                             (error["code"], error["error"]["reason"], error["requestId"]),
                             arguments)

    def test_a_token_that_is_given_in_a_wrong_place_is_hidden(self):
        for arguments, code, status in (
                (("runs", "get", self.token), NOT_FOUND, "NOT_FOUND"),
                (("runs", "get", "x", self.token), USAGE, "INVALID_ARGUMENT"),
                (("runs", "list", "--status", self.token), USAGE, "INVALID_ARGUMENT"),
                (("runs", "list", "--server", self.token), USAGE, "INVALID_ARGUMENT")):
            error = self.fails(code, status, *arguments)
            self.assertNotIn(self.token[4:], json.dumps(error))

    def test_a_value_is_no_option(self):
        """--json behind "--" or as a value asks for nothing."""
        done = self.ctl("runs", "cancel", "ghost", "--reason", "--json")
        self.assertTrue(done.stderr.startswith("runsctl: "), done.stderr)
        done = self.ctl("runs", "get", "--", "--json")
        self.assertTrue(done.stderr.startswith("runsctl: "), done.stderr)


@cases([
    ("an option", ("runs", "list", "--statsu", "x"), "did you mean --status?"),
    ("an option's beginning", ("runs", "list", "--work", "x"), "did you mean --workflow?"),
    ("a command", ("runs", "lits"), "did you mean runs list?"),
    ("a group", ("run", "list"), "did you mean runs list?"),
    ("a command of one word", ("whomai",), "did you mean whoami?"),
    ("both words", ("tokn", "creat"), "did you mean tokens create?"),
    ("a second word alone", ("cancel", "x"), '"cancel" (did you mean runs cancel?)'),
    ("a second word of two groups", ("list",), '"list" (did you mean runs list?)'),
    ("a second word of tokens", ("rotate", "--org", "x"), "did you mean tokens rotate?"),
    ("a second word mistyped", ("cancle", "x"), "did you mean runs cancel?"),
    ("a second word of a group with a hyphen", ("bulkcancels", "list"),
     "did you mean bulk-cancels list?"),
    ("a list with blanks", ("runs", "list", "--status", "running,", "waiting"),
     '"waiting" is one argument too many: quote a list that has blanks; see'),
    ("a time range that is empty", ("runs", "list", "--since", "1h", "--until", "2h"),
     "--since 1h is not before --until 2h"),
    ("a day that is its own end", ("runs", "list", "--since=2026-01-31", "--until=2026-01-31"),
     "--since 2026-01-31 is not before --until 2026-01-31"),
    ("an option of serve", ("serve", "--htpp", "x"), "did you mean --http?"),
    ("a word", ("serve", "--store", "memory:", "--log-level", "wran"), "did you mean warn?"),
])
class DidYouMean(unittest.TestCase):
    def check(self, arguments, fragment):
        done = runsctl(*arguments)
        self.assertEqual((USAGE, ""), (done.returncode, done.stdout))
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertIn(fragment, done.stderr)


class Help(unittest.TestCase):
    def test_fits_a_terminal(self):
        pages = [("runsctl",), *(("runsctl", *words) for words in COMMANDS), ("runsd",),
                 ("runs-gateway",)]
        for name, *words in pages:
            done = run_into(subprocess.PIPE, program(name), *words, "--help")
            self.assertEqual((OK, ""), (done.returncode, done.stderr))
            self.assertEqual([], [l for l in done.stdout.splitlines() if len(l) > 80], words)


class Page(unittest.TestCase):
    """docs/RUNSCTL.md against the program."""

    def setUp(self):
        self.page = (ROOT / "docs" / "RUNSCTL.md").read_text(encoding="utf-8")

    def test_has_the_exit_codes(self):
        codes = re.sub(r"\s+", " ", runsctl("--help").stdout.partition("Exit codes: ")[2]).strip(" .")
        told = [f"{code} {means.partition(';')[0]}" for code, means in
                re.findall(r"^\| (\d) \| ([^|]+?) \|", self.page, re.M)]
        self.assertEqual(re.split(r", (?=\d )", codes), told)

    def test_all_commands_are_looked_at(self):
        named = re.findall(r"^  ([a-z-]+(?: [a-z-]+)?) ", runsctl("--help").stdout, re.M)
        self.assertEqual(sorted(" ".join(words) for words in COMMANDS), sorted(named))

    def test_has_the_json_of_each_command(self):
        words = set(re.findall(r"`([a-z -]+)`", self.page.partition("| command |")[2]
                               .partition("\n\n")[0]))
        for command in COMMANDS:
            with self.subTest(command):
                has_json = "  --json " in runsctl(*command, "--help").stdout
                named = " ".join(command) in words or command[-1] in words
                self.assertEqual(has_json, named)


class HelpAndVersion(unittest.TestCase):
    def test_help_of_a_command_both_ways(self):
        self.assertEqual(runsctl("runs", "get", "--help").stdout,
                         runsctl("help", "runs", "get").stdout)
        self.assertEqual(runsctl("runs", "--help").stdout, runsctl("help", "runs").stdout)
        self.assertIn("usage: runsctl runs get ID", runsctl("help", "runs", "get").stdout)


del Served  # it has no tests of its own

if __name__ == "__main__":
    unittest.main()

"""The command line: what it prints, and its exit codes."""

import json
import os
import re
import stat
import unittest

import contract
from harness import Place, Serve, create_token, runsctl, serve_for
from tables import cases

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = range(7)


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.reader = create_token(cls.place.store, scopes="runs.read")
        cls.run_file = str(cls.place.path / "run.json")
        with open(cls.run_file, "w", encoding="utf-8") as file:
            json.dump(contract.new_run(), file)

    def ctl(self, *arguments, token=None, input=None, server=None):
        return runsctl(*arguments, input=input,
                       env={"RUNSCTL_TOKEN": token or self.token,
                            "RUNSCTL_SERVER": server or self.server.grpc})

    def ok(self, *arguments, **options):
        done = self.ctl(*arguments, **options)
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        return done.stdout

    def create(self):
        return self.ok("runs", "create", "--file", self.run_file, "--quiet").strip()

    def fails(self, code, fragment, *arguments, **options):
        """One line on stderr that says what is wrong and what to do; no output."""
        done = self.ctl(*arguments, **options)
        self.assertEqual(code, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertTrue(done.stderr.startswith("runsctl: "))
        self.assertIn(fragment, done.stderr)


class Runs(Served):
    def test_create_from_a_file_prints_json_as_rest_spells_it(self):
        run = json.loads(self.ok("runs", "create", "--file", self.run_file, "--json"))
        contract.check_run(self, run, final=False)
        for key, value in contract.new_run().items():
            self.assertEqual(value, run[key], key)

    def test_create_from_standard_input_with_options(self):
        text = json.dumps(contract.new_run())
        run = json.loads(self.ok("runs", "create", "--file", "-", "--json", "--id", "from-stdin",
                                 "--workflow", "other", "--workflow-version", "7", input=text))
        self.assertEqual(("from-stdin", "other", 7),
                         (run["id"], run["workflowId"], run["workflowVersion"]))

    def test_get_for_people_and_for_machines(self):
        run_id = self.create()
        text = self.ok("runs", "get", run_id)
        self.assertRegex(text, rf"(?m)^id +{run_id}$")
        self.assertRegex(text, r"(?m)^status +running$")
        self.assertEqual(run_id, json.loads(self.ok("runs", "get", run_id, "--json"))["id"])

    def test_cancel_and_its_events(self):
        run_id = self.create()
        text = self.ok("runs", "cancel", run_id, "--reason", "no budget")
        self.assertRegex(text, r"(?m)^status +cancelled$")
        events = self.ok("runs", "events", run_id).splitlines()
        self.assertRegex(events[0], r"^SEQUENCE +AT +FROM +TO +ACTOR +REASON$")
        self.assertRegex(events[2], r"^2 +\S+Z +running +cancelled +tester +no budget$")
        events = json.loads(self.ok("runs", "events", run_id, "--json"))["events"]
        self.assertEqual([1, 2], [e["sequence"] for e in events])

    def test_report_from_waiting_to_success(self):
        run_id = self.create()
        self.ok("runs", "report", run_id, "--status", "waiting")
        run = json.loads(self.ok("runs", "report", run_id, "--status", "success", "--total-cu",
                                 "12.5", "--execution-state", "-", "--json",
                                 input='{"done": [1, 2]}'))
        self.assertEqual(("success", 12.5, {"done": [1, 2]}),
                         (run["status"], run["totalCu"], run["executionState"]))

    def test_list_filters_and_pages(self):
        for i in range(3):
            self.ok("runs", "create", "--file", self.run_file, "--id", f"listed-{i}",
                    "--workflow", "listed")
        self.ok("runs", "cancel", "listed-1")
        page = json.loads(self.ok("runs", "list", "--workflow", "listed", "--page-size", "2",
                                  "--json"))
        self.assertEqual(["listed-2", "listed-1"], [r["id"] for r in page["runs"]])
        page = json.loads(self.ok("runs", "list", "--workflow", "listed", "--page-size", "2",
                                  "--page-token", page["nextPageToken"], "--json"))
        self.assertEqual(["listed-0"], [r["id"] for r in page["runs"]])
        text = self.ok("runs", "list", "--workflow", "listed", "--status", "cancelled",
                       "--status=waiting").splitlines()
        self.assertRegex(text[0], r"^ID +STATUS +STARTED +FINISHED +STOPPED +ATTEMPT +HOLDER +WORKFLOW$")
        self.assertEqual(2, len(text))
        self.assertRegex(text[1], r"^listed-1 +cancelled ")

    def test_a_unix_socket_and_a_token_file(self):
        path = str(self.place.path / "token")
        place = Place()
        self.addCleanup(place.remove)
        socket = f"unix:{place.path}/grpc.sock"
        token = create_token(place.store)
        with open(path, "w", encoding="utf-8") as file:
            file.write(token + "\n")
        server = Serve(place.store, grpc=("127.0.0.1:0", socket))
        self.addCleanup(server.kill)
        for address in (socket, server.grpc):
            done = runsctl("runs", "list", "--server", address, "--token-file", path)
            self.assertEqual((OK, ""), (done.returncode, done.stderr))
        self.assertEqual(0, server.stop())

    def test_terminals_are_safe_from_what_runs_hold(self):
        run_id = self.create()
        self.ok("runs", "cancel", run_id, "--reason", "\x1b[2J\x07\u009b31m")
        text = self.ok("runs", "events", run_id)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\u009b", text)
        self.assertIn(r"\x1B[2J\x07\xC2\x9B31m", text)
        text = self.ok("runs", "events", run_id, "--json")
        self.assertEqual("\x1b[2J\x07\u009b31m", json.loads(text)["events"][1]["reason"])
        self.assertTrue(text.rstrip("\n").isprintable(), text)


class RunErrors(Served):
    def test_missing(self):
        for command in ("get", "cancel", "events"):
            self.fails(NOT_FOUND, "ghost", "runs", command, "ghost")

    def test_already_finished(self):
        run_id = self.create()
        self.ok("runs", "cancel", run_id)
        self.fails(CONFLICT, "cancelled", "runs", "cancel", run_id)
        self.fails(CONFLICT, "cancelled", "runs", "report", run_id, "--status", "success")

    def test_an_id_that_is_taken(self):
        run_id = self.create()
        self.fails(CONFLICT, run_id, "runs", "create", "--file", self.run_file, "--id", run_id)

    def test_no_token(self):
        done = runsctl("runs", "list", "--server", self.server.grpc, env={"RUNSCTL_TOKEN": ""})
        self.assertEqual(DENIED, done.returncode)
        self.assertIn("--token-file", done.stderr)

    def test_a_bad_token(self):
        self.fails(DENIED, "--token-file", "runs", "list", token="nope")

    def test_a_missing_scope(self):
        self.fails(DENIED, "runs.cancel", "runs", "cancel", "x", token=self.reader)

    def test_nobody_listens(self):
        self.fails(UNAVAILABLE, "--server", "runs", "list",
                   server=f"unix:{self.place.path}/nobody.sock")

    def test_a_value_that_the_server_refuses(self):
        self.fails(USAGE, "id", "runs", "get", "a b")

    def test_json_that_is_none(self):
        self.fails(USAGE, "", "runs", "create", "--file", "-", input="{")
        self.fails(USAGE, "priority", "runs", "create", "--file", "-", input='{"priority": 1}')

    def test_a_file_that_is_not_there(self):
        self.fails(USAGE, "/nowhere.json", "runs", "create", "--file", "/nowhere.json")


@cases([
    ("no command", (), ""),
    ("unknown command", ("fly",), "fly"),
    ("unknown subcommand", ("runs", "fly"), "runs fly"),
    ("a group alone", ("runs",), ""),
    ("no operand", ("runs", "get"), "ID"),
    ("two operands", ("runs", "get", "a", "b"), "\"b\""),
    ("unknown option", ("runs", "get", "a", "--force"), "--force"),
    ("an option without its value", ("runs", "list", "--status"), "--status"),
    ("an option twice", ("runs", "list", "--workflow=a", "--workflow=b"), "twice"),
    ("a flag with a value", ("runs", "list", "--json=yes"), "--json"),
    ("a number that is none", ("runs", "list", "--page-size", "ten"), "1000"),
    ("a number out of range", ("runs", "list", "--page-size", "1001"), "1000"),
    ("an unknown status", ("runs", "list", "--status", "done"), "done"),
    ("compute units in hex", ("runs", "report", "x", "--status", "success", "--total-cu", "0x1"),
     "0x1"),
    ("compute units of nothing", ("runs", "report", "x", "--status", "success", "--total-cu", "nan"),
     "nan"),
    ("a time that is none", ("runs", "list", "--started-after", "noon"), "RFC 3339"),
    ("a required option is missing", ("runs", "create"), "--file"),
    ("an empty key of a cancel", ("runs", "cancel", "r", "--request-id", ""), "--request-id: is empty"),
    ("an empty key of a report", ("runs", "report", "r", "--status", "success", "--request-id", ""),
     "--request-id: is empty"),
    ("an empty key of a creation", ("runs", "create", "--file", "-", "--request-id", ""),
     "--request-id: is empty"),
    ("an address that is none", ("runs", "list", "--server", "here"), "here"),
    ("an organization is missing", ("tokens", "create", "--scopes", "runs.read"), "--org"),
    ("store and server", ("tokens", "list", "--store", "sqlite:x", "--server", "a:1"), "--server"),
    ("a store in memory", ("tokens", "list", "--store", "memory:"), "memory:"),
    ("a store of no kind", ("tokens", "list", "--store", "postgres:x"), "postgres"),
    ("serve without a store", ("serve",), "--store"),
    ("serve at no address", ("serve", "--store", "memory:", "--http", "8080"), "--http"),
    ("serve with an odd log level", ("serve", "--store", "memory:", "--log-level", "loud"),
     "loud"),
    ("serve with a limit of 0", ("serve", "--store", "memory:", "--max-body-bytes", "0"),
     "--max-body-bytes"),
])
class Usage(unittest.TestCase):
    def check(self, arguments, fragment):
        done = runsctl(*arguments)
        self.assertEqual(USAGE, done.returncode, done.stderr)
        self.assertIn(fragment, done.stderr + (done.stdout if len(arguments) < 2 else ""))
        if len(arguments) > 1:
            self.assertEqual("", done.stdout)
            self.assertEqual(1, done.stderr.count("\n"), done.stderr)


@cases([(" ".join(words) or "all", words) for words in [
    (), ("runs",), ("tokens",), ("serve",), ("runs", "create"), ("runs", "get"), ("runs", "list"),
    ("runs", "cancel"), ("runs", "report"), ("runs", "events"), ("runs", "watch"), ("runs", "wait"),
    ("runs", "acquire"), ("runs", "renew"), ("runs", "release"), ("runs", "acknowledge"),
    ("tokens", "create"),
    ("tokens", "list"), ("tokens", "revoke"), ("tokens", "rotate"), ("tokens", "set-limits"),
    ("whoami",),
    ("check",), ("version",)]])
class Help(unittest.TestCase):
    def check(self, words):
        done = runsctl(*words, "--help")
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        self.assertTrue(done.stdout.startswith("usage: runsctl " + " ".join(words)))
        self.assertIn("Exit codes: 0 done", done.stdout)
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 100, line)


class Tokens(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.store = ("--store", self.place.store)

    def ok(self, *arguments):
        done = runsctl(*arguments)
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        return done.stdout

    def create(self, name, *more):
        return self.ok("tokens", "create", *self.store, "--create", "--org", "acme", "--scopes",
                       "runs.read,runs.cancel", "--name", name, *more)

    def names(self):
        tokens = json.loads(self.ok("tokens", "list", *self.store, "--json")).get("tokens", [])
        return {t["name"] for t in tokens}

    def test_quiet_prints_the_token_alone(self):
        self.assertRegex(self.create("a", "--quiet"), r"\Arst_[A-Za-z0-9_-]{43}\n\Z")

    def test_a_token_for_people_and_for_machines(self):
        self.assertRegex(self.create("a"), r"(?m)^scopes +runs\.read,runs\.cancel$")
        made = json.loads(self.create("b", "--json", "--expires-at", "2100-01-01T00:00:00Z"))
        self.assertRegex(made["secret"], r"\Arst_")
        self.assertEqual("2100-01-01T00:00:00Z", made["token"]["expiresAt"])

    def test_list_never_shows_a_token(self):
        secret = self.create("a", "--quiet").strip()
        for more in ((), ("--json",)):
            text = self.ok("tokens", "list", *self.store, *more)
            self.assertIn("acme", text)
            self.assertNotIn(secret, text)
            self.assertNotIn(secret[4:20], text)

    def test_revoke(self):
        self.create("a")
        self.assertRegex(self.ok("tokens", "revoke", "a", *self.store, "--org", "acme"),
                         r"\ARevoked a at \S+Z\.\n\Z")
        token = json.loads(self.ok("tokens", "list", *self.store, "--json"))["tokens"]
        self.assertIn("revokedAt", next(t for t in token if t["name"] == "a"))

    def test_rotate(self):
        first = self.create("a", "--quiet").strip()
        rotate = ("tokens", "rotate", "a", *self.store, "--org", "acme")
        second = self.ok(*rotate, "--quiet").strip()
        self.assertRegex(second, r"\Arst_[A-Za-z0-9_-]{43}\Z")
        text = self.ok(*rotate, "--overlap", "90m", "--end-oldest")
        third = re.search(r"(?m)^token +(rst_\S{43})$", text)[1]
        self.assertRegex(text, r"(?m)^previous +ends \S+Z$")
        self.assertIn("cannot be read again", text)
        self.assertEqual(3, len({first, second, third}))
        told = json.loads(self.ok(*rotate, "--overlap", "0", "--json", "--expires-at",
                                  "2100-01-01T00:00:00Z"))
        self.assertEqual("2100-01-01T00:00:00Z", told["token"]["expiresAt"])
        newest, previous = told["token"]["secrets"]
        self.assertEqual(newest["createdAt"], previous["expiresAt"])
        brief = json.loads(self.ok(*rotate, "--overlap", "1h", "--json", "--expires-in", "1d"))
        self.assertLess(brief["token"]["expiresAt"], "2100")
        self.ok(*rotate, "--overlap", "0", "--expires-at", "2100-01-01T00:00:00Z")
        table = self.ok("tokens", "list", *self.store)
        for secret in (first, second, third, told["secret"]):
            self.assertNotIn(secret[4:20], table)
        self.assertRegex(table, r"(?m)^acme +a +\S+ +- +newest +\S+Z +2100-01-01T00:00:00Z +- +0 +0 +-$")
        self.assertRegex(table, r"(?m)^acme +a +\S+ +- +previous +\S+Z +\S+Z +- +- +- +-$")
        self.ok("tokens", "revoke", "a", *self.store, "--org", "acme")
        done = runsctl(*rotate)
        self.assertEqual(CONFLICT, done.returncode, done.stderr)
        self.assertIn("is revoked", done.stderr)

    def test_errors(self):
        self.create("a")
        for code, arguments in (
                (CONFLICT, ("create", "--org", "acme", "--scopes", "runs.read", "--name", "a")),
                (NOT_FOUND, ("revoke", "ghost", "--org", "acme")),
                (USAGE, ("create", "--org", "a b", "--scopes", "runs.read")),
                (USAGE, ("create", "--org", "acme", "--scopes", "runs.fly")),
                (USAGE, ("create", "--org", "acme", "--scopes", "runs.read,")),
                (USAGE, ("create", "--org", "acme", "--scopes", "runs.read", "--expires-at",
                         "soon")),
                (NOT_FOUND, ("rotate", "ghost", "--org", "acme")),
                (USAGE, ("rotate", "a", "--org", "acme", "--overlap", "-5h")),
                (USAGE, ("rotate", "a", "--org", "acme", "--overlap", "24")),
                (USAGE, ("rotate", "a", "--org", "acme", "--overlap", "91d")),
                (USAGE, ("rotate", "a", "--org", "acme", "--expires-at", "soon")),
                (USAGE, ("rotate", "a", "--org", "acme", "--expires-in", "0")),
                (USAGE, ("rotate", "a", "--org", "acme", "--expires-in", "1h", "--expires-at",
                         "2100-01-01T00:00:00Z"))):
            done = runsctl("tokens", *arguments, *self.store)
            self.assertEqual(code, done.returncode, (arguments, done.stderr))
            self.assertEqual(1, done.stderr.count("\n"), done.stderr)

    def test_only_its_owner_can_read_the_store(self):
        self.create("a")
        for path in self.place.path.iterdir():
            self.assertEqual(0, stat.S_IMODE(os.stat(path).st_mode) & 0o077, path)

    def test_through_a_running_server_and_after_it(self):
        self.create("before")
        server = Serve(self.place.store)
        self.addCleanup(server.kill)
        self.create("while")
        self.assertLessEqual({"before", "while"}, self.names())
        server.kill()
        # What the killed server left beside the store must not be believed.
        self.create("after")
        self.assertLessEqual({"before", "while", "after"}, self.names())


del Served  # it has no tests of its own

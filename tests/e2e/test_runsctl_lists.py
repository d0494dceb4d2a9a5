"""runsctl's lists and what it shows of a run: columns, pages, times, filters, replays."""

import datetime
import json
import re
import unicodedata
import unittest

import contract
from harness import create_token, program, runsctl, serve_for
from terminal import Terminal

ALL_COLUMNS = r"(?m)\AID +STATUS +STARTED +FINISHED +STOPPED +ATTEMPT +HOLDER +WORKFLOW$"
OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = range(7)


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.env = {"RUNSCTL_TOKEN": cls.token, "RUNSCTL_SERVER": cls.server.grpc}

    def ctl(self, *arguments, input=None, **env):
        return runsctl(*arguments, input=input, env={**self.env, **env})

    def ok(self, *arguments, **options):
        done = self.ctl(*arguments, **options)
        self.assertEqual((OK, ""), (done.returncode, done.stderr), arguments)
        return done.stdout

    def wrong(self, fragment, *arguments):
        done = self.ctl(*arguments)
        self.assertEqual((USAGE, ""), (done.returncode, done.stdout), arguments)
        self.assertIn(fragment, done.stderr)

    def create(self, *more, **fields):
        return self.ok("runs", "create", "--file", "-", "--quiet", *more,
                       input=json.dumps({**contract.new_run(), **fields})).strip()

    def ids(self, *arguments):
        return [r["id"] for r in json.loads(self.ok("runs", "list", "--json", *arguments))["runs"]]

    def at_terminal(self, columns, *arguments):
        terminal = Terminal((program("runsctl"), *arguments), columns, self.env)
        self.addCleanup(terminal.kill)
        status, lines = terminal.finish()
        self.assertEqual(OK, status, lines)
        return lines


class Pages(Served):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        text = json.dumps(contract.new_run())
        for i in range(7):
            done = runsctl("runs", "create", "--file", "-", "--id", f"p{i}", "--workflow", "pages",
                           input=text, env=cls.env)
            assert done.returncode == OK, done.stderr
        cls.all = [f"p{i}" for i in reversed(range(7))]

    def test_all_pages_are_one_list(self):
        for more in ((), ("--page-size", "2"), ("--page-size", "7"), ("--page-size", "1000")):
            self.assertEqual(self.all, self.ids("--workflow", "pages", "--all", *more))
            page = json.loads(self.ok("runs", "list", "--json", "--all", "--workflow", "pages", *more))
            self.assertEqual({"runs", "nextPageToken"}, set(page))
            self.assertEqual("", page["nextPageToken"])
            lines = self.ok("runs", "list", "--all", "--workflow", "pages", *more).splitlines()
            self.assertEqual(8, len(lines))  # one heading, no "More"
            self.assertEqual(self.all, [line.split()[0] for line in lines[1:]])

    def test_one_page_is_as_the_server_sends_it(self):
        page = json.loads(self.ok("runs", "list", "--json", "--workflow", "pages", "--page-size",
                                  "3"))
        self.assertEqual(self.all[:3], [r["id"] for r in page["runs"]])
        rest = self.ids("--workflow", "pages", "--page-size", "2", "--all", "--page-token",
                        page["nextPageToken"])
        self.assertEqual(self.all[3:], rest)

    def test_an_empty_list(self):
        for more in ((), ("--all",)):
            self.assertEqual('{"runs":[],"nextPageToken":""}\n',
                             self.ok("runs", "list", "--json", "--workflow", "none", *more))
            self.assertEqual(1, self.ok("runs", "list", "--workflow", "none", *more).count("\n"))

    def test_an_error_leaves_standard_output_empty(self):
        done = self.ctl("runs", "list", "--all", "--json", RUNSCTL_TOKEN="nope")
        self.assertEqual((DENIED, ""), (done.returncode, done.stdout))

    def test_what_the_next_page_needs_is_said(self):
        """Times that are so long ago are others by then: the token would be refused."""
        text = self.ok("runs", "list", "--workflow", "pages", "--page-size", "3", "--since", "1d")
        more = re.search(r"^More: --all, or (--page-token \S+ --since \S+Z)$", text, re.M)[1]
        self.assertEqual(self.all[3:6], self.ids("--workflow", "pages", "--page-size", "3",
                                                 *more.split()))
        text = self.ok("runs", "list", "--page-size", "3", "--since", "2020-01-01T00:00:00Z")
        self.assertRegex(text, r"(?m)^More: --all, or --page-token \S+$")


class Filters(Served):
    def test_statuses_by_commas(self):
        ids = [self.create("--workflow", "f") for _ in range(3)]
        self.ok("runs", "cancel", ids[0])
        self.ok("runs", "report", ids[1], "--status", "waiting")
        for value in ("running,waiting", " running , waiting ", "waiting,running,waiting"):
            self.assertEqual(ids[:0:-1], self.ids("--workflow", "f", "--status", value))
        self.assertEqual([ids[1], ids[0]], self.ids("--workflow", "f", "--status", "waiting",
                                                    "--status=cancelled"))
        for value in ("running,", "", ",", "running,,waiting", "running, done", "RUNNING"):
            self.wrong("--status", "runs", "list", "--status", value)
        self.wrong("did you mean running?", "runs", "list", "--status", "waiting,runing")
        self.wrong("did you mean success?", "runs", "report", "x", "--status", "succes")

    def test_times(self):
        run_id = self.create("--workflow", "t")
        for since in ("2h", "7d", "1w", "1h30m", "2020-01-31", "2020-01-31T09:00:00Z",
                      "2020-01-31T09:00:00+02:00"):
            for option in ("--since", "--started-after"):
                self.assertEqual([run_id], self.ids("--workflow", "t", option, since), since)
            self.assertEqual([], self.ids("--workflow", "t", "--until", since), since)
        started = json.loads(self.ok("runs", "get", run_id, "--json"))["startedAt"]
        later = (datetime.datetime.fromisoformat(started) +
                 datetime.timedelta(days=2)).date().isoformat()
        self.assertEqual([], self.ids("--workflow", "t", "--since", later))
        self.assertEqual([run_id], self.ids("--workflow", "t", "--until", later, "--since", "1d"))

    def test_times_that_are_none(self):
        for value in ("", "noon", "-2h", "2", "2y", "2 h", "1.5h", "2026-02-30", "36501d",
                      "99999999999999999999d", "2026-01-31 09:00:00"):
            for option in ("--since", "--until"):
                self.wrong(option, "runs", "list", f"{option}={value}")


class Columns(Served):
    def setUp(self):
        self.name = "a-workflow-whose-name-is-rather-long-and-says-much"
        self.run = self.create("--workflow", self.name)
        self.ok("runs", "cancel", self.run, "--reason", "because of " + "this and " * 30 + "that")

    def test_a_list_fits_a_terminal(self):
        for columns in (80, 100, 119):
            lines = self.at_terminal(columns, "runs", "list", "--workflow", self.name)
            self.assertLessEqual(max(map(len, lines)), columns, lines)
            self.assertRegex(lines[0], r"^ID +STATUS +AGE +HOLDER +WORKFLOW$")
            self.assertRegex(lines[1], rf"^{self.run}  cancelled  \d+[smh] +- +a-workflow-[a-z-]+…?$")
        self.assertIn("…", self.at_terminal(80, "runs", "list")[1])
        # The id is never cut: it is what the next command needs.
        self.assertTrue(self.at_terminal(20, "runs", "list")[1].startswith(self.run))

    def test_wide_characters_take_two_columns(self):
        name = "漢字" * 30
        self.create("--workflow", name)
        line = self.at_terminal(80, "runs", "list", "--workflow", name)[1]
        self.assertTrue(line.endswith("漢…") or line.endswith("字…"), line)
        self.assertIn(sum(1 + (unicodedata.east_asian_width(c) == "W") for c in line), (79, 80))

    def test_all_columns_where_there_is_room_or_they_are_asked_for(self):
        for columns, more in ((250, ()), (80, ("--wide",))):
            lines = self.at_terminal(columns, "runs", "list", *more, "--workflow", self.name)
            self.assertRegex(lines[0], ALL_COLUMNS)
            self.assertTrue(lines[1].endswith(self.name), lines)
        self.assertRegex(self.ok("runs", "list"), ALL_COLUMNS)

    def test_tokens_fit_too(self):
        store = ("tokens", "list", "--store", self.place.store)
        create_token(self.place.store, name="a-name-that-is-as-long-as-a-uuid-is-36")
        lines = self.at_terminal(80, *store)
        self.assertLessEqual(max(map(len, lines)), 80, lines)
        self.assertRegex(lines[0], r"^ORG +NAME +SECRET +ENDS +USED +DENIED +SCOPES$")
        self.assertRegex(lines[1], r"^acme +\S+ +newest +never +(-|\d+s) +0 +runs\.\S*…$")
        for text in (self.at_terminal(80, *store, "--wide")[0], self.ok(*store).splitlines()[0]):
            self.assertRegex(text, r"^ORGANIZATION +NAME +SCOPES +LIMITS .* REFUSED +REVOKED$")

    def test_tokens_with_limits_are_told_apart(self):
        store = ("--store", self.place.store)
        create_token(self.place.store, org="much", name="without")
        create_token(self.place.store, org="much", name="with")
        self.ok("tokens", "set-limits", "with", *store, "--org", "much", "--limit-reads", "500",
                "--limit-changes", "off")
        listed = ("tokens", "list", *store, "--org", "much")
        rows = {line.split()[1]: line for line in self.ok(*listed).splitlines()}
        self.assertIn("  500 reads/s, no limit of changes  newest", rows["with"])
        self.assertIn("  -       ", rows["without"])
        lines = self.at_terminal(100, *listed)
        self.assertLessEqual(max(map(len, lines)), 100, lines)
        self.assertRegex(lines[0], r"^ORG +NAME +SECRET +ENDS +USED +DENIED +SCOPES +LIMITS$")
        self.assertRegex("\n".join(lines), r"with +newest .*  500 reads/s, .*…(\n|$)")
        self.assertLessEqual(max(map(len, self.at_terminal(80, *listed))), 80)

    def test_events_fit_too(self):
        lines = self.at_terminal(80, "runs", "events", self.run)
        self.assertLessEqual(max(map(len, lines)), 80, lines)
        self.assertRegex(lines[2], r"^2 +\S{19}Z  running +cancelled +\S+ +because of .*…$")
        for text in ("\n".join(self.at_terminal(80, "runs", "events", self.run, "--wide")),
                     self.ok("runs", "events", self.run)):
            self.assertIn("this and that", text)


class Shown(Served):
    def test_what_a_run_is_about(self):
        run_id = self.create(propValues={"amount": 12.5, "to": ["ä", "b\x1b"]}, sourceRunId="before")
        self.ok("runs", "report", run_id, "--status", "running", "--execution-state", "-",
                input='{"node": "root", "n": 9007199254740991}')
        self.ok("runs", "cancel", run_id, "--reason", "no budget")
        text = self.ok("runs", "get", run_id)
        for row in (rf"id +{run_id}", r"status +cancelled", r"ended by +tester",
                    r"reason +no budget", r"source run +before",
                    r"state +\{\"node\":\"root\",\"n\":9007199254740991\}",
                    r"inputs +\{\"amount\":12.5,\"to\":\[\"ä\",\"b\\u001[bB]\"\]\}",
                    r"definition +\d+ nodes?; --json prints it", r"finished +\S+Z"):
            self.assertRegex(text, rf"(?m)^{row}$")

    def test_a_run_that_goes_on_has_no_end(self):
        text = self.ok("runs", "get", self.create(sourceRunId=""))
        self.assertNotRegex(text, "(?m)^(ended by|reason) ")
        self.assertRegex(text, r"(?m)^source run +-$")

    def test_who_ended_it_whatever_the_end(self):
        run_id = self.create()
        self.ok("runs", "report", run_id, "--status", "failure", "--reason", "out of gas")
        self.assertRegex(self.ok("runs", "get", run_id), r"(?m)^reason +out of gas$")
        run_id = self.create()
        self.ok("runs", "cancel", run_id)
        self.assertRegex(self.ok("runs", "get", run_id), r"(?m)^reason +-$")

    def test_a_large_state_is_cut_and_says_so(self):
        state = json.dumps({"text": "ä" * 50000})
        run_id = self.create()
        self.ok("runs", "report", run_id, "--status", "running", "--execution-state", "-",
                input=state)
        text = self.ok("runs", "get", run_id)
        self.assertLess(len(text), 4000)
        self.assertRegex(text, r"\.\.\. \(100011 bytes; --json prints all\)")
        self.assertIn("ä" * 50000, self.ok("runs", "get", run_id, "--json"))


class Like(Served):
    def test_a_replay_has_the_same_workflow_and_inputs(self):
        first = self.create("--workflow", "w", "--workflow-version", "4",
                            simulationMode="fork", isSimulation=True)
        self.ok("runs", "report", first, "--status", "success", "--total-cu", "3",
                "--execution-state", "-", input='{"node": "end"}')
        old = json.loads(self.ok("runs", "get", first, "--json"))
        new = json.loads(self.ok("runs", "create", "--like", first, "--json"))
        same = ("workflowDefinition", "propValues", "workflowId", "workflowVersion", "isSimulation",
                "isDustTest", "simulationMode", "simulationForks")
        self.assertEqual({key: old[key] for key in same}, {key: new[key] for key in same})
        self.assertEqual((first, "running", 0, {}), (new["sourceRunId"], new["status"],
                                                     new["totalCu"], new["executionState"] or {}))
        self.assertNotEqual(first, new["id"])
        self.assertNotIn("finishedAt", new)
        self.assertEqual(set(contract.new_run()) & set(new) | set(old) - {"finishedAt"}, set(new))

    def test_options_come_before_what_it_is_like(self):
        first = self.create()
        run_id = self.ok("runs", "create", "--like", first, "--id", "mine", "--workflow", "other",
                         "--source-run", "another", "--quiet").strip()
        run = json.loads(self.ok("runs", "get", run_id, "--json"))
        self.assertEqual(("mine", "other", "another"),
                         (run["id"], run["workflowId"], run["sourceRunId"]))

    def test_errors(self):
        self.wrong("--like", "runs", "create")
        self.wrong("exclude", "runs", "create", "--like", "x", "--file", "y")
        done = self.ctl("runs", "create", "--like", "ghost")
        self.assertEqual((NOT_FOUND, ""), (done.returncode, done.stdout))
        creator = create_token(self.place.store, scopes="runs.create")
        done = self.ctl("runs", "create", "--like", self.create(), RUNSCTL_TOKEN=creator)
        self.assertEqual((DENIED, ""), (done.returncode, done.stdout))
        self.assertIn("runs.read", done.stderr)


del Served  # it has no tests of its own

if __name__ == "__main__":
    unittest.main()

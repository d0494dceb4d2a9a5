"""The console at /console, used in Chromium against the real server."""

from consoles import ConsoleCase, Pattern
from harness import create_token, runsctl


class SignIn(ConsoleCase):
    def test_a_wrong_token_is_told_what_it_is(self):
        self.visit()
        self.page.getByLabel("Token", exact=True).fill("rsd_wrong")
        self.button("Sign in").click()
        self.page.getByRole("alert").filter(hasText="opens nothing").waitFor()
        self.assertEqual("true", self.page.getByLabel("Token", exact=True).getAttribute("aria-invalid"))

    def test_a_text_that_no_header_can_hold_is_not_sent(self):
        self.visit()
        self.page.getByLabel("Token", exact=True).fill("tökén with spaces")
        before = len(self.requests("whoami"))
        self.button("Sign in").click()
        self.page.getByRole("alert").waitFor()
        self.assertEqual(before, len(self.requests("whoami")))

    def test_it_lasts_over_a_reload_and_ends_with_a_sign_out(self):
        self.sign_in()
        self.page.reload()
        self.page.getByRole("grid").waitFor()
        self.button("Sign out").click()
        self.page.getByLabel("Token", exact=True).waitFor()
        self.page.reload()
        self.page.getByLabel("Token", exact=True).waitFor()
        self.assertEqual(0, self.browser.evaluate("sessionStorage.length"))

    def test_a_token_that_is_revoked_signs_out(self):
        token = self.token_with("runs.read", "brief")
        self.sign_in(token)
        self.page.getByRole("grid").waitFor()
        admin = self.token_with("tokens.admin", "admin")
        done = runsctl("tokens", "revoke", "brief", "--org", "acme", "--server", self.server.grpc,
                       env={"RUNSCTL_TOKEN": admin})
        self.assertEqual(0, done.returncode, done.stderr)
        self.page.getByRole("alert").filter(hasText="signed out").waitFor()

    def test_what_the_token_may_not_do_is_not_offered(self):
        run_id = self.create()
        self.sign_in(self.token_with("runs.read", "reader"), f"#/runs/{run_id}")
        self.page.getByRole("heading", name="Timeline").waitFor()
        self.assertEqual(0, self.button("Cancel …").count())
        self.page.getByRole("link", name="Runs", exact=True).first().click()
        self.row(run_id).waitFor()
        self.assertEqual(0, self.page.getByRole("checkbox").count())
        self.assertEqual(0, self.page.getByRole("link", name="Bulk cancels").count())
        self.page.getByRole("link", name="acme / reader").click()
        self.page.getByRole("row", name=Pattern("runs.read .*yes")).waitFor()
        self.page.getByRole("row", name=Pattern("runs.cancel .*no")).waitFor()

    def test_a_token_that_may_not_read_is_told_so(self):
        self.sign_in(self.token_with("runs.report", "worker"))
        self.page.getByText("has not the scope").waitFor()


class List(ConsoleCase):
    def test_runs_are_newest_first_and_one_opens(self):
        ids = [self.create(id=f"order-{i}") for i in range(3)]
        self.sign_in()
        self.row(ids[0]).waitFor()
        shown = [run_id for run_id in self.shown_ids() if run_id.startswith("order-")]
        self.assertEqual(list(reversed(ids)), shown)
        self.page.getByRole("link", name="order-1").click()
        self.page.getByRole("heading", name="Timeline").waitFor()
        self.assertTrue(self.page.url().endswith("#/runs/order-1"))

    def test_a_status_a_workflow_and_a_time_narrow_each_other(self):
        here, other = self.create(workflowId="ledger"), self.create(workflowId="other")
        ended = self.create(workflowId="ledger")
        self.caller.report(ended, "success")
        self.sign_in()
        self.page.getByLabel("Workflow").fill("ledger")
        self.page.getByLabel("Workflow").press("Enter")
        self.row(ended).waitFor()
        self.row(other).waitFor(state="detached")
        self.button(Pattern("running")).click()
        self.row(ended).waitFor(state="detached")
        self.row(here).waitFor()
        self.assertIn("status=running", self.page.url())
        self.page.reload()
        self.row(here).waitFor()
        self.assertEqual(0, self.row(ended).count())
        self.page.getByLabel("Started before").fill("2020-01-01T00:00")
        self.page.getByText("No run matches.").waitFor()
        self.assertIn("startedBefore=2020-01-01T00%3A00%3A00.000Z", self.page.url())
        self.page.getByRole("link", name="Show all").click()
        self.row(other).waitFor()

    def test_an_id_opens_its_run_and_one_that_is_none_says_so(self):
        run_id = self.create()
        self.sign_in()
        self.page.getByLabel("Run", exact=True).fill(run_id)
        self.page.getByLabel("Run", exact=True).press("Enter")
        self.page.getByRole("heading", name="Timeline").waitFor()
        self.visit("#/runs/no-such-run")
        self.page.getByRole("alert").filter(hasText="no-such-run").waitFor()
        self.page.getByText("RUN_NOT_FOUND").waitFor()

    def test_the_figures_count_by_status(self):
        self.caller.report(self.create(), "failure")
        self.sign_in()
        counts = {entry["status"]: entry["count"]
                  for entry in self.rest("GET", "/v1/runs:count").json()["data"]["byStatus"]}
        self.button(Pattern(f"^{counts['failure']}\\s*✕? ?failure")).waitFor()

    def test_what_others_do_is_shown_by_itself(self):
        self.sign_in()
        self.page.getByRole("grid").waitFor()
        self.state("Live")
        run_id = self.create()
        self.row(run_id).filter(hasText="running").waitFor()
        self.caller.cancel(run_id)
        self.row(run_id).filter(hasText="cancelled").waitFor()
        self.caller.acknowledge(run_id)
        self.row(run_id).filter(hasText="stopped").waitFor()

    def test_a_run_that_matches_no_more_leaves_the_list(self):
        run_id = self.create(workflowId="leaving")
        self.sign_in(fragment="#/runs?status=running&workflowId=leaving")
        self.row(run_id).waitFor()
        self.state("Live")
        self.caller.report(run_id, "success")
        self.row(run_id).waitFor(state="detached")

    def test_keys_move_tick_and_open(self):
        ids = [self.create(id=f"key-{i}", workflowId="keys") for i in range(3)]
        self.sign_in(fragment="#/runs?workflowId=keys")
        self.row(ids[0]).waitFor()
        grid = self.page.getByRole("grid")
        grid.focus()
        grid.press("ArrowDown")
        grid.press("Space")
        self.button("Cancel 1 ticked").waitFor()
        self.assertEqual("row-key-1", grid.getAttribute("aria-activedescendant"))
        grid.press("Enter")
        self.page.getByRole("heading", name="Timeline").waitFor()
        self.assertTrue(self.page.url().endswith("#/runs/key-1"))


class OneRun(ConsoleCase):
    def test_a_run_is_shown_with_all_that_it_is(self):
        source = self.create()
        run_id = self.create(executionState={"node": "settle", "zero": -0.0},
                             parentRunId=source)
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.page.getByText("v9007199254740993").waitFor()  # which no number of JavaScript is
        self.page.getByRole("group", name="State, as JSON").filter(hasText=Pattern(r"\"zero\": -0\b")).waitFor()
        self.page.getByRole("group", name="Inputs, as JSON").filter(hasText="a \\\"quoted\\\" line").waitFor()
        self.page.getByText("The run’s state names settle").waitFor()
        self.page.locator("svg .node.current").filter(hasText="settle").waitFor()
        self.assertEqual(2, self.page.locator("svg .node").count())
        self.page.getByRole("row", name=Pattern("11297108109 palm")).waitFor()
        self.page.getByRole("link", name=source).click()
        self.page.getByRole("heading", name="Timeline").waitFor()
        self.assertTrue(self.page.url().endswith(source))

    def test_times_are_in_utc_or_local(self):
        run_id = self.create()
        self.browser.open(timezoneId="Asia/Kolkata")
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.page.getByText(Pattern(r"UTC \(")).first().waitFor()
        self.button("UTC").click()
        self.page.getByText(Pattern(r"\+05:30 \(")).first().waitFor()

    def cancel(self, reason=""):
        self.button("Cancel …").click()
        if reason:
            self.page.getByLabel(Pattern("^Reason")).fill(reason)
        self.button("Cancel the run").click()

    def test_a_cancel_with_a_reason_is_carried_out_and_shown(self):
        run_id = self.create()
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.cancel("wrong <b>prices</b>")
        self.page.getByRole("status").filter(hasText="Cancelled at").waitFor()
        self.button("Close").click()
        self.page.getByText("“wrong <b>prices</b>”").waitFor()
        self.page.getByText("not acknowledged by an executor").waitFor()
        self.assertEqual(0, self.button("Cancel …").count())
        self.assertEqual("cancelled", self.get(run_id)["status"])
        event = self.caller.events(run_id)[-1]
        self.assertEqual(("wrong <b>prices</b>", "tester"), (event.reason, event.actor))
        self.caller.acknowledge(run_id)
        self.page.getByText("work has stopped").waitFor()

    def test_a_conflict_is_shown_as_what_it_is(self):
        run_id = self.create()
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.button("Cancel …").click()
        self.page.getByLabel(Pattern("^Reason")).fill("too late")
        self.caller.report(run_id, "success")
        self.button("Cancel the run").click()
        alert = self.page.getByRole("alert").filter(hasText="Nothing was changed by you")
        alert.waitFor()
        self.assertIn("It is success since", alert.innerText())
        self.assertEqual("success", self.get(run_id)["status"])

    def test_an_answer_that_is_lost_is_asked_for_again_under_the_same_key(self):
        run_id = self.create()
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.button("Cancel …").click()
        self.browser.route(f"/v1/runs/{run_id}/cancel$", "lose", times=1)
        self.button("Cancel the run").click()
        self.page.getByRole("status").filter(hasText="Cancelled at").waitFor()
        keys = [request["headers"]["idempotency-key"] for request in self.requests(f"{run_id}/cancel")]
        self.assertEqual([keys[0]] * 2, keys)
        self.assertEqual(2, len(self.caller.events(run_id)))

    def test_an_outcome_that_is_not_known_is_not_guessed(self):
        run_id = self.create()
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.browser.route(f"/v1/runs/{run_id}/cancel$", "abort")
        self.cancel("wrong prices")
        self.page.getByRole("alert").filter(hasText="not known").waitFor()
        self.assertEqual("running", self.get(run_id)["status"])
        # Another cancel could not tell what this one has done: however often it is closed, it goes on.
        self.button("Close").click()
        self.button("Cancel …").click()
        self.page.getByRole("alert").filter(hasText="not known").waitFor()
        self.browser.unroute(f"/v1/runs/{run_id}/cancel$")
        self.button("Ask again").click()
        self.page.getByRole("status").filter(hasText="Cancelled at").waitFor()
        asked = self.requests(f"{run_id}/cancel")
        self.assertEqual(1, len({(request["headers"]["idempotency-key"], request["body"]) for request in asked}))

    def test_a_reason_that_is_too_long_is_refused_before_it_is_sent(self):
        run_id = self.create()
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.button("Cancel …").click()
        self.page.getByLabel(Pattern("^Reason")).fill("ä" * 513)
        self.page.getByText("At most 1024 bytes: this is 2 too long.").waitFor()
        self.assertTrue(self.button("Cancel the run").isDisabled())

    def test_a_run_that_is_deleted_says_so(self):
        run_id = self.create()
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.page.getByRole("heading", name="Timeline").waitFor()
        self.state("Live")
        self.caller.report(run_id, "success")
        deleter = create_token(self.place.store, scopes="runs.delete", name="deleter")
        self.assertEqual(200, self.rest("DELETE", f"/v1/runs/{run_id}", token=deleter).status)
        self.page.getByText("This run was deleted.").waitFor()

    def test_leases_attempts_and_idle_executors_are_seen(self):
        run_id = "leased-run"
        self.caller.create_leased(run_id)
        attempt = self.caller.acquire("worker-7", seconds=3600)[0].run.lease.attempt
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.page.getByText(Pattern("Held by worker-7, attempt 1")).waitFor()
        self.page.getByRole("row", name=Pattern("1 worker-7 .*at work")).waitFor()
        self.page.getByRole("link", name="Executors").click()
        self.page.getByRole("row", name=Pattern("worker-7 .*at work 1: leased-run")).waitFor()
        self.state("Live")
        self.caller.release(run_id, attempt, "done for today")
        self.page.getByRole("row", name=Pattern("worker-7 .*idle")).waitFor()
        self.page.goBack()
        self.page.getByRole("row", name=Pattern("1 worker-7 .*given back")).waitFor()

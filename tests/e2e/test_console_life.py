"""The console when things go wrong: servers that go, feeds that break, and many runs at once."""

import consoles
from consoles import ConsoleCase, Pattern
from harness import Serve

SCROLL_S = 160  # ten thousand runs are twenty requests and some two hundred frames


class Feed(ConsoleCase):
    def restart(self):
        address = f"127.0.0.1:{self.server.http_port}"
        self.server.kill()
        self.state("Not live")
        type(self).server = Serve(self.place.store, http=address)
        self.caller.close()
        type(self).caller = consoles.leases.Caller(self.server.grpc, self.token)

    def test_a_server_that_is_gone_and_back_loses_nothing(self):
        run_id, other = self.create(), self.create()
        self.sign_in()
        self.row(run_id).waitFor()
        self.state("Live")
        self.restart()
        self.caller.cancel(run_id)
        created = self.create()
        self.row(created).waitFor()
        self.row(run_id).filter(hasText="cancelled").waitFor()
        self.row(other).filter(hasText="running").waitFor()
        self.state("Live")
        # It went on behind what it had, and read nothing anew.
        self.assertEqual(1, len(self.requests("/v1/runs?")))
        self.assertTrue(all("cursor" in consoles.json.loads(request["body"])
                            for request in self.requests("/v1/runs:watch")))

    def test_a_feed_that_does_not_come_through_is_replaced_by_questions(self):
        run_id = self.create()
        self.browser.route("/v1/runs:watch$", "silent")
        self.sign_in()
        self.row(run_id).waitFor()
        self.state("Every 3 s")
        self.caller.cancel(run_id)
        self.row(run_id).filter(hasText="cancelled").waitFor()
        created = self.create()
        self.row(created).waitFor()
        asked = self.requests("/v1/runs?")
        self.assertTrue(asked[-1]["headers"].get("if-none-match"), asked[-1])

    def test_a_run_s_page_goes_on_without_a_feed(self):
        run_id = self.create()
        self.browser.route("/v1/runs:watch$", "silent")
        self.sign_in(fragment=f"#/runs/{run_id}")
        self.state("Every 3 s")
        self.caller.report(run_id, "failure")
        self.page.getByRole("heading", name="Run", exact=True).locator("..").filter(hasText="failure").waitFor()

    def test_a_cursor_that_has_expired_has_all_be_read_anew(self):
        self.create()
        body = consoles.json.dumps({
            "code": 410, "message": "the cursor has expired", "requestId": "r",
            "error": {"status": "OUT_OF_RANGE", "reason": "CURSOR_EXPIRED", "metadata": {}}})
        self.browser.route("/v1/runs:watch$", "answer", status=410, body=body, times=1)
        self.sign_in()
        self.state("Live")
        self.assertEqual(2, len(self.requests("/v1/runs?")))
        run_id = self.create()
        self.row(run_id).waitFor()


class Many(ConsoleCase):
    COUNT = 10000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with consoles.Fill(cls.server.http_port, cls.token) as fill:
            fill.create(cls.COUNT, workflowId="many")

    def test_ten_thousand_runs_are_scrolled_through_with_few_in_the_page(self):
        self.sign_in(fragment="#/runs?workflowId=many")
        self.page.getByRole("row").nth(3).waitFor()
        self.browser.evaluate(SCROLL_ALL)
        self.wait_for(lambda: self.browser.evaluate("window.scrolled !== undefined"), "the end of the list", SCROLL_S)
        self.page.getByText(Pattern("^10,00[0-9] runs read, all that match$")).waitFor()
        seen = self.browser.evaluate("window.scrolled")
        # What a list costs is what is in the page: it must not grow with what was read.
        self.assertLess(seen["rows"], 150, seen)
        print(f"the console: {self.COUNT} runs scrolled through in {seen['frames']} frames, "
              f"the longest {seen['longest']} ms, {seen['over']} over 100 ms")
        self.page.getByText("many-00000", exact=True).waitFor()

    def test_a_run_that_comes_does_not_move_those_in_sight(self):
        self.sign_in(fragment="#/runs?workflowId=many")
        self.page.getByRole("row").nth(3).waitFor()
        self.state("Live")
        self.browser.evaluate("document.querySelector('.grid').scrollTop = 1800")
        self.wait_for(lambda: "many-09949" in self.shown_ids(), "the runs further down")
        before = self.browser.evaluate(PLACE)
        newest = self.create(workflowId="many")
        self.page.getByText(Pattern("^[0-9,]+ runs read")).waitFor()
        self.wait_for(lambda: self.browser.evaluate("document.querySelector('.grid').scrollTop") == 1836,
                      f"room for {newest}")
        self.assertEqual(before, self.browser.evaluate(PLACE))

    def test_what_matches_is_cancelled_once_its_count_is_known(self):
        ids = [self.create(id=f"batch-{i}", workflowId="batch") for i in range(12)]
        self.caller.report(ids[0], "success")
        self.sign_in(fragment="#/runs?workflowId=batch")
        self.row(ids[0]).waitFor()
        self.button("Cancel all that match …").click()
        dialog = self.page.getByRole("dialog")
        dialog.getByText("11 runs will be cancelled.").waitFor()
        dialog.getByRole("link", name="batch-11").waitFor()
        self.assertEqual("running", self.get(ids[5])["status"])
        dialog.getByLabel(Pattern("^Reason")).fill("wrong prices")
        dialog.getByRole("button", name="Cancel 11 runs").click()
        self.page.getByRole("status").filter(hasText="done: 11 of 11").waitFor()
        self.page.getByRole("listitem").filter(hasText="batch-5").filter(hasText="cancelled by this").waitFor()
        self.assertEqual({"cancelled"}, {self.get(run_id)["status"] for run_id in ids[1:]})
        self.assertEqual("success", self.get(ids[0])["status"])
        self.assertEqual("wrong prices", self.caller.events(ids[5])[-1].reason)

    def test_those_that_are_ticked_are_cancelled_and_no_others(self):
        ids = [self.create(id=f"tick-{i}", workflowId="ticked") for i in range(4)]
        self.sign_in(fragment="#/runs?workflowId=ticked")
        for run_id in (ids[1], ids[3]):
            self.page.getByLabel(f"Tick {run_id}").check()
        self.button("Cancel 2 ticked").click()
        dialog = self.page.getByRole("dialog")
        dialog.getByText("2 runs will be cancelled.").waitFor()
        # One ends while the question is open: the outcome says so.
        self.caller.report(ids[1], "success")
        dialog.getByRole("button", name="Cancel 2 runs").click()
        self.page.getByRole("status").filter(hasText="done: 2 of 2").waitFor()
        self.page.getByRole("listitem").filter(hasText=ids[1]).filter(hasText="had ended before").waitFor()
        self.assertEqual(["running", "success", "running", "cancelled"],
                         [self.get(run_id)["status"] for run_id in ids])

    def test_a_plan_that_is_not_wanted_is_given_up(self):
        self.create(id="kept", workflowId="kept")
        self.sign_in(fragment="#/runs?workflowId=kept")
        self.row("kept").waitFor()
        self.button("Cancel all that match …").click()
        self.page.getByRole("dialog").getByText("1 runs will be cancelled.").waitFor()
        self.page.getByRole("dialog").press("Escape")
        self.page.getByRole("dialog").waitFor(state="detached")
        self.wait_for(lambda: any(request["method"] == "POST" for request in self.requests("/abort")), "abort")
        self.assertEqual("running", self.get("kept")["status"])

    def test_all_runs_at_once_are_never_offered(self):
        self.sign_in()
        self.page.getByRole("row").nth(3).waitFor()
        self.assertTrue(self.button("Cancel all that match …").isDisabled())


# Which row lies at the top of the list's window, and where.
PLACE = """(() => {
  const box = document.querySelector('.grid').getBoundingClientRect();
  const rows = [...document.querySelectorAll('.grid-body .cells')];
  const first = rows.filter((row) => row.getBoundingClientRect().top >= box.top + 40)
    .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)[0];
  return [first.id, Math.round(first.getBoundingClientRect().top)];
})()"""

# Scrolls to the end of the list, four windows each frame, until nothing more comes.
SCROLL_ALL = """(() => {
  const grid = document.querySelector('.grid');
  const seen = { frames: 0, longest: 0, over: 0, rows: 0 };
  let last = performance.now();
  const step = (now) => {
    const frame = now - last;
    last = now;
    seen.frames++;
    seen.longest = Math.max(seen.longest, Math.round(frame));
    if (frame > 100) seen.over++;
    seen.rows = Math.max(seen.rows, grid.querySelectorAll('[role=row]').length);
    grid.scrollTop += 4 * grid.clientHeight;
    const isAll = grid.getAttribute('aria-rowcount') !== '-1';
    const isAtEnd = grid.scrollTop + grid.clientHeight >= grid.scrollHeight - 1;
    if (isAll && isAtEnd) {
      window.scrolled = seen;
    } else {
      requestAnimationFrame(step);
    }
  };
  requestAnimationFrame(step);
})()"""

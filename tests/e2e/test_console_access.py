"""The console for everybody: readers of screens, keyboards, small and large screens, dark and light."""

from consoles import ConsoleCase, Pattern

WIDTHS = (360, 768, 1280, 3840)


class Access(ConsoleCase):
    def setUp(self):
        super().setUp()
        self.run = self.create(executionState={"node": "settle"})
        self.caller.cancel(self.create(), "why not")

    def check(self, what):
        self.assertEqual([], self.browser.axe(), what)

    def walk(self):
        """Goes to each page and gives its name."""
        self.visit()
        self.page.getByLabel("Token", exact=True).waitFor()
        yield "sign in"
        self.sign_in()
        self.row(self.run).waitFor()
        self.state("Live")
        yield "list"
        self.button("Cancel all that match …").isDisabled()
        self.visit("#/runs?workflowId=payout")
        self.row(self.run).waitFor()
        self.button("Cancel all that match …").click()
        self.page.getByRole("dialog").getByText("will be cancelled.").waitFor()
        yield "bulk dialog"
        self.button("Back").click()
        self.visit(f"#/runs/{self.run}")
        self.page.locator("svg .node").first().waitFor()
        yield "run"
        self.button("Cancel …").click()
        yield "dialog"
        self.button("Back").click()
        for fragment, heading in (("#/bulk", "Bulk cancels"), ("#/executors", "Executors"), ("#/token", "Token")):
            self.visit(fragment)
            self.page.getByRole("heading", name=heading, level=1).waitFor()
            yield heading

    def test_axe_finds_nothing_in_light_and_dark(self):
        for scheme in ("light", "dark"):
            self.browser.open(colorScheme=scheme)
            for page in self.walk():
                with self.subTest(f"{page}, {scheme}"):
                    self.check(page)

    def test_no_width_needs_a_second_scroll_bar(self):
        for width in WIDTHS:
            self.browser.open(viewport={"width": width, "height": 800})
            for page in self.walk():
                with self.subTest(f"{page} at {width} px"):
                    over = self.browser.evaluate(
                        "document.documentElement.scrollWidth - document.documentElement.clientWidth")
                    self.assertLessEqual(over, 0)

    def test_axe_finds_nothing_on_a_telephone(self):
        self.browser.open(viewport={"width": 360, "height": 740})
        for page in self.walk():
            with self.subTest(page):
                self.check(page)

    def test_a_run_is_cancelled_by_keys_alone(self):
        self.visit()
        self.page.getByLabel("Token", exact=True).waitFor()
        keyboard = self.keyboard
        keyboard("insertText", self.token)
        keyboard("press", "Enter")
        self.page.getByRole("grid").waitFor()
        self.row(self.run).waitFor()
        self.until_focus("[role=grid]")
        keyboard("press", "Home")
        for _ in range(20):
            if self.browser.evaluate(f"document.querySelector('.cells.active')?.id === 'row-{self.run}'"):
                break
            keyboard("press", "ArrowDown")
        keyboard("press", "Enter")
        self.page.getByRole("heading", name="Timeline").waitFor()
        self.until_focus("button.danger")
        keyboard("press", "Enter")
        self.page.getByRole("dialog").waitFor()
        self.until_focus("textarea")
        keyboard("insertText", "by keys")
        self.until_focus("button.danger.main")
        keyboard("press", "Enter")
        self.page.getByRole("status").filter(hasText="Cancelled at").waitFor()
        keyboard("press", "Escape")
        self.page.getByRole("dialog").waitFor(state="detached")
        self.page.getByText(Pattern("by keys")).waitFor()

    def keyboard(self, method, *given):
        self.browser.ask(do="keyboard", method=method, given=given)

    def until_focus(self, selector):
        """Presses Tab until what is meant has the focus."""
        for _ in range(60):
            if self.browser.evaluate(f"document.activeElement.matches({selector!r})"):
                return
            self.keyboard("press", "Tab")
        self.fail(f"Tab does not lead to {selector}")

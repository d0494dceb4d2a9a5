"""A run that the example executor works on: watched in the console, cancelled there, and seen stopped."""

from consoles import ConsoleCase, Pattern
from test_executors import Executor, prepare


class WithExecutor(ConsoleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = cls.place.path / "stubs"
        cls.folder.mkdir()
        cls.command = prepare(cls.folder, "## Try it")

    def test_a_run_is_watched_cancelled_and_seen_stopped(self):
        self.sign_in()
        self.page.getByRole("grid").waitFor()
        self.state("Live")
        executor = Executor(self, self.command, self.token, self.server.grpc)
        created = self.rest("POST", "/v1/runs", {
            "id": "shown", "dispatch": "lease", "workflowId": "sleep",
            "workflowDefinition": {"nodes": {"root": {"type": "manual"}}},
            "propValues": {"command": "exec sleep 3600"}})
        self.assertEqual(200, created.status, created.body)
        self.row("shown").filter(hasText=executor.holder).waitFor()
        self.page.getByRole("link", name="shown").click()
        self.page.getByText(Pattern(f"Held by {executor.holder}, attempt 1")).waitFor()
        self.button("Cancel …").click()
        self.button("Cancel the run").click()
        self.page.getByRole("status").filter(hasText="Cancelled at").waitFor()
        self.button("Close").click()
        self.page.getByText("work has stopped").waitFor()
        self.page.locator("dt").filter(hasText="Stopped").waitFor()
        self.assertEqual(0, self.page.getByText("not acknowledged by an executor").count())
        self.page.getByRole("row", name=Pattern(f"1 {executor.holder} .*cancelled")).waitFor()

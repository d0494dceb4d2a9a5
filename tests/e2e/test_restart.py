"""What outlives a restart, and how one process hands the store to the next."""

import os
import signal
import threading
import unittest

import contract
import rest
from harness import Place, Process, Serve, create_token, program, runsctl, wait_until
from kill_rounds import Storm, small_run


class Restart(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.store = self.place.store
        self.token = create_token(self.store, name="first")

    def serve(self, *options):
        server = Serve(self.store, *options)
        self.addCleanup(server.kill)
        return server

    def call(self, server, method, path, body=None, token=None):
        return rest.request(server.http_port, method, path, token or self.token, body)

    def test_runs_events_and_tokens_are_there_after_a_restart(self):
        server = self.serve()
        self.call(server, "POST", "/v1/runs", contract.new_run(id="live"))
        self.call(server, "POST", "/v1/runs", contract.new_run(id="over"))
        self.call(server, "POST", "/v1/runs/over/cancel", {"reason": "budget spent"})
        paths = ("/v1/runs/live", "/v1/runs/over", "/v1/runs/over/events", "/v1/runs")
        before = [self.call(server, "GET", path).json()["data"] for path in paths]
        self.assertEqual(0, server.stop(), server.tail())

        server = self.serve()
        after = [self.call(server, "GET", path).json()["data"] for path in paths]
        self.assertEqual(before, after)
        events = after[2]["events"]
        self.assertEqual(["running", "cancelled"], [e["toStatus"] for e in events])
        self.assertEqual("budget spent", events[1]["reason"])
        self.assertEqual("first", events[1]["actor"])
        self.assertEqual(before[1]["finishedAt"], events[1]["at"])
        again = self.call(server, "POST", "/v1/runs/over/cancel")
        contract.check_error(self, again, 409, "RUN_ALREADY_FINISHED")
        cancelled = self.call(server, "POST", "/v1/runs/live/cancel")
        contract.check_cancelled(self, cancelled.json(), "live", contract.new_run(id="live"))

    def test_a_page_token_is_good_after_a_restart(self):
        server = self.serve()
        for i in range(3):
            self.call(server, "POST", "/v1/runs", small_run(f"r{i}"))
        page = self.call(server, "GET", "/v1/runs?pageSize=2").json()["data"]
        server.stop()
        server = self.serve()
        rest_of_it = self.call(server, "GET",
                               f"/v1/runs?pageSize=2&pageToken={page['nextPageToken']}").json()
        ids = [run["id"] for run in page["runs"] + rest_of_it["data"]["runs"]]
        self.assertEqual(["r2", "r1", "r0"], ids)

    def test_a_token_made_and_revoked_while_serving_takes_effect_at_once(self):
        server = self.serve()
        late = create_token(self.store, name="late")
        self.assertEqual(200, self.call(server, "GET", "/v1/runs", token=late).status)
        done = runsctl("tokens", "revoke", "late", "--store", self.store, "--org", "acme")
        self.assertEqual(0, done.returncode, done.stderr)
        reply = self.call(server, "GET", "/v1/runs", token=late)
        contract.check_error(self, reply, 401, "TOKEN_INVALID")
        # Others' tokens are as they were, and revoked stays revoked.
        self.assertEqual(200, self.call(server, "GET", "/v1/runs").status)
        server.stop()
        server = self.serve()
        reply = self.call(server, "GET", "/v1/runs", token=late)
        contract.check_error(self, reply, 401, "TOKEN_INVALID")

    def test_a_second_process_on_the_same_store_is_refused(self):
        server = self.serve()
        second = Process(program("runsctl"), "serve", "--http", "127.0.0.1:0", "--grpc",
                         "127.0.0.1:0", "--store", self.store)
        self.addCleanup(second.kill)
        wait_until(lambda: second.popen.poll() is not None, "the end of the second server")
        self.assertEqual(4, second.stop())
        self.assertIn(str(server.popen.pid), second.text())
        self.assertEqual(200, self.call(server, "GET", "/v1/runs").status)

    def test_the_store_is_free_after_kill_9(self):
        server = self.serve()
        server.kill()
        token = create_token(self.store, name="after")
        server = self.serve()
        self.assertEqual(200, self.call(server, "GET", "/v1/runs", token=token).status)

    def test_a_corrupt_file_is_refused_and_left_as_it_is(self):
        path = self.place.path / "runs.db"
        data = bytearray(path.read_bytes())
        data[0:64] = b"no database at all".ljust(64, b"\0")
        path.write_bytes(data)
        for suffix in ("-wal", "-shm"):
            extra = self.place.path / f"runs.db{suffix}"
            if extra.exists():
                extra.unlink()
        done = runsctl("serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--store",
                       self.store)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn("runs.db", done.stderr)
        self.assertEqual(bytes(data), path.read_bytes())

    def storm_and_stop(self, stop_signal):
        """Stops the server in the middle of a storm of cancels."""
        server = self.serve()
        ids = [f"s{i}" for i in range(1500)]
        create = Storm(server.http_port, self.token, ids, "POST", "/v1/runs", small_run)
        create.start()
        create.join()
        self.assertEqual(len(ids), len(create.acknowledged), create.odd[:3])
        storm = Storm(server.http_port, self.token, ids, "POST", "/v1/runs/{id}/cancel")
        storm.start(200, lambda: os.kill(server.popen.pid, stop_signal))
        self.assertTrue(storm.enough.wait(60))
        status = server.stop()
        storm.join()
        self.assertEqual(0, status, server.tail())
        self.assertEqual([], storm.odd)
        self.assertLess(len(storm.acknowledged), len(ids), "the signal came too late")
        server = self.serve()
        check = Storm(server.http_port, self.token, storm.acknowledged, "GET", "/v1/runs/{id}")
        check.start()
        check.join()
        self.assertEqual(storm.acknowledged, check.acknowledged)

    def test_sigterm_under_load_loses_nothing_acknowledged(self):
        self.storm_and_stop(signal.SIGTERM)

    def test_ctrl_c_under_load_loses_nothing_acknowledged(self):
        self.storm_and_stop(signal.SIGINT)

    def test_a_stop_waits_for_no_idle_connection(self):
        server = self.serve()
        idle = [rest.http.client.HTTPConnection("127.0.0.1", server.http_port) for _ in range(8)]
        for connection in idle:
            self.addCleanup(connection.close)
            rest.request_on(connection, "GET", "/v1/runs", self.token)
        # Far less than --drain-ms, which bounds the wait for calls.
        self.assertEqual(0, server.stop(seconds=8), server.tail())

    def test_racing_cancels_of_one_run_have_one_winner(self):
        server = self.serve()
        for number in range(10):
            self.call(server, "POST", "/v1/runs", small_run(f"race{number}"))
            statuses = []
            threads = [threading.Thread(target=lambda: statuses.append(
                self.call(server, "POST", f"/v1/runs/race{number}/cancel").status))
                for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            self.assertEqual([200] + [409] * 15, sorted(statuses))

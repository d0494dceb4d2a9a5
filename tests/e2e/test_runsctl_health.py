"""runsctl health: what a container's health check runs."""

import unittest
from concurrent import futures

import grpc

from harness import Place, Serve, runsctl

NOT_SERVING = b"\x08\x02"  # of grpc.health.v1.HealthCheckResponse


class Health(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.server = Serve(self.place.store)
        self.addCleanup(self.server.kill)

    def ask(self, *options):
        return runsctl("health", *options, env={"RUNSCTL_SERVER": self.server.grpc})

    def test_who_serves_says_so_without_a_token(self):
        done = self.ask()
        self.assertEqual((0, "serving\n", ""), (done.returncode, done.stdout, done.stderr))
        done = self.ask("--json")
        self.assertEqual((0, '{"status":"SERVING"}\n'), (done.returncode, done.stdout))

    def test_who_cannot_be_reached_is_not_healthy(self):
        self.assertEqual(0, self.server.stop())
        done = self.ask("--timeout-ms", "2000")
        self.assertEqual(6, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)

    def test_who_answers_and_does_not_serve_is_not_healthy(self):
        server = grpc.server(futures.ThreadPoolExecutor(1))
        self.addCleanup(server.stop, None)
        check = grpc.unary_unary_rpc_method_handler(lambda _request, _context: NOT_SERVING)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "grpc.health.v1.Health", {"Check": check}),))
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        done = self.ask("--server", address)
        self.assertEqual((6, ""), (done.returncode, done.stdout))
        self.assertIn(f"the server at {address} answers, and does not serve", done.stderr)


if __name__ == "__main__":
    unittest.main()

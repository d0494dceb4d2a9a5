"""Descriptors: attacks with more connections than fit, and listeners that hear no more."""

import contextlib
import importlib
import os
import pathlib
import signal
import socket
import subprocess
import time
import unittest

import grpc

import contract
import rest
import stubs
from harness import (DEADLINE_S, Place, Process, Serve, create_token, program, wait_until,
                     with_files)
from thread_stop import listening_sockets, reap_thread, stop_thread

health_pb2 = importlib.import_module("grpc.health.v1.health_pb2")
health_pb2_grpc = importlib.import_module("grpc.health.v1.health_pb2_grpc")

ATTACKERS = 300
# Longer than the guard takes to be sure.
DEAF_S = 16


def connect(port):
    s = socket.socket()
    s.settimeout(DEADLINE_S)
    s.connect(("127.0.0.1", port))
    return s


class Base(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)

    def serve(self, *options, **more):
        server = Serve(self.place.store, *options, **more)
        self.addCleanup(server.kill)
        return server

    def runsd(self, *options, files=None, listen=("127.0.0.1:0",)):
        server = Process(*with_files(files, program("runsd")), "--store", self.place.store,
                         *(f"--listen={address}" for address in listen), *options)
        self.addCleanup(server.kill)
        ready = server.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        server.port = ready["port"]
        return server

    def channel(self, address):
        channel = grpc.insecure_channel(address)
        self.addCleanup(channel.close)
        return channel

    def get(self, channel, run_id="none"):
        """What a read over gRPC ends with."""
        runs = stubs.service_grpc.RunsServiceStub(channel)
        with self.assertRaises(grpc.RpcError) as raised:
            runs.GetRun(stubs.service_pb2.GetRunRequest(id=run_id),
                        metadata=stubs.bearer(self.token), timeout=DEADLINE_S)
        return raised.exception.code()

    def is_served(self, port):
        """Whether a new gRPC connection is."""
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            return self.get(channel) == grpc.StatusCode.NOT_FOUND


class Attack(Base):
    def attack(self, stack, *ports):
        """Opens more connections than fit, and sends on some; what is refused is refused."""
        for number in range(ATTACKERS):
            for port in ports:
                try:
                    s = connect(port)
                except OSError:
                    continue
                stack.callback(s.close)
                if number % 3 == 0:
                    with contextlib.suppress(OSError):
                        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" if number % 2 else b"GET ")

    def check_existing(self, server, rest_connection, channel, name):
        created = rest.request_on(rest_connection, "POST", "/v1/runs", self.token,
                                  contract.new_run(id=name))
        self.assertEqual(200, created.status, created.body)
        cancelled = rest.request_on(rest_connection, "POST", f"/v1/runs/{name}/cancel", self.token)
        self.assertEqual(200, cancelled.status, cancelled.body)
        run = stubs.service_grpc.RunsServiceStub(channel).GetRun(
            stubs.service_pb2.GetRunRequest(id=name), metadata=stubs.bearer(self.token),
            timeout=DEADLINE_S)
        self.assertEqual(name, run.id)
        health = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
        self.assertEqual(health_pb2.HealthCheckResponse.SERVING, health.status)
        missing = rest.request_on(rest_connection, "GET", "/v1/runs/ghost", self.token,
                                  headers={"X-Request-Id": f"log-{name}"})
        self.assertEqual(404, missing.status)
        server.wait_for_log(lambda l: l.get("requestId") == f"log-{name}", "its log line")

    def test_what_is_there_goes_on_and_what_comes_later_is_served(self):
        for files in (64, 128):
            with self.subTest(files=files):
                server = self.serve(files=files)
                connection = rest.http.client.HTTPConnection("127.0.0.1", server.http_port,
                                                             timeout=DEADLINE_S)
                self.addCleanup(connection.close)
                channel = self.channel(server.grpc)
                for round_ in range(2):
                    self.check_existing(server, connection, channel, f"before-{files}-{round_}")
                    with contextlib.ExitStack() as stack:
                        self.attack(stack, server.http_port, server.grpc_ports[0])
                        server.wait_for_log(
                            lambda l: l.get("option") == "--max-grpc-connections"
                            and l.get("refused", 0) > 0, "gRPC connections are refused")
                        for step in range(5):
                            self.check_existing(server, connection, channel,
                                                f"under-{files}-{round_}-{step}")
                        open_files = len(os.listdir(f"/proc/{server.popen.pid}/fd"))
                        self.assertLess(open_files, files - 4)
                    wait_until(lambda: self.is_served(server.grpc_ports[0]), "gRPC after it")
                    reply = rest.request(server.http_port, "GET", "/v1/runs/none", self.token)
                    self.assertEqual(404, reply.status)
                self.assertEqual(0, server.stop(), server.tail())

    def test_runsd_alone(self):
        server = self.runsd(files=64, listen=("127.0.0.1:0", f"unix:{self.place.path}/s",
                                              "127.0.0.1:0"))
        channel = self.channel(f"unix:{self.place.path}/s")
        self.assertEqual(grpc.StatusCode.NOT_FOUND, self.get(channel))
        with contextlib.ExitStack() as stack:
            self.attack(stack, server.port)
            self.assertEqual(grpc.StatusCode.NOT_FOUND, self.get(channel))
        wait_until(lambda: self.is_served(server.port), "gRPC after it")
        self.assertEqual(0, server.stop(), server.tail())

    def test_a_connection_above_the_limit_is_closed(self):
        server = self.runsd("--max-grpc-connections", "3")
        held = []
        for _ in range(3):
            s = connect(server.port)
            self.addCleanup(s.close)
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0")
            self.assertTrue(s.recv(9))  # the server's SETTINGS
            held.append(s)
        with connect(server.port) as s:
            self.assertEqual(b"", s.recv(1))
        held[-1].close()
        wait_until(lambda: self.is_served(server.port), "room for one more")

    def test_a_silent_connection_is_closed_after_the_handshake_time_out(self):
        server = self.runsd()
        with connect(server.port) as s:
            while s.recv(4096):
                pass  # the server's SETTINGS may come first


class Options(Base):
    def refused(self, files, name, *arguments):
        done = subprocess.run(with_files(files, program(name), *arguments), capture_output=True,
                              text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(2, done.returncode, done.stderr)
        return done.stderr

    def test_what_does_not_fit_is_refused_by_name(self):
        for name, option, arguments in (
                ("runsctl", "--max-connections", ("serve", "--store", "memory:")),
                ("runsctl", "--max-grpc-connections", ("serve", "--store", "memory:")),
                ("runsd", "--max-grpc-connections", ("--store", "memory:")),
                ("runs-gateway", "--max-connections", ())):
            with self.subTest(name=name, option=option):
                said = self.refused(256, name, *arguments, option, "5000")
                self.assertIn(f"{option}: 5000 is above ", said)
                self.assertIn("(ulimit -n) is 256", said)
                said = self.refused(None, name, *arguments, option, "0")
                self.assertIn(f'{option}: "0" is no integer from 1 to 1000000', said)
                self.assertIn("must be", self.refused(40, name, *arguments))

    def test_defaults_are_lowered_with_a_warning(self):
        server = self.serve(files=256)
        for option in ("--max-connections", "--max-grpc-connections"):
            line = server.wait_for_log(lambda l, o=option: l.get("option") == o, option)
            self.assertEqual(("warn", 256), (line["level"], line["limit"]))
            self.assertLess(line["is"], 256 - 48)
        self.assertEqual(0, server.stop(), server.tail())


class Deaf(Base):
    def check_told(self, server, what, kind):
        server.wait_for_log(lambda l: l.get("level") == "error" and kind in l["message"]
                            and l.get("listener") == what, f"{what} is {kind}")

    def check_stuck(self, server, thread, what, port):
        """A thread that accepts no more: told, and ended although a stop waits for it."""
        tid = stop_thread(server.popen.pid, thread)
        try:
            with connect(port):
                self.check_told(server, what, "deaf")
            server.wait_for_log(lambda l: "the stop does not end" in l["message"], "the end")
        except BaseException:
            server.popen.kill()
            raise
        finally:
            reap_thread(tid)
        self.assertEqual(1, server.popen.wait(DEADLINE_S), server.tail())

    def test_a_stuck_acceptor_ends_the_process(self):
        server = self.runsd("--drain-ms", "10")
        self.check_stuck(server, "accept", "gRPC", server.port)

    def test_a_stuck_http_thread_ends_the_process(self):
        server = self.serve("--drain-ms", "10")
        self.check_stuck(server, "front", "REST", server.http_port)

    def test_a_closed_listener_ends_the_process_in_order(self):
        for what, port in (("gRPC", lambda s: s.grpc_ports[0]), ("REST", lambda s: s.http_port)):
            with self.subTest(listener=what):
                server = self.serve()
                for copy in listening_sockets(server.popen.pid):
                    with copy:
                        if copy.getsockname()[1] == port(server):
                            copy.shutdown(socket.SHUT_RDWR)
                self.check_told(server, what, "closed")
                self.assertEqual(1, server.popen.wait(DEADLINE_S), server.tail())
                server.reader.join(DEADLINE_S)
                self.assertTrue(any(l["message"] == "stopped" for l in server.lines),
                                server.tail())

    def test_a_full_or_paused_server_is_not_deaf(self):
        server = self.serve("--max-connections", "2", "--idle-timeout-ms", "600000")
        waiting = [connect(server.http_port) for _ in range(5)]
        for s in waiting:
            self.addCleanup(s.close)
        server.popen.send_signal(signal.SIGSTOP)
        with connect(server.grpc_ports[0]):
            time.sleep(DEAF_S)
            server.popen.send_signal(signal.SIGCONT)
            time.sleep(DEAF_S)
        for s in waiting[:4]:
            s.close()
        self.assertTrue(self.is_served(server.grpc_ports[0]))
        wait_until(lambda: rest.request(server.http_port, "GET", "/v1/runs/none",
                                        self.token).status == 404, "REST with room again")
        self.assertEqual(0, server.stop(), server.tail())


class SocketFile(Base):
    def test_a_removed_file_is_made_again(self):
        path = pathlib.Path(self.place.path) / "s"
        server = self.runsd(listen=(f"unix:{path}", "127.0.0.1:0"))
        before = self.channel(f"unix:{path}")
        self.assertEqual(grpc.StatusCode.NOT_FOUND, self.get(before))
        path.unlink()
        server.wait_for_log(lambda l: "made again" in l["message"], "made again")
        after = self.channel(f"unix:{path}")
        self.assertEqual(grpc.StatusCode.NOT_FOUND, self.get(after))
        self.assertEqual(grpc.StatusCode.NOT_FOUND, self.get(before))
        self.assertEqual(0, server.stop(), server.tail())
        self.assertFalse(path.exists())

    def test_rest_whose_file_was_removed_ends_for_a_restart(self):
        path = pathlib.Path(self.place.path) / "rest"
        gateway = Process(program("runs-gateway"), "--listen", f"unix:{path}", "--upstream",
                          f"unix:{self.place.path}/none")
        self.addCleanup(gateway.kill)
        gateway.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        path.unlink()
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        other.bind(str(path))
        gateway.wait_for_log(lambda l: l.get("level") == "error" and l.get("listener") == "REST"
                             and "file is not ours" in l["message"], "the loss")
        self.assertEqual(1, gateway.popen.wait(DEADLINE_S), gateway.tail())
        self.assertTrue(path.exists())  # the other's

    def test_a_file_of_another_program_stays(self):
        path = pathlib.Path(self.place.path) / "s"
        server = self.runsd(listen=(f"unix:{path}", "127.0.0.1:0"))
        path.unlink()
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        other.bind(str(path))
        other.listen()
        server.wait_for_log(lambda l: l.get("level") == "error"
                            and "another program" in l.get("error", ""), "another program")
        self.assertTrue(self.is_served(server.port))
        self.assertEqual(0, server.stop(), server.tail())
        self.assertTrue(path.exists())

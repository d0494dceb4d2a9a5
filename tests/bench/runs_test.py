"""Tests of filling stores, ours and the peer's, and taking their runs."""

import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from harness import (deployment, fill, filled_target, peer, processes,  # noqa: E402
                     run_pool)


class Fill(unittest.TestCase):
    def test_a_store_that_does_not_fit_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            fill.check_space(folder, 1000, 2)
            with self.assertRaisesRegex(
                    processes.BenchError, "^--runs 1000000000000 needs 3539025.8 GiB for 2 stores, "
                                          "the disk has .* GiB free; --case"):
                fill.check_space(folder, 10**12, 2)

    def test_small_stores_are_copied_and_most_runs_of_large_ones_finished(self):
        self.assertTrue(fill.is_copied(200000))
        self.assertFalse(fill.is_copied(10**7))
        self.assertEqual((fill.default_every(200000), fill.default_every(10**7)), (2, 10))

    def test_a_kept_store_is_brought_back_whole(self):
        class Target:
            pass

        with tempfile.TemporaryDirectory() as folder:
            target = Target()
            target.folder = folder
            store = os.path.join(folder, deployment.STORE_FOLDER)
            os.mkdir(store)
            for name in ("runs.db", "runs.db.state"):
                with open(os.path.join(store, name), "w", encoding="ascii") as file:
                    file.write("kept")
            fill.keep(target)
            with open(os.path.join(store, "runs.db"), "w", encoding="ascii") as file:
                file.write("changed")
            with open(os.path.join(store, "runs.db-wal"), "w", encoding="ascii") as file:
                file.write("new")
            fill.bring_back(target)
            self.assertEqual(sorted(os.listdir(store)), ["runs.db", "runs.db.state"])
            with open(os.path.join(store, "runs.db"), encoding="ascii") as file:
                self.assertEqual(file.read(), "kept")


    def test_only_blocks_that_differ_are_written(self):
        with tempfile.TemporaryDirectory() as folder:
            source, target = (os.path.join(folder, name) for name in ("source", "target"))
            right = bytearray(os.urandom(fill.CHUNK_BYTES + 5 * fill.BLOCK_BYTES + 7))
            found = bytearray(right)
            found[0] ^= 1
            found[fill.CHUNK_BYTES + fill.BLOCK_BYTES] ^= 1
            found[-1] ^= 1
            for path, data in ((source, right), (target, found + b"more")):
                with open(path, "wb") as file:
                    file.write(data)
            self.assertEqual(fill.make_alike(source, target), 3)
            self.assertEqual(fill.make_alike(source, target), 0)
            with open(target, "rb") as file:
                self.assertEqual(file.read(), bytes(right))
            self.assertEqual(fill.make_alike(source, os.path.join(folder, "new")), 262)
            with open(os.path.join(folder, "new"), "rb") as file:
                self.assertEqual(file.read(), bytes(right))


class RunPool(unittest.TestCase):
    IDS = [f"id-{n:03d}" for n in range(1, 104)]

    def pool(self, reserved=0.0):
        return run_pool.RunPool(self.IDS, self.IDS[3::4], 4, reserved)

    def test_random_order_is_fixed_and_takes_each_running_run_once(self):
        pool, again = self.pool(), self.pool()
        first = pool.take(20, False)
        self.assertEqual(first, again.take(20, False))
        self.assertNotEqual(first, sorted(first))
        rest = pool.take(20, False)  # there are six
        self.assertEqual((len(rest), pool.left(False)), (5, 0))
        self.assertEqual(sorted(first + rest), self.IDS[3::4])

    def test_what_was_not_used_is_taken_again(self):
        pool = self.pool()
        first = pool.take(20, False)
        pool.give_back(15, False)
        self.assertEqual(pool.left(False), 20)
        self.assertEqual(pool.take(15, False), first[5:])

    def test_order_of_creation(self):
        pool = self.pool()
        self.assertEqual(pool.take(2, True), ["id-004", "id-008"])
        self.assertEqual(pool.take(1, True), ["id-012"])
        self.assertEqual((pool.size(True), pool.left(True)), (25, 22))
        with self.assertRaisesRegex(processes.BenchError, "two orders"):
            pool.take(1, False)
        pool.renew()
        self.assertEqual(len(pool.take(100, False)), 25)

    def test_a_reserve_is_taken_in_order_alone(self):
        pool = self.pool(0.25)
        self.assertEqual((pool.size(True), pool.size(False)), (6, 19))
        ordered, shuffled = pool.take(100, True), pool.take(100, False)
        self.assertEqual(ordered, self.IDS[3::4][:6])
        self.assertEqual(sorted(shuffled), self.IDS[3::4][6:])

    def test_finished_are_all_that_do_not_run(self):
        running = set(self.IDS[3::4])
        self.assertEqual(sorted(self.pool().finished(1000)),
                         [i for i in self.IDS if i not in running])
        self.assertEqual(sorted(self.pool().any(1000)), self.IDS)
        self.assertEqual(len(set(self.pool().any(50))), 50)

    def test_ids_are_read_from_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "ids")
            with open(path, "w", encoding="ascii") as file:
                file.write("one\ntwo\n")
            ids = run_pool.IdFile(path)
            self.assertEqual(list(ids), ["one", "two"])
            with open(path, "w", encoding="ascii") as file:
                file.write("one\nthree\n")
            with self.assertRaisesRegex(processes.BenchError, "lines are not equally long"):
                run_pool.IdFile(path)


class FilledTarget(unittest.TestCase):
    FILL = """#!/bin/sh
        while [ $# -gt 0 ]; do
            case $1 in --ids) ids=$2 ;; --running-ids) running=$2 ;; --runs) runs=$2 ;; esac
            shift
        done
        echo filled >>fills
        echo new >store/runs.db
        seq -w 1 $runs >$ids
        seq -w 1 $runs | awk 'NR % 2 == 0' >$running
        """

    class Target:
        """A Deployment without programs."""

        name = "serve"
        store = "sqlite:store/runs.db"

        def __init__(self, folder):
            self.folder = folder
            self.said = []
            program = os.path.join(folder, "fill")
            with open(program, "w", encoding="ascii") as file:
                file.write(FilledTarget.FILL)
            os.chmod(program, 0o755)
            self.programs = {"fill_store": program}

        def new_ids(self, count):
            return [f"missing-{number}" for number in range(count)]

        def make_store(self):
            os.makedirs(os.path.join(self.folder, "store"), exist_ok=True)

        def start(self):
            self.said.append("start")

        def stop(self):
            self.said.append("stop")

        def write(self, text):
            with open(os.path.join(self.folder, "store", "runs.db"), "w", encoding="ascii") as file:
                file.write(text)

        def read(self, name="store/runs.db"):
            with open(os.path.join(self.folder, name), encoding="ascii") as file:
                return file.read()

    def filled(self, folder, runs):
        target = self.Target(folder)
        runs = filled_target.FilledTarget(target, runs, 2, lambda text: None)
        runs.start()
        return target, runs

    def test_a_small_store_is_brought_back_each_time(self):
        with tempfile.TemporaryDirectory() as folder:
            target, runs = self.filled(folder, 100)
            self.assertTrue(runs.renew(10, False))
            self.assertEqual(len(runs.take(40, False)), 40)
            target.write("changed")
            runs.renew(10, True)
            self.assertEqual(runs.take(3, True), ["002", "004", "006"])
            self.assertEqual(target.read(), "new\n")
            self.assertEqual(target.read("fills"), "filled\n")
            self.assertEqual(target.said, ["start"] + 2 * ["stop", "start"])

    def test_a_large_one_is_filled_anew_once_its_runs_are_used_up(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(fill, "COPIED_BYTES", 0):
            target, runs = self.filled(folder, 1000)
            self.assertEqual(len(runs.take(200, False)), 200)  # of 375
            target.write("changed")
            self.assertFalse(runs.renew(200, False))
            self.assertEqual((target.read(), target.said), ("changed", ["start"]))
            self.assertEqual(len(runs.take(200, False)), 175)
            self.assertEqual(len(runs.take(100, True)), 100)  # of 125
            runs.renew(200, False)
            self.assertEqual((target.read(), target.said), ("new\n", ["start", "stop", "start"]))
            self.assertEqual((runs.left(False), runs.left(True)), (375, 125))

    def test_ids_are_those_of_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            _, runs = self.filled(folder, 100)
            self.assertEqual(sorted(runs.existing()), [f"{n:03d}" for n in range(1, 101)])
            self.assertEqual(sorted(runs.finished()), [f"{n:03d}" for n in range(1, 101, 2)])


class Peer(unittest.TestCase):
    SCRIPT = """
        echo built >>$OUT/builds
        [ $N = 45000 ] && [ $MODE$COMMIT$TOKEN = allgrouppeer-token ] || exit 9
        printf 'b\na\nc\n' >$OUT/ids.txt
        sleep 600 >/dev/null 2>&1 &
        one=$!
        sleep 600 >/dev/null 2>&1 &
        echo $one,$! >$OUT/peer.pids
        """

    def peer(self, folder, script):
        with open(os.path.join(folder, peer.SCRIPT), "w", encoding="ascii") as file:
            file.write(script)
        return peer.Peer(peer.folder_option(folder), {}, folder, lambda text: None)

    def test_it_is_started_anew_with_all_runs_running(self):
        with tempfile.TemporaryDirectory() as folder:
            runs = self.peer(folder, self.SCRIPT)
            try:
                runs.renew(2, False)
                pids = runs.target.pids()
                self.assertEqual(len(pids), 2)
                runs.target.check_alive()
                self.assertEqual((runs.take(2, False), runs.left(False)), (["b", "a"], 1))
                runs.give_back(1, False)
                self.assertEqual(runs.take(1, False), ["a"])
                runs.renew(2, False)
                self.assertEqual(runs.left(False), 3)
                self.assertFalse(set(pids) & set(runs.target.pids()))
                servers = list(runs.target.servers.values())
            finally:
                runs.target.stop()
            self.assertFalse(any(server.alive() for server in servers))
            with self.assertRaisesRegex(processes.BenchError, "^peer ended: "):
                runs.target.check_alive()

    def test_a_script_that_fails_is_told_with_its_last_line(self):
        with tempfile.TemporaryDirectory() as folder:
            runs = self.peer(folder, "echo first; echo no compiler >&2; exit 3")
            with self.assertRaisesRegex(processes.BenchError, "^run-peer.sh failed: no compiler$"):
                runs.renew(2, False)


class Deployment(unittest.TestCase):
    def test_ids_are_of_version_7_ascending_and_the_same_each_time(self):
        with tempfile.TemporaryDirectory() as folder:
            ids = deployment.Target("a", {}, folder).new_ids(300)
            again = deployment.Target("b", {}, folder)
            self.assertEqual(again.new_ids(100) + again.new_ids(200), ids)
        self.assertEqual(ids, sorted(ids))
        self.assertEqual(len(set(ids)), 300)
        for text in ids:
            self.assertRegex(text, "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}"
                                   "-[0-9a-f]{12}$")


if __name__ == "__main__":
    unittest.main()

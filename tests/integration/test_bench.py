"""nisim bench, the load generator: python3 test_bench.py --bin BUILD/bin"""

import json
import signal
import subprocess
import time

import appliance

SUBSCRIBERS = 40


class Bench(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.who = [appliance.subscriber(f"bench-{i}") for i in range(SUBSCRIBERS)]
        for who in cls.who:
            lab.add(who)

    def subscribers(self, *more):
        lines = [who.bench_line for who in self.who]
        return self.appliance.write("bench.jsonl", "".join([*lines, *more]))

    def bench(self, *arguments, status=appliance.DONE, file=None):
        done = subprocess.run(self.appliance.nisim_command(
            "--json", "--warm-up", "0", "--duration", "1", *arguments, "bench",
            file or self.subscribers()), capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def test_closed_loop(self):
        shown = self.bench("--warm-up", "1")
        self.assertEqual((shown["unexpected"], shown["resynchronised"]), (0, 0))
        self.assertEqual(list(shown["outcomes"]), ["OK"])
        self.assertEqual(shown["outcomes"]["OK"], shown["answered"])
        self.assertGreater(shown["rate"], 50)
        latency = shown["latency_ms"]
        self.assertTrue(0 < latency["p50"] <= latency["p99"] <= latency["p99.9"] <= latency["max"])

    def test_no_connection_starves(self):
        """More in flight than the channels hold: who starves waits for as long as the load lasts."""
        latency = self.bench("--connections", "16", "--in-flight", "64", "--duration",
                             "3")["latency_ms"]
        self.assertLess(latency["max"], max(20 * latency["p50"], 2000))

    def test_open_loop_keeps_its_rate(self):
        """All of them have room to wait: a machine that stands still for a moment is no fault."""
        shown = self.bench("--rate", "100", "--connections", "4", "--in-flight", "64",
                           "--warm-up", "1", "--duration", "2")
        self.assertEqual((shown["not_sent"], shown["unexpected"]), (0, 0))
        self.assertEqual(shown["answered"], 200)

    def test_stands_still_over_the_end(self):
        """What fell due meanwhile is asked for: there was room for it."""
        command = self.appliance.nisim_command("--json", "--warm-up", "0", "--duration", "2", "--rate", "100",
                                               "--in-flight", "256", "bench", self.subscribers())
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(1.5)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2)
        process.send_signal(signal.SIGCONT)
        shown = json.loads(process.communicate(timeout=60)[0])
        self.assertEqual((process.returncode, shown["not_sent"], shown["answered"]), (appliance.DONE, 0, 200))

    def test_mix(self):
        for seconds in (1, 4, 16):  # a busy machine answers too few in one to tell shares
            shown = self.bench("--replay", "30", "--bad-mac", "20", "--duration", str(seconds))
            self.assertEqual(shown["unexpected"], 0)
            if shown["answered"] > 600:
                break
        self.assertEqual(set(shown["outcomes"]), {"OK", "SYNC_FAILURE", "MAC_FAILURE"})
        self.assertAlmostEqual(shown["outcomes"]["MAC_FAILURE"] / shown["answered"], 0.2, delta=0.1)
        self.assertAlmostEqual(shown["outcomes"]["SYNC_FAILURE"] / shown["answered"], 0.3, delta=0.1)

    def test_used_subscribers_are_resynchronised(self):
        challenge = self.who[0].auc.challenge(5000, 3)
        self.assertAccepted(self.appliance.authenticate("bench-0", challenge), challenge)
        shown = self.bench("--rate", "100")
        self.assertGreater(shown["resynchronised"], 0)
        self.assertEqual(shown["unexpected"], 0)
        self.assertGreater(shown["outcomes"]["OK"], shown["outcomes"]["SYNC_FAILURE"])

    def test_wrong_key_is_told(self):
        wrong = self.appliance.write("wrong.jsonl", json.dumps(
            {"user": "bench-1", "k": "00" * 16, "opc": "11" * 16}))
        done = subprocess.run(self.appliance.nisim_command(
            "--warm-up", "0", "--duration", "1", "bench", wrong), capture_output=True, text=True,
            timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("UNEXPECTED", done.stdout)

    def test_bad_files(self):
        for content, said in (("", "names no subscriber"), ("{", "entry 1"), ("[]", "entry 1: write"),
                              ('{"user": "a", "k": "00", "opc": "11"}', "entry 1: write"),
                              ('{"user": "a\\n", "k": "%s", "opc": "%s"}' % ("0" * 32, "0" * 32),
                               "entry 1: write")):
            path = self.appliance.write("bad.jsonl", content)
            self.assertIn(said, self.bench(file=path, status=2))
        self.assertIn("No such file", self.bench(file="/nowhere", status=2))
        self.assertIn("entry 41", self.bench(file=self.subscribers("{}"), status=2))

    def test_bad_options(self):
        for arguments, said in ((("--rate", "0"), "--rate takes a number from 1"),
                                (("--connections", "-1"), "--connections"),
                                (("--duration", "x"), "--duration"),
                                (("--replay", "60", "--bad-mac", "50"), "more than 100 percent")):
            self.assertIn(said, self.bench(*arguments, status=2))

    def test_refused_form(self):
        done = subprocess.run(self.appliance.nisim_command(
            "--warm-up", "0", "--duration", "1", "bench", self.subscribers(), who="wwsf-4"),
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("FORM_NOT_ALLOWED", done.stdout)


if __name__ == "__main__":
    appliance.main()

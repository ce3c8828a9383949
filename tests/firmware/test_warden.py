"""The real nisimd over children played here: python3 test_warden.py --bin BUILD/bin"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

EXIT_DONE, EXIT_USAGE, EXIT_LISTEN, EXIT_PROGRAM, EXIT_LOCKED = 0, 64, 71, 72, 73
EXIT_NO_TOKEN, EXIT_STORE, EXIT_LOST, EXIT_WRONG_PIN, EXIT_CONFIG = 69, 74, 75, 77, 78
EXIT_OLD_STORE = 76

CONFIG = """
listen = "{listen}";
store = "state/nisim.db";
keepers = {keepers};
log = "debug";
tls: {{ certificate = "server.pem"; key = "server.key"; client_ca = "ca.pem"; }};
token: {{ module = "module.so"; label = "nisim"; pin_file = "pin"; call_timeout = 1; }};
limits: {{ drain_timeout = 1; }};
clients = ( {{ name = "wwsf"; certificate = "dns:wwsf.example.com"; domains = ("*");
              forms = ("card"); }} );
"""

# What a child does is in the file plan.json: a list for each process name, one step a generation,
# the last one for ever. Each child says in events/ what it saw. Descriptors are channel.h's.
CHILD = """#!/usr/bin/python3 -IS
import json, os, signal, socket, sys, threading, time
front = sys.argv[0].endswith("front")
name = "front" if front else "keeper-" + sys.argv[1]
generation = int(sys.argv[1 if front else 2])
folder = os.path.dirname(sys.argv[3])

def say(**what):
    what.update(name=name, generation=generation, pid=os.getpid(), at=time.monotonic())
    with open(f"{folder}/events/{time.monotonic_ns()}-{name}.new", "w") as file:
        json.dump(what, file)
    os.rename(file.name, file.name[:-4])

def stop(number, frame):
    say(event="stopping")
    if step == "slow":
        time.sleep(1)
    if step != "stubborn":
        os._exit(0)

def keeper():
    channel = socket.socket(fileno=5)
    channel.setblocking(True)
    # Its end, front and nisimd gone, may be seen before the signal that this comes with.
    while request := channel.recv(100):
        channel.send(f"{name} {generation} ".encode() + request)
    while True:
        time.sleep(60)

def listen_to_nisimd():
    os.set_blocking(6, True)
    while True:
        index = os.read(6, 1)
        if index == b"":
            os._exit(0)
        say(event="told", index=index[0])

def serve():
    listener = socket.socket(fileno=5)
    listener.setblocking(True)
    keepers = [socket.socket(fileno=7 + i) for i in range(int(sys.argv[2]))]
    threading.Thread(target=listen_to_nisimd, daemon=True).start()
    while True:
        client, _ = listener.accept()
        number = int(client.recv(1))
        keepers[number].setblocking(True)
        keepers[number].send(b"hello")
        client.sendall(keepers[number].recv(100) + f" front {generation}".encode())
        client.close()

steps = json.load(open(f"{folder}/plan.json")).get(name, ["ready"])
step = steps[min(generation, len(steps)) - 1]
signal.signal(signal.SIGTERM, stop)
# A signal that comes just before a call blocks is only seen when another one ends the call.
signal.signal(signal.SIGALRM, lambda number, frame: None)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
descriptors = sorted(int(d) for d in os.listdir("/proc/self/fd"))
say(event="started", arguments=sys.argv, config=os.pread(3, 4096, 0).decode(), step=step,
    descriptors=[d for d in descriptors if os.path.exists(f"/proc/self/fd/{d}")],
    ignored=[s for s in (1, 2, 13) if signal.getsignal(s) == signal.SIG_IGN])
if step.startswith("exit"):
    os._exit(int(step[5:]))
if step == "silent":
    while True:
        time.sleep(60)
say(event="ready")  # before it is: what nisimd does upon it must not be seen before it
os.write(4, b"1")
os.close(4)
serve() if front else keeper()
"""


class Lab:
    """A folder with nisimd, children of ours beside it, and a configuration."""

    def __init__(self, bin_folder):
        self.folder = tempfile.mkdtemp(prefix="nisim-warden-")
        self.process = None
        shutil.copy(os.path.join(bin_folder, "nisimd"), self.path("nisimd"))
        for name in ("nisim-keeper", "nisim-front"):
            self.write(name, CHILD)
            os.chmod(self.path(name), 0o755)
        os.mkdir(self.path("state"))
        os.mkdir(self.path("state/nisim.db-audit"), 0o700)
        os.mkdir(self.path("events"))
        for name in ("server.pem", "server.key", "ca.pem", "module.so", "pin", "state/nisim.db"):
            self.write(name, "x\n")
            os.chmod(self.path(name), 0o600)
        self.configure()
        self.plan()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for event in self.events("started"):
            wait(lambda pid=event["pid"]: not is_alive(pid), "the children to end")
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def configure(self, listen="127.0.0.1:0", keepers=2, change=("", "")):
        self.write("nisim.conf", CONFIG.format(listen=listen, keepers=keepers).replace(*change))

    def plan(self, **steps):
        self.write("plan.json", json.dumps({k.replace("_", "-"): v for k, v in steps.items()}))

    def start(self, **environment):
        self.log = open(self.path("log"), "a+", encoding="utf-8")
        self.process = subprocess.Popen(
            [self.path("nisimd"), "--config", self.path("nisim.conf")], stderr=self.log,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=dict(os.environ, **environment))
        self.log.close()
        return self

    def logged(self):
        if not os.path.exists(self.path("log")):
            return ""
        with open(self.path("log"), encoding="utf-8") as file:
            return file.read()

    def lines(self, event):
        return [line for line in self.logged().splitlines()
                if line.split()[2:4] == ["nisimd", event]]

    def wait_ready(self, times=1):
        wait(lambda: len(self.lines("appliance-ready")) >= times or self.process.poll() is not None,
             "appliance-ready")
        if self.process.poll() is not None:
            raise AssertionError(self.logged())
        return self

    def wait_end(self):
        return self.process.wait(timeout=60)

    def events(self, event=None, name=None):
        found = []
        for file in sorted(os.listdir(self.path("events"))):
            if not file.endswith(".new"):
                with open(self.path("events/" + file), encoding="utf-8") as text:
                    found.append(json.load(text))
        return [e for e in found if event in (None, e["event"]) and name in (None, e["name"])]

    def pid(self, name):
        return self.events("started", name)[-1]["pid"]

    def connect(self):
        address = re.search(r"listen=(\S+):(\d+)", self.lines("appliance-ready")[-1])
        return socket.create_connection((address[1], int(address[2])), timeout=60)

    def ask(self, keeper=0):
        with self.connect() as client:
            client.sendall(str(keeper).encode())
            return client.recv(100).decode()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.02)


class Case(unittest.TestCase):
    bin_folder = None

    def setUp(self):
        self.lab = Lab(self.bin_folder)
        self.addCleanup(self.lab.close)


class Starting(Case):
    def test_order_and_descriptors(self):
        lab = self.lab
        lab.configure(keepers=3)
        lab.start().wait_ready()
        order = [(e["name"], e["event"]) for e in lab.events() if e["event"] != "told"]
        self.assertEqual(order, [(name, event)
                                 for name in ("keeper-0", "keeper-1", "keeper-2", "front")
                                 for event in ("started", "ready")])
        keeper = lab.events("started", "keeper-1")[0]
        front = lab.events("started", "front")[0]
        self.assertEqual(keeper["arguments"][1:], ["1", "1", lab.path("nisim.conf")])
        self.assertEqual(front["arguments"][1:], ["1", "3", lab.path("nisim.conf")])
        self.assertEqual(keeper["descriptors"], [0, 1, 2, 3, 4, 5, 6])
        self.assertEqual(front["descriptors"], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        self.assertEqual(keeper["config"], front["config"])
        self.assertIn('keepers = 3', keeper["config"])
        self.assertIn(2, keeper["ignored"])
        self.assertIn("keepers=3", lab.lines("appliance-ready")[0])

    def test_file_changed_while_running(self):
        lab = self.lab
        lab.start().wait_ready()
        lab.configure(keepers=5)
        os.kill(lab.pid("front"), signal.SIGKILL)
        lab.wait_ready(2)
        front = lab.events("started", "front")
        self.assertEqual(front[0]["config"], front[1]["config"])

    def test_descriptors_that_are_closed(self):
        lab = self.lab
        log = lab.path("log")
        lab.process = subprocess.Popen(
            ["/bin/sh", "-c", f'exec "$0" --config "$1" <&- >&- 2>>{log}', lab.path("nisimd"),
             lab.path("nisim.conf")])
        lab.wait_ready()
        self.assertEqual(lab.ask(), "keeper-0 1 hello front 1")
        self.assertEqual(lab.events("started", "front")[0]["descriptors"], list(range(9)))

    def test_lost_token_is_tried_again(self):
        self.lab.plan(keeper_1=["exit 75", "exit 75", "ready"])
        self.lab.start().wait_ready()
        self.assertEqual(len(self.lab.events("started", "keeper-1")), 3)
        self.assertEqual(len(self.lab.events("started", "front")), 1)
        _, second, third = [e["at"] for e in self.lab.events("started", "keeper-1")]
        self.assertGreater(third - second, 0.9)
        self.assertEqual([line.split("starts_again_in_ms=")[1]
                          for line in self.lab.lines("child-ended")], ["0", "1000"])

    def test_killed_before_ready(self):
        self.lab.plan(keeper_0=["silent", "ready"])
        self.lab.start()
        wait(lambda: self.lab.events("started", "keeper-0"), "keeper-0")
        os.kill(self.lab.pid("keeper-0"), signal.SIGKILL)
        self.lab.wait_ready()

    def test_never_ready(self):
        self.lab.plan(keeper_0=["silent", "ready"], front=["silent", "ready"])
        self.lab.start().wait_ready()
        killed = self.lab.lines("child-killed")
        self.assertEqual(len(killed), 2)
        self.assertIn('process=keeper-0 reason="not ready in time"', killed[0])
        self.assertIn('process=front reason="not ready in time"', killed[1])

    def test_manager_is_told(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(self.lab.path("manager"))
            manager.settimeout(60)
            self.lab.start(NOTIFY_SOCKET=self.lab.path("manager"))
            self.assertEqual(manager.recv(100), b"READY=1")
            self.lab.process.terminate()
            self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_manager_in_abstract_name_space(self):
        name = f"nisim-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("\0" + name)
            manager.settimeout(60)
            self.lab.start(NOTIFY_SOCKET="@" + name)
            self.assertEqual(manager.recv(100), b"READY=1")


class NotStarting(Case):
    def expect(self, code, *words, errors=1):
        self.assertEqual(self.lab.wait_end(), code, self.lab.logged())
        lines = [line for line in self.lab.logged().splitlines() if line.split()[1] == "error"]
        self.assertEqual(len(lines), errors, lines)
        for word in words:
            self.assertIn(word, lines[0])
        return lines[0]

    def test_bad_configuration(self):
        self.lab.configure(keepers=0)
        self.lab.start()
        self.expect(EXIT_CONFIG, "config-bad", "nisim.conf:4: keepers: 0 is not between 1 and 64")
        self.assertEqual(self.lab.events(), [])

    def test_no_configuration(self):
        os.unlink(self.lab.path("nisim.conf"))
        self.lab.start()
        self.expect(EXIT_CONFIG, "nisim.conf: No such file or directory")

    def test_configuration_is_a_folder(self):
        os.unlink(self.lab.path("nisim.conf"))
        os.mkdir(self.lab.path("nisim.conf"))
        self.lab.start()
        self.expect(EXIT_CONFIG, "nisim.conf: Is a directory")

    def test_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            self.lab.configure(listen=address)
            self.lab.start()
            self.expect(EXIT_LISTEN, "listen-failed", address, "Address already in use")
        self.assertEqual(self.lab.events(), [])

    def test_address_of_another_host(self):
        self.lab.configure(listen="192.0.2.1:7443")
        self.lab.start()
        self.expect(EXIT_LISTEN, "listen-failed", "Cannot assign requested address")

    def test_no_folder_for_the_store(self):
        shutil.rmtree(self.lab.path("state"))
        self.lab.start()
        self.expect(EXIT_STORE, "store-unusable", "No such file or directory")

    def test_program_missing(self):
        os.unlink(self.lab.path("nisim-front"))
        self.lab.start()
        self.expect(EXIT_PROGRAM, "program-missing", "name=nisim-front")

    def test_program_that_cannot_run(self):
        self.lab.write("nisim-front", "#!/nowhere/interpreter\n")
        self.lab.start()
        self.expect(EXIT_PROGRAM, "program-not-started", "No such file or directory", errors=2)

    def test_hopeless_ends(self):
        for code in (EXIT_CONFIG, EXIT_NO_TOKEN, EXIT_STORE, EXIT_OLD_STORE):
            with self.subTest(code=code):
                lab = Lab(self.bin_folder)
                self.addCleanup(lab.close)
                lab.plan(keeper_1=[f"exit {code}"])
                lab.start()
                self.assertEqual(lab.wait_end(), code)
                self.assertIn(f'process=keeper-1 how="exit {code}"', lab.lines("start-failed")[0])
                self.assertEqual(len(lab.events("started", "keeper-1")), 1)
                self.assertEqual(lab.events("started", "front"), [])
                self.assertEqual(len(lab.events("stopping", "keeper-0")), 1)

    def test_wrong_pin(self):
        self.lab.plan(keeper_0=[f"exit {EXIT_WRONG_PIN}"])
        self.lab.start()
        self.expect(EXIT_WRONG_PIN, "wrong-pin", "process=keeper-0")
        self.assertEqual(len(self.lab.events("started")), 1)

    def test_store_in_use(self):
        self.lab.start().wait_ready()
        second = subprocess.run([self.lab.path("nisimd"), "--config", self.lab.path("nisim.conf")],
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(second.returncode, EXIT_LOCKED)
        self.assertIn(f"holder={self.lab.process.pid} ", second.stderr)
        self.assertEqual(second.stderr.count(" error "), 1)
        self.assertEqual(self.lab.ask(), "keeper-0 1 hello front 1")

    def test_stopped_while_waiting_for_the_store(self):
        self.lab.start().wait_ready()
        second = subprocess.Popen([self.lab.path("nisimd"), "--config",
                                   self.lab.path("nisim.conf")], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        second.terminate()
        self.assertEqual(second.wait(timeout=60), EXIT_DONE)


class Dying(Case):
    def test_keeper_on_the_same_channel(self):
        lab = self.lab
        lab.start().wait_ready()
        self.assertEqual(lab.ask(1), "keeper-1 1 hello front 1")
        os.kill(lab.pid("keeper-1"), signal.SIGKILL)
        lab.wait_ready(2)
        self.assertEqual(lab.ask(1), "keeper-1 2 hello front 1")
        self.assertEqual(lab.ask(0), "keeper-0 1 hello front 1")
        self.assertEqual([e["index"] for e in lab.events("told", "front")], [1])
        self.assertIn('process=keeper-1 how="signal 9 (Killed)" starts_again_in_ms=0',
                      lab.lines("child-ended")[0])

    def test_front_while_clients_wait(self):
        lab = self.lab
        lab.start().wait_ready()
        self.assertEqual(lab.ask(), "keeper-0 1 hello front 1")
        lab.plan(front=["ready", "exit 75", "ready"])
        os.kill(lab.pid("front"), signal.SIGKILL)
        wait(lambda: len(lab.events("started", "front")) >= 2, "the second front")
        # Nobody accepts now, and nobody is refused.
        self.assertEqual(lab.ask(), "keeper-0 1 hello front 3")

    def test_pauses_grow(self):
        lab = self.lab
        lab.start().wait_ready()
        lab.plan(keeper_0=["ready"] + 3 * [f"exit {EXIT_STORE}"] + ["ready"])
        os.kill(lab.pid("keeper-0"), signal.SIGKILL)
        lab.wait_ready(2)
        at = [e["at"] for e in lab.events("started", "keeper-0")]
        pauses = [b - a for a, b in zip(at[1:], at[2:])]
        self.assertEqual(len(pauses), 3)
        for pause, least in zip(pauses, (1, 2, 4)):
            self.assertGreater(pause, least - 0.05)
            self.assertLess(pause, least + 1.5)  # a busy machine starts it late
        self.assertEqual(lab.lines("start-failed"), [])

    def test_end_without_a_fault_is_one_too(self):
        lab = self.lab
        lab.start().wait_ready()
        os.kill(lab.pid("keeper-0"), signal.SIGTERM)
        lab.wait_ready(2)
        self.assertEqual(lab.ask(), "keeper-0 2 hello front 1")

    def test_all_at_once(self):
        lab = self.lab
        lab.start().wait_ready()
        for name in ("keeper-0", "keeper-1", "front"):
            os.kill(lab.pid(name), signal.SIGKILL)
        lab.wait_ready(2)
        self.assertEqual(lab.ask(1), "keeper-1 2 hello front 2")
        ready = [e for e in lab.events() if e["generation"] == 2 and e["name"] != "front"]
        self.assertEqual([e["event"] for e in ready], ["started", "ready"] * 2)
        self.assertEqual(ready[0]["name"], ready[1]["name"])

    def test_wrong_pin_later(self):
        lab = self.lab
        lab.start().wait_ready()
        lab.plan(keeper_1=["ready", f"exit {EXIT_WRONG_PIN}"])
        os.kill(lab.pid("keeper-1"), signal.SIGKILL)
        self.assertEqual(lab.wait_end(), EXIT_WRONG_PIN)
        self.assertEqual(len(lab.lines("wrong-pin")), 1)
        self.assertEqual(len(lab.events("started", "keeper-1")), 2)
        stopped = [e["name"] for e in lab.events("stopping")]
        self.assertEqual(stopped, ["front", "keeper-0"])

    def test_old_store_later(self):
        lab = self.lab
        lab.start().wait_ready()
        lab.plan(keeper_1=["ready", f"exit {EXIT_OLD_STORE}"])
        os.kill(lab.pid("keeper-1"), signal.SIGKILL)
        self.assertEqual(lab.wait_end(), EXIT_OLD_STORE)
        self.assertEqual(len(lab.lines("start-failed")), 1)
        self.assertEqual(len(lab.events("started", "keeper-1")), 2)

    def test_nisimd(self):
        lab = self.lab
        lab.start().wait_ready()
        pids = [e["pid"] for e in lab.events("started")]
        lab.process.kill()
        lab.wait_end()
        lab.start().wait_ready(2)
        self.assertFalse([pid for pid in pids if is_alive(pid)])
        self.assertEqual(lab.ask(), "keeper-0 1 hello front 1")

    def test_store_is_locked_until_the_last_keeper_is_gone(self):
        lab = self.lab
        lab.plan(keeper_0=["slow"])
        lab.start().wait_ready()
        pid = lab.pid("keeper-0")
        lab.process.kill()
        lab.wait_end()
        lab.plan()
        self.assertTrue(is_alive(pid))
        lab.start().wait_ready(2)
        stopping = lab.events("stopping", "keeper-0")[0]["at"]
        started = lab.events("started", "keeper-0")[1]["at"]
        self.assertGreater(started - stopping, 0.95)

    def test_no_zombies_of_others(self):
        lab = self.lab
        lab.start().wait_ready()
        os.kill(lab.pid("keeper-0"), signal.SIGKILL)
        lab.wait_ready(2)
        with open(f"/proc/{lab.process.pid}/task/{lab.process.pid}/children",
                  encoding="ascii") as file:
            children = [int(pid) for pid in file.read().split()]
        self.assertEqual(len(children), 3)
        self.assertTrue(all(is_alive(pid) for pid in children))


class Stopping(Case):
    def test_front_then_keepers(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                lab = Lab(self.bin_folder)
                self.addCleanup(lab.close)
                lab.plan(front=["slow"], keeper_0=["slow"])
                lab.start().wait_ready()
                lab.process.send_signal(number)
                self.assertEqual(lab.wait_end(), EXIT_DONE)
                stopping = {e["name"]: e["at"] for e in lab.events("stopping")}
                self.assertEqual(set(stopping), {"front", "keeper-0", "keeper-1"})
                self.assertGreater(stopping["keeper-0"] - stopping["front"], 0.95)
                self.assertEqual(lab.lines("child-killed"), [])

    def test_who_does_not_stop_is_killed(self):
        self.lab.plan(front=["stubborn"], keeper_1=["stubborn"])
        self.lab.start().wait_ready()
        began = time.monotonic()
        self.lab.process.terminate()
        self.assertEqual(self.lab.wait_end(), EXIT_DONE)
        self.assertEqual([re.search(r"process=(\S+)", line)[1]
                          for line in self.lab.lines("child-killed")], ["front", "keeper-1"])
        self.assertLess(time.monotonic() - began, 10)

    def test_while_starting(self):
        self.lab.plan(keeper_1=["silent"])
        self.lab.start()
        wait(lambda: self.lab.events("started", "keeper-1"), "keeper-1")
        self.lab.process.terminate()
        self.assertEqual(self.lab.wait_end(), EXIT_DONE)
        self.assertEqual(self.lab.events("started", "front"), [])

    def test_while_pausing(self):
        self.lab.plan(keeper_0=["exit 75"])
        self.lab.start()
        wait(lambda: len(self.lab.events("started", "keeper-0")) >= 4, "the third pause, of 4 s")
        self.lab.process.terminate()
        began = time.monotonic()
        self.assertEqual(self.lab.wait_end(), EXIT_DONE)
        self.assertLess(time.monotonic() - began, 3)

    def test_port_is_free_while_draining(self):
        self.lab.plan(front=["slow"])
        self.lab.start().wait_ready()
        port = int(re.search(r"listen=\S+:(\d+)", self.lab.lines("appliance-ready")[0])[1])
        self.lab.process.terminate()
        self.assertEqual(self.lab.wait_end(), EXIT_DONE)
        with contextlib.closing(socket.socket()) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))

    def test_hangup_is_no_end(self):
        self.lab.start().wait_ready()
        self.lab.process.send_signal(signal.SIGHUP)
        wait(lambda: self.lab.lines("hangup-ignored"), "hangup-ignored")
        self.assertEqual(self.lab.ask(), "keeper-0 1 hello front 1")


class Checking(Case):
    def run_nisimd(self, *arguments):
        return subprocess.run([self.lab.path("nisimd"), *arguments], capture_output=True, text=True,
                              timeout=60, cwd=self.lab.folder, check=False)

    def expect(self, *lines):
        done = self.run_nisimd("--check", "nisim.conf")
        self.assertEqual((done.returncode, done.stdout), (EXIT_CONFIG, ""))
        self.assertEqual(done.stderr.splitlines(), [line.format(self.lab.folder) for line in lines])

    def test_good(self):
        done = self.run_nisimd("--check", "nisim.conf")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (EXIT_DONE, "nisim.conf: good\n", ""))
        self.assertFalse(os.path.exists(self.lab.path("state/nisim.db.lock")))

    def test_bad(self):
        self.lab.configure(keepers=65)
        self.expect("nisim.conf:4: keepers: 65 is not between 1 and 64")

    def test_each_file_that_is_missing(self):
        for name in ("server.pem", "ca.pem", "module.so", "pin"):
            os.unlink(self.lab.path(name))
        self.expect("nisim.conf:6: tls.certificate: {0}/server.pem: No such file or directory",
                    "nisim.conf:6: tls.client_ca: {0}/ca.pem: No such file or directory",
                    "nisim.conf:7: token.module: {0}/module.so: No such file or directory",
                    "nisim.conf:7: token.pin_file: {0}/pin: No such file or directory")

    def test_secrets_open_to_everybody(self):
        os.chmod(self.lab.path("pin"), 0o644)
        os.chmod(self.lab.path("server.key"), 0o604)
        os.chmod(self.lab.path("ca.pem"), 0o644)
        self.expect(
            "nisim.conf:6: tls.key: {0}/server.key: is open to everybody; chmod o= {0}/server.key",
            "nisim.conf:7: token.pin_file: {0}/pin: is open to everybody; chmod o= {0}/pin")
        os.chmod(self.lab.path("pin"), 0o640)
        os.chmod(self.lab.path("server.key"), 0o600)
        self.test_good()

    def test_no_store(self):
        os.unlink(self.lab.path("state/nisim.db"))
        self.expect("nisim.conf:3: store: {0}/state/nisim.db: No such file or directory; "
                    "nisim-token init makes it")
        shutil.rmtree(self.lab.path("state"))
        self.expect("nisim.conf:3: store: {0}/state/: No such file or directory; "
                    "the folder must exist and be writable")

    def test_folder_for_a_file(self):
        os.unlink(self.lab.path("pin"))
        os.mkdir(self.lab.path("pin"), stat.S_IRWXU)
        self.expect("nisim.conf:7: token.pin_file: {0}/pin: is not a file")

    def test_unknown_user(self):
        self.lab.configure(change=("limits:", 'users: { front = "nobody-here"; };\nlimits:'))
        self.expect("nisim.conf:8: users.front: nobody-here: no such user")

    def test_key_in_a_token(self):
        self.lab.configure(change=('key = "server.key";', 'key = "pkcs11:token=tls"; module = '
                                   '"module.so"; pin_file = "pin";'))
        self.test_good()

    def test_usage(self):
        for arguments in (["--bogus"], ["word"], ["--check"], ["--config"]):
            self.assertEqual(self.run_nisimd(*arguments).returncode, EXIT_USAGE)
        self.assertRegex(self.run_nisimd("--version").stdout, r"^nisimd \d+\.\d+\.\d+\n$")
        self.assertIn("--check FILE", self.run_nisimd("--help").stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    arguments, rest = parser.parse_known_args()
    Case.bin_folder = arguments.bin
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()

"""opensc-tool reaches the network ISIM through pcscd, vpcd and nisim-pcsc, in namespaces of its own:
python3 test_pcsc.py --bin BUILD/bin"""

import os
import re
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

import appliance  # noqa: E402

DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
PROGRAMS = ("pcscd", "opensc-tool", "ip", "unshare", "mount")
INSIDE = "NISIM_TEST_NAMESPACE"
READER = f"""FRIENDLYNAME "Virtual PCD"
DEVICENAME   /dev/null:0x8C7B
LIBPATH      {DRIVER}
CHANNELID    0x8C7B
"""
# TS 35.208 set 1, and SQN of its own there: ff9bb4d0b607.
K, OPC = "465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf"
RAND = "23553cbe9637a89d218ae64dae47bf35"
AUTN = "55f328b43577b9b94a9ffac354dfafb3"
RES = "a54211d5e3ba50bf"
CK, IK = "b40ba9a3c58b2a05bbf0d987b21bf8cb", "f769bcd751044604127672711c6d3441"


def tlv(text):
    return (b"\x80" + bytes([len(text)]) + text.encode()).hex()


class Pcsc(appliance.Case):
    @classmethod
    def prepare(cls, lab):
        cls.who = appliance.Subscriber(("card",), "card@ims.example.com", bytes.fromhex(K),
                                       bytes.fromhex(OPC),
                                       options=("--delta", str((1 << 48) - 1)))
        lab.add(cls.who)
        pki = lab.pki.path
        lab.write("client.conf", f'server = "127.0.0.1:{lab.port}";\nca = "{pki("ca.pem")}";\n'
                  f'certificate = "{pki("wwsf-1.pem")}";\nkey = "{pki("wwsf-1.key")}";\n')
        os.mkdir(lab.path("readers"))
        lab.write("readers/vpcd", READER)

    def setUp(self):
        # Debian 13's asks polkit, which is not in the namespace; Debian 12's knows no such option.
        usage = subprocess.run(["pcscd", "--help"], capture_output=True, text=True, check=False).stdout
        option = "--disable-polkit"
        self.pcscd = self.spawn("pcscd", "--foreground", "--config", self.appliance.path("readers"),
                                *[option] * (option in usage))
        self.bridge = self.spawn(self.appliance.program("nisim-pcsc"), "--config",
                                 self.appliance.path("client.conf"), "card")
        appliance.wait_for(self.is_in, "the card in the reader", 30)

    def spawn(self, *command):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()

    @staticmethod
    def is_in():
        done = subprocess.run(["opensc-tool", "--atr"], capture_output=True, text=True, check=False,
                              timeout=60)
        return done.stdout.strip().startswith("3b:8d:80:1f:c7")

    def send(self, *commands):
        """The answers, data and status word in hex."""
        arguments = [word for command in commands for word in ("--send-apdu", command)]
        done = subprocess.run(["opensc-tool", "--card-driver", "default", *arguments],
                              capture_output=True, text=True, check=False, timeout=60)
        found = re.split(r"^Received \(SW1=0x(..), SW2=0x(..)\):?$", done.stdout, flags=re.M)[1:]
        answers = []
        for sw1, sw2, shown in zip(found[0::3], found[1::3], found[2::3]):
            octets = "".join(re.findall(r"^((?:[0-9A-F]{2} )+)", shown.split("Sending")[0], re.M))
            answers.append((octets.replace(" ", "") + sw1 + sw2).lower())
        self.assertEqual(len(answers), len(commands), done.stdout + done.stderr)
        return answers

    def test_card(self):
        select = "00a4040c07a0000000871004"
        self.assertEqual(self.send("00b0820000", select, "00b0820000", "00b0850000", "00b2012400",
                                   "00b2022400"),
                         ["6a82", "9000", tlv(self.who.impi) + "9000", tlv("ims.example.com") + "9000",
                          tlv("sip:" + self.who.impi) + "9000", "6a83"])
        forged = AUTN[:-1] + "0"
        aka = [f"008800812210{RAND}10{autn}00" for autn in (forged, AUTN, AUTN)]
        answers = self.send(select, *aka)
        self.assertEqual(answers[:3], ["9000", "9862", f"db08{RES}10{CK}10{IK}9000"])
        self.assertRegex(answers[3], "^dc0e[0-9a-f]{28}9000$")
        self.bridge.send_signal(signal.SIGTERM)
        self.assertEqual(self.bridge.wait(timeout=60), 0)
        appliance.wait_for(lambda: not self.is_in(), "the card out of the reader", 30)

    def test_comes_back(self):
        front = self.appliance.children()["front"]
        os.kill(front, signal.SIGKILL)

        def is_back():
            try:
                return self.send("00a4040c07a0000000871004") == ["9000"]
            except AssertionError:
                return False
        appliance.wait_for(is_back, "the card back in the reader", 60)
        self.assertIsNone(self.bridge.poll())


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def enter():
    """Runs this file again where vpcd's port and pcscd's socket are nobody else's."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or not os.path.exists(DRIVER):
        skip(f"there is no {' '.join(missing) or 'vpcd'} here")
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc"]
    unshare += [] if os.geteuid() == 0 else ["--map-root-user"]
    ready = "mount -t tmpfs tmpfs /run && mkdir /run/pcscd && ip link set lo up"
    if subprocess.run([*unshare, "sh", "-c", ready], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        skip("no namespace can be made here")
    os.execvpe("unshare", [*unshare, "sh", "-c", ready + ' && exec "$@"', "sh", sys.executable,
                           os.path.abspath(__file__), *sys.argv[1:]], dict(os.environ, **{INSIDE: "1"}))


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter()
    appliance.main()

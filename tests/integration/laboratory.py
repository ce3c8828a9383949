"""What most tests of the appliance start from, made once for a run of ctest: a PKI, a laboratory's
token and its empty store: python3 laboratory.py --bin BUILD/bin --ready FOLDER"""

import argparse
import contextlib
import os
import shutil

import appliance


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of the programs")
    parser.add_argument("--ready", required=True, help="the folder to make")
    options = parser.parse_args()
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(options.ready)
    lab = appliance.Appliance(os.path.abspath(options.bin))
    with contextlib.closing(lab):
        lab.init_laboratory()
        for name in ("pki", *appliance.LABORATORY):
            shutil.copytree(lab.path(name), os.path.join(options.ready, name))


if __name__ == "__main__":
    main()

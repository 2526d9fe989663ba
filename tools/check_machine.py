"""Says in one sentence what this machine lacks to build repriced; silent when nothing is missing.

Runs before anything is installed, so even an old Python must be able to read it.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig

OLDEST = (3, 11)


def check_python():
    if sys.version_info < OLDEST:
        sys.exit(
            "repriced needs Python 3.11 or newer; {} is {}. Name a newer one, for example: "
            "make demo PYTHON=python3.12".format(sys.executable, platform.python_version())
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit(
            "{} cannot create virtual environments. On Debian and Ubuntu: "
            "apt-get install python3-venv".format(sys.executable)
        )


def check_headers():
    header = os.path.join(sysconfig.get_path("include"), "Python.h")
    if not os.path.exists(header):
        sys.exit(
            "{} is missing, so extensions cannot be compiled. On Debian and Ubuntu: "
            "apt-get install python3-dev; on Fedora: dnf install python3-devel".format(header)
        )


def check_compiler():
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if shutil.which(command[0]) is None:
        sys.exit(
            "No C compiler: {!r} is not in PATH. On Debian and Ubuntu: apt-get install gcc; on "
            "macOS: xcode-select --install; or name one with CC=".format(command[0])
        )
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return
    probe = subprocess.run(
        command + ["-march=x86-64-v4", "-E", "-x", "c", os.devnull],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if probe.returncode != 0:
        sys.exit(
            "The C compiler {!r} does not know -march=x86-64-v4: GCC 11 or Clang 12 or newer is "
            "needed. Name another with CC=".format(command[0])
        )


check_python()
check_headers()
check_compiler()

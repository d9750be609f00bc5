"""What a person can do where bubblewrap is missing or is not let do its work."""

import os
import platform
from pathlib import Path
from typing import Final

_INSTALL: Final = {
    "debian": "sudo apt-get install bubblewrap",
    "ubuntu": "sudo apt-get install bubblewrap",
    "fedora": "sudo dnf install bubblewrap",
    "rhel": "sudo dnf install bubblewrap",
    "arch": "sudo pacman -S bubblewrap",
    "suse": "sudo zypper install bubblewrap",
    "opensuse": "sudo zypper install bubblewrap",
    "alpine": "sudo apk add bubblewrap",
    "void": "sudo xbps-install bubblewrap",
    "gentoo": "sudo emerge sys-apps/bubblewrap",
}
_ANY_DISTRIBUTION: Final = "install the package `bubblewrap` of this distribution"

# A setting, the value with which unprivileged users get no namespaces, and what then helps. First match counts.
_SWITCHES: Final = (
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor keeps bubblewrap from making namespaces: sudo apt-get install apparmor-profiles && sudo install -m 0644"
        " /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && sudo apparmor_parser -r"
        " /etc/apparmor.d/bwrap-userns-restrict",
    ),
    ("kernel/unprivileged_userns_clone", "0", "run: sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    ("user/max_user_namespaces", "0", "run: sudo sysctl -w user.max_user_namespaces=15000"),
)
_REFUSED_BY_HOST: Final = (
    "this kernel or container refuses new namespaces: run the node outside the container, or allow them"
)
_REFUSED_SIGNS: Final = ("namespace", "uid map", "RTM_NEWADDR", "Operation not permitted", "Permission denied")


def install_command() -> str:
    """The command that installs bubblewrap on this distribution."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return _ANY_DISTRIBUTION
    families = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    return _as_this_user(
        next((_INSTALL[name] for name in map(_family, families) if name in _INSTALL), _ANY_DISTRIBUTION)
    )


def for_failed_setup(message: str, settings: Path = Path("/proc/sys")) -> str:
    """What helps where bubblewrap itself failed with this message."""
    if not any(sign in message for sign in _REFUSED_SIGNS):
        return "this is not the trial's fault: run `hive-node doctor`"
    for name, refusing, help_text in _SWITCHES:
        setting = settings / name
        if setting.is_file() and setting.read_text().strip() == refusing:
            return _as_this_user(help_text)
    return _REFUSED_BY_HOST


def _as_this_user(command: str) -> str:
    """Root needs no sudo, and often has none."""
    return command.replace("sudo ", "") if os.geteuid() == 0 else command


def _family(name: str) -> str:
    return "opensuse" if name.startswith("opensuse") else name

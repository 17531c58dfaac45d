"""``ssh`` between the nodes of a job, which are all this machine: a shell script that is first on their PATH.

On Azure the job's user could log in from every node of the job to every other without a password (in containers on
port 23), and the first connection printed ssh's warning about an unknown host.
"""

from pathlib import Path

_SCRIPT = r"""#!/bin/sh
# ssh to a node of this job runs the command here; to any other host it is the machine's own ssh.
PATH={path}
export PATH
host= count=0 value=
for word in "$@"; do
    count=$((count + 1))
    case "$value/$word" in
        yes/*) value= ;;
        /-[BbcDEeFIiJLlmOopQRSWw]) value=yes ;;
        /-*) ;;
        *) host="${word#*@}"; break ;;
    esac
done
case ",$AZ_BATCH_HOST_LIST," in
    *",$host,"*) shift "$count" ;;
    *) exec ssh "$@" ;;
esac
[ "$1" = -- ] && shift
if mkdir "$AZ_BATCHAI_SHARED_JOB_TEMP/.known-$host" 2>/dev/null; then
    echo "Warning: Permanently added '$host' (ECDSA) to the list of known hosts." >&2
fi
[ $# -gt 0 ] || { echo "ssh: this node has no terminal; name a command" >&2; exit 255; }
exec {run} "$*"
"""


def script(shell: str, path: str, *, remote_command: str = "") -> str:
    """Return the script.

    Args:
        shell: the shell that runs the commands.
        path: the search path of the machine, where the real ssh is.
        remote_command: shell text that runs the commands on ``$host``, if nodes are separate machines.
    """
    return _SCRIPT.replace("{run}", remote_command or f"{_quoted(shell)} -c").replace("{path}", _quoted(path))


def folder(directory: Path) -> Path:
    """The directory of the script in the directory of a job or node."""
    return directory / "bin"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

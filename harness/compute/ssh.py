"""``ssh`` between the nodes of a job, which are all this machine: a shell script that stands first on their path.

On Azure the job's user could log in from every node of the job to every other without a password (in containers at
port 23), and the first contact wrote the warning that ssh writes of a host it did not know.
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


def script(shell: str, path: str, *, across: str = "") -> str:
    """The script.

    Args:
        shell: runs the commands.
        path: the machine's own search path, on which the real ssh is.
        across: where nodes are machines of their own, shell text that runs the commands on ``$host``.
    """
    return _SCRIPT.replace("{run}", across or f"{_quoted(shell)} -c").replace("{path}", _quoted(path))


def folder(directory: Path) -> Path:
    """Where the directory of a job, or of a node, has the script."""
    return directory / "bin"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

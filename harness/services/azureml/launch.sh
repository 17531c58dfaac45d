#!/usr/bin/env bash
# Makes a command job of Azure Machine Learning look like a job of Batch AI to the script that it runs.
#
#   bash batchai_launch.sh [WORDS...] run COMMAND
#
#   mount NAME PATH     a share that is visible at $AZ_BATCHAI_MOUNT_ROOT/NAME
#   input NAME PATH     an input directory, for $AZ_BATCHAI_INPUT_NAME
#   output NAME PATH    an output directory, for $AZ_BATCHAI_OUTPUT_NAME
#   streams PATH        the directory that gets stdout.txt and stderr.txt
#   toolkit NAME        the framework of the script: which python runs it, which variables it gets
#   interpreter PATH    the python that runs the script, if the image has it
#   place NAME VALUE    a variable that names the job, its experiment, cluster or workspace
#   prepare COMMAND     is run before, once on each node
#
# The exit code is that of COMMAND. What it prints goes to the share, to ./logs, which the service shows while the job
# runs, and to the service's own log.

here=$PWD
temporary=$(mktemp -d)
mkdir -p "$temporary/mounts" logs
streams=logs toolkit= interpreter= preparation= command=
export AZ_BATCHAI_MOUNT_ROOT="$temporary/mounts" AZ_BATCHAI_JOB_MOUNT_ROOT="$temporary/mounts"
export AZ_BATCHAI_JOB_TEMP="$temporary" AZ_BATCHAI_JOB_TEMP_DIR="$temporary" AZ_BATCHAI_SHARED_JOB_TEMP="$temporary"
export AZ_BATCHAI_JOB_WORK_DIR="$here"

while [ $# -gt 0 ]; do
    case $1 in
        mount)
            mkdir -p "$(dirname "$AZ_BATCHAI_MOUNT_ROOT/$2")"
            ln -sfn "$3" "$AZ_BATCHAI_MOUNT_ROOT/$2"
            shift 3 ;;
        input) export "AZ_BATCHAI_INPUT_$2=$3"; shift 3 ;;
        output) export "AZ_BATCHAI_OUTPUT_$2=$3"; shift 3 ;;
        place) export "AZ_BATCHAI_$2=$3"; shift 3 ;;
        streams) streams=$2; shift 2 ;;
        toolkit) toolkit=$2; shift 2 ;;
        interpreter) interpreter=$2; shift 2 ;;
        prepare) preparation=$2; shift 2 ;;
        run) command=$2; shift 2 ;;
        *) echo "batchai_launch.sh: unknown word $1" >&2; exit 2 ;;
    esac
done
export AZ_BATCHAI_STDOUTERR_DIR="$streams"
mkdir -p "$streams"

# Which process of how many this is, and on which node.
rank=${OMPI_COMM_WORLD_RANK:-${RANK:-}} size=${OMPI_COMM_WORLD_SIZE:-${WORLD_SIZE:-1}} label= role=
if [ -n "${TF_CONFIG:-}" ]; then
    eval "$(python3 - <<'PYTHON'
import json, os, shlex
config = json.loads(os.environ["TF_CONFIG"])
cluster, task = config.get("cluster", {}), config.get("task", {})
workers = [*cluster.get("chief", []), *cluster.get("master", []), *cluster.get("worker", [])]
print("export AZ_BATCHAI_WORKER_HOSTS=" + shlex.quote(",".join(workers)))
print("export AZ_BATCHAI_PS_HOSTS=" + shlex.quote(",".join(cluster.get("ps", []))))
print("rank=%d role=%s" % (task.get("index", 0), "ps" if task.get("type") == "ps" else "wk"))
PYTHON
)"
    label="-$role-$rank"
    if [ "$role" = ps ]; then export HARNESS_TASK=ps
    elif [ "$rank" = 0 ]; then export HARNESS_TASK=master
    else export HARNESS_TASK=worker; fi
fi
rank=${rank:-${AZUREML_CR_NODE_RANK:-${AZ_BATCHAI_TASK_INDEX:-0}}}
if [ -z "$label" ] && { [ "$size" -gt 1 ] || [ "${AZUREML_NODE_COUNT:-1}" -gt 1 ]; }; then label="-$rank"; fi
export AZ_BATCHAI_TASK_INDEX="$rank"
export AZ_BATCHAI_MPI_MASTER_NODE="${AZ_BATCHAI_MPI_MASTER_NODE:-${MASTER_ADDR:-127.0.0.1}}"
gpus=$(nvidia-smi -L 2>/dev/null | grep -c '^GPU ')
export AZ_BATCHAI_NUM_GPUS="$gpus" AZ_BATCHAI_NUM_GPUS_PER_NODE="$gpus"

notes=
note() { notes="$notes$1"$'\n'; }

# The first python on the path that has what the script imports; the first of all where none has.
choose_python() {
    local found first=
    while IFS= read -r found; do
        first=${first:-$found}
        if "$found" -c "import importlib.util as i, sys; sys.exit(not any(i.find_spec(n) for n in sys.argv[1:]))" "$@" \
            2> /dev/null; then
            echo "$found"
            return
        fi
    done < <(type -aP python python3)
    echo "$first"
}

version_of() {
    "$chosen" -c "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))" "$1" 2> /dev/null
}

case $toolkit in
    cntk) chosen=$(choose_python cntk torch) ;;
    pyTorch) chosen=$(choose_python torch) ;;
    tensorFlow) chosen=$(choose_python tensorflow) ;;
    ?*) chosen=$(choose_python "$toolkit") ;;
    *) chosen=$(type -P python || type -P python3) ;;
esac
if [ -n "$interpreter" ]; then
    if [ -x "$interpreter" ]; then chosen=$interpreter; else note "interpreter $interpreter is not in this image"; fi
fi
if [ -n "$chosen" ]; then
    export HARNESS_PYTHON="$chosen"
    python() { "$HARNESS_PYTHON" "$@"; }
    export -f python
fi
case $toolkit in
    cntk)
        export OMP_WAIT_POLICY=passive OMP_NUM_THREADS="${OMP_NUM_THREADS:-$(nproc)}"
        if "$chosen" -c "import cntk" 2> /dev/null; then
            note "toolkit: CNTK $("$chosen" -c 'import cntk; print(cntk.__version__)' 2> /dev/null)"
        else
            export PYTHONPATH="$here/cntk_on_pytorch.zip${PYTHONPATH:+:$PYTHONPATH}"
            export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=1099511627776
            note "toolkit: CNTK on PyTorch $(version_of torch)"
        fi ;;
    pyTorch)
        if [ -n "${MASTER_ADDR:-}" ]; then
            export AZ_BATCHAI_PYTORCH_INIT_METHOD="tcp://$MASTER_ADDR:$((MASTER_PORT + 1))"
        else
            export AZ_BATCHAI_PYTORCH_INIT_METHOD="file://$temporary/pytorch-init"
        fi
        export AZ_BATCHAI_PYTORCH_BACKEND="${AZ_BATCHAI_PYTORCH_BACKEND:-gloo}"
        note "toolkit: PyTorch $(version_of torch)" ;;
    tensorFlow) note "toolkit: TensorFlow $(version_of tensorflow)" ;;
    ?*) note "toolkit: $toolkit $(version_of "$toolkit")" ;;
    *) note "toolkit: custom command line" ;;
esac
[ -n "$chosen" ] && note "interpreter: $chosen"
[ "$gpus" = 0 ] && note "no GPU on this node: the job runs on the CPU"
if [ "$rank" = 0 ] && [ "$role" != ps ]; then
    printf %s "$notes" | tee "$streams/execution.log"
fi

# Runs a command; each of its streams goes to the share, to ./logs and on. A process that it leaves behind may hold
# a stream open: that is waited for no longer than ten seconds.
run() {
    local name=$1 status copies tries
    mkfifo "$temporary/out" "$temporary/err"
    tee "$streams/stdout$name.txt" "logs/stdout$name.txt" < "$temporary/out" & copies=$!
    tee "$streams/stderr$name.txt" "logs/stderr$name.txt" < "$temporary/err" >&2 & copies="$copies $!"
    bash -c "$2" > "$temporary/out" 2> "$temporary/err" &
    running=$!
    wait "$running"
    status=$?
    for tries in $(seq 100); do
        kill -0 $copies 2> /dev/null || break
        sleep 0.1
    done
    rm -f "$temporary/out" "$temporary/err"
    return "$status"
}
trap 'kill -TERM $running 2> /dev/null' TERM INT

if [ -n "$preparation" ]; then
    run "-job_prep$label" "$preparation" || exit $?
fi
run "$label" "$command"

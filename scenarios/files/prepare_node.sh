# Runs on each node, as root, before it takes jobs: what a node needs is installed, fetched or made here.
set -eu
printf '%s\n' $VOCABULARY > "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare/vocabulary.txt"

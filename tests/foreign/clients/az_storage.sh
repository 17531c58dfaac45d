#!/bin/sh
# The az command line of 2019 downloads files of other clients from the share $1, and uploads one.
set -eu
export AZURE_CORE_COLLECT_TELEMETRY=no
where="--share-name $1 --account-name $HARNESS_STORAGE_ACCOUNT --account-key $HARNESS_STORAGE_KEY --no-progress"

az storage file download $where --path new/sdk.bin --dest sdk.bin -o none
az storage file download $where --path old.bin --dest old.bin -o none
az storage file upload $where --source mine.bin --path new/az.bin -o none

#!/bin/sh
# One job from sign-in to clean-up by hand on the az command line, azure-cli-batchai 0.4.10.
PS4='+ $(date +%T) '
set -eux
export AZURE_CORE_COLLECT_TELEMETRY=no

where="-g foreign-az -w w"
storage="--account-name $HARNESS_STORAGE_ACCOUNT --account-key $HARNESS_STORAGE_KEY"
mounted="--storage-account-name $HARNESS_STORAGE_ACCOUNT"  # az finds its key

az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID"
az provider register -n Microsoft.BatchAI
az group create -n foreign-az -l northeurope

az storage share create --name foreignaz $storage
az storage directory create --share-name foreignaz --name scripts $storage
echo 'echo $GREETING from $SECRET | tee $AZ_BATCHAI_OUTPUT_OUT/it' > greet.sh
az storage file upload --share-name foreignaz --source greet.sh --path scripts/greet.sh $storage

az batchai list-usages -l northeurope -o table
az batchai workspace create -g foreign-az -n w -l northeurope
az provider show -n Microsoft.BatchAI -o table
az batchai experiment create $where -n e
az batchai cluster create $where -n c -s STANDARD_NC6 -t 1 -u admin -p 'p4$sw0rd' \
    --afs-name foreignaz --afs-mount-path afs $mounted
until [ "$(az batchai cluster show $where -n c --query nodeStateCounts.idleNodeCount)" = 1 ]; do sleep 0.2; done
az batchai cluster list $where -o table
az batchai cluster node list $where -c c -o table

cat > job.json <<END
{"properties": {
    "nodeCount": 1,
    "customToolkitSettings": {"commandLine": "sh \$AZ_BATCHAI_INPUT_IN/greet.sh"},
    "stdOutErrPathPrefix": "\$AZ_BATCHAI_MOUNT_ROOT/afs",
    "inputDirectories": [{"id": "IN", "path": "\$AZ_BATCHAI_MOUNT_ROOT/afs/scripts"}],
    "outputDirectories": [{"id": "OUT", "pathPrefix": "\$AZ_BATCHAI_MOUNT_ROOT/afs", "pathSuffix": "out"}],
    "environmentVariables": [{"name": "GREETING", "value": "hello"}],
    "secrets": [{"name": "SECRET", "value": "foreigner"}]}}
END
az batchai job create $where -e e -n j -c c -f job.json
az batchai job wait $where -e e -n j --interval 1
az batchai job file list $where -e e -j j -o table
az batchai job file stream $where -e e -j j -f stdout.txt
az batchai job file stream $where -e e -j j -d OUT -f it
az batchai job list $where -e e -o table
az batchai job node list $where -e e -j j -o table

az batchai job delete $where -e e -n j -y
az batchai cluster resize $where -n c -t 0
az batchai cluster auto-scale $where -n c --min 0 --max 1
az batchai cluster delete $where -n c -y
az batchai experiment delete $where -n e -y
az batchai workspace delete -g foreign-az -n w -y
az group delete -n foreign-az -y
echo deleted foreign-az

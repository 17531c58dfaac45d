#!/bin/sh
# Groups, accounts, Azure Files and blobs by the current az command line: uploads and downloads of directories.
PS4='+ $(date +%T) '
set -eux
export AZURE_CORE_COLLECT_TELEMETRY=no

az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID" -o none
az group create -n foreign-today -l eastus -o none
az storage account create -g foreign-today -n foreigntoday -l eastus --sku Standard_LRS -o none
set +x
export AZURE_STORAGE_ACCOUNT=foreigntoday
AZURE_STORAGE_KEY=$(az storage account keys list -g foreign-today -n foreigntoday --query '[0].value' -o tsv)
export AZURE_STORAGE_KEY
set -x

az storage share create -n files -o none
az storage file upload-batch -d files --destination-path up -s tree --no-progress -o none
az storage file url -s files -p up/large.bin -o tsv
az storage file metadata update -s files -p up/sub/small.txt --metadata OwnerName=me -o none
az storage file metadata show -s files -p up/sub/small.txt -o tsv
mkdir from-files
az storage file download-batch -d from-files -s files --no-progress -o none
az storage file list -s files -p up --query '[].name' -o tsv

az storage container create -n blobs -o none
az storage blob upload-batch -d blobs -s tree --no-progress -o none
mkdir from-blobs
az storage blob download-batch -d from-blobs -s blobs --no-progress -o none
az storage blob list -c blobs --query '[].name' -o tsv

az group delete -n foreign-today --yes -o none
az group exists -n foreign-today

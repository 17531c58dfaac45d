#!/bin/sh
# rclone on blobs: copies a directory to blobs and back, checks, syncs, copies and moves within Azure, streams, deletes.
set -eux
set +x
export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_HERE_TYPE=azureblob
export RCLONE_CONFIG_HERE_ACCOUNT="$HARNESS_STORAGE_ACCOUNT" RCLONE_CONFIG_HERE_KEY="$HARNESS_STORAGE_KEY"
set -x

rclone copy --azureblob-chunk-size 1Mi --azureblob-upload-cutoff 1Mi tree here:rclone/up
rclone check tree here:rclone/up
rclone copy here:rclone/up back

cp -r tree newer
rm newer/sub/small.txt
echo changed > newer/changed.txt
rclone sync newer here:rclone/up
rclone lsf -R --files-only here:rclone

rclone copy here:rclone/up here:rclone/copied
rclone check newer here:rclone/copied
rclone move here:rclone/copied/changed.txt here:rclone/moved
rclone cat here:rclone/moved/changed.txt

echo streamed | rclone rcat here:rclone/streamed.txt
rclone cat here:rclone/streamed.txt
rclone purge here:rclone
rclone lsf here: > left
! grep rclone left
echo "rclone has cleaned up"

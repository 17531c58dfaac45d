// Azure Files by the JavaScript SDK: exchanges content in one share; creates, uses and deletes another one.
"use strict";

const {
  AnonymousCredential,
  FileSASPermissions,
  ShareFileClient,
  ShareServiceClient,
  StorageSharedKeyCredential,
  generateFileSASQueryParameters,
} = require("@azure/storage-file-share");
const { readFileSync, writeFileSync } = require("node:fs");
const { play, refused, signIn, tomorrow } = require("./steps");

const { credential, url } = signIn(StorageSharedKeyCredential, "file");
const service = new ShareServiceClient(url, credential);

async function exchange(name) {
  const directory = service.getShareClient(name).getDirectoryClient("new");
  writeFileSync("sdk.bin", await directory.getFileClient("sdk.bin").downloadToBuffer());
  await directory.getFileClient("node.bin").uploadData(readFileSync("mine.bin"), { rangeSize: 1 << 20, concurrency: 4 });
}

async function ownShare() {
  const share = service.getShareClient("nodeshare");
  await share.create({ metadata: { owner: "node" } });
  console.log("metadata", (await share.getProperties()).metadata.owner);
  const directory = share.getDirectoryClient("d");
  await directory.create();
  const file = directory.getFileClient("f.bin");
  const content = readFileSync("mine.bin");
  await file.uploadData(content, { rangeSize: 1 << 20, concurrency: 4 });
  const moved = (await file.rename("d/g.bin")).destinationFileClient;
  for await (const entry of directory.listFilesAndDirectories()) {
    console.log("listed", entry.kind, entry.name, entry.properties.contentLength);
  }

  const copy = share.rootDirectoryClient.getFileClient("copy.bin");
  console.log("copy", (await copy.startCopyFromURL(moved.url)).copyStatus);
  await share.createSnapshot();
  const lease = copy.getShareLeaseClient();
  await lease.acquireLease();
  await refused("without the lease", () => copy.delete());
  await lease.releaseLease();

  const scope = { shareName: "nodeshare", filePath: "copy.bin", permissions: FileSASPermissions.parse("r") };
  const token = generateFileSASQueryParameters({ ...scope, expiresOn: tomorrow() }, credential).toString();
  const bySas = new ShareFileClient(`${copy.url}?${token}`, new AnonymousCredential());
  console.log("by sas", (await bySas.downloadToBuffer()).equals(content));
  await refused("by sas", () => bySas.delete());

  await share.delete({ deleteSnapshots: "include" });
  console.log("exists", await share.exists());
}

play(exchange, ownShare);

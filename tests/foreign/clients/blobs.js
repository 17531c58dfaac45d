// Blobs by the JavaScript SDK: exchanges content in one container; creates, uses and deletes another one.
"use strict";

const {
  AnonymousCredential,
  BlobSASPermissions,
  BlobServiceClient,
  BlockBlobClient,
  StorageSharedKeyCredential,
  generateBlobSASQueryParameters,
} = require("@azure/storage-blob");
const { readFileSync, writeFileSync } = require("node:fs");
const { play, refused, signIn, tomorrow } = require("./steps");

const { credential, url } = signIn(StorageSharedKeyCredential, "blob");
const service = new BlobServiceClient(url, credential);
const inBlocks = { blockSize: 1 << 20, concurrency: 4, maxSingleShotSize: 1 << 20 };

async function exchange(name) {
  const container = service.getContainerClient(name);
  writeFileSync("sdk.bin", await container.getBlobClient("new/sdk.bin").downloadToBuffer());
  await container.getBlockBlobClient("new/node.bin").uploadData(readFileSync("mine.bin"), inBlocks);
}

async function ownContainer() {
  const container = service.getContainerClient("nodebox");
  await container.create({ metadata: { owner: "node" } });
  console.log("metadata", (await container.getProperties()).metadata.owner);
  const blob = container.getBlockBlobClient("d/b.bin");
  const content = readFileSync("mine.bin");
  await blob.uploadData(content, { ...inBlocks, blobHTTPHeaders: { blobContentType: "application/x-node" } });
  for await (const entry of container.listBlobsByHierarchy("/")) {
    console.log("listed", entry.kind, entry.name);
  }
  for await (const entry of container.listBlobsFlat()) {
    console.log("listed", entry.name, entry.properties.contentLength, entry.properties.contentType);
  }

  const log = container.getAppendBlobClient("log");
  await log.create();
  await log.appendBlock("one\n", 4);
  await log.appendBlock("two\n", 4);
  console.log("appended", (await log.downloadToBuffer()).toString().trim().split("\n").join(" "));

  const copy = container.getBlockBlobClient("copy.bin");
  console.log("copy", (await (await copy.beginCopyFromURL(blob.url)).pollUntilDone()).copyStatus);
  const snapshot = (await copy.createSnapshot()).snapshot;
  await copy.upload("other", 5);
  console.log("snapshot", (await copy.withSnapshot(snapshot).downloadToBuffer()).equals(content));
  const lease = copy.getBlobLeaseClient();
  await lease.acquireLease(-1);
  await refused("without the lease", () => copy.delete({ deleteSnapshots: "include" }));
  await lease.releaseLease();

  const scope = { containerName: "nodebox", blobName: "d/b.bin", permissions: BlobSASPermissions.parse("r") };
  const token = generateBlobSASQueryParameters({ ...scope, expiresOn: tomorrow() }, credential).toString();
  const bySas = new BlockBlobClient(`${blob.url}?${token}`, new AnonymousCredential());
  console.log("by sas", (await bySas.downloadToBuffer()).equals(content));
  await refused("by sas", () => bySas.delete());

  await container.delete();
  console.log("exists", await container.exists());
}

play(exchange, ownContainer);

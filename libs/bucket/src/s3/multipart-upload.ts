// Uploads a large file in parts, a few at a time; a failed upload is aborted, so that its parts aren't
// paid for. Memory is bounded by part size times concurrency.

import type { FileHandle } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { WeirError } from '@weir/errors';

export const PART_SIZE = 16 << 20;
/** S3 takes 10,000 parts at most. */
const PARTS_MAX = 9_000;
const CONCURRENCY = 3;

export async function uploadInParts(
  client: S3Client,
  object: { readonly Bucket: string; readonly Key: string },
  file: FileHandle,
  sizeBytes: number,
): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
  if (UploadId === undefined) throw new WeirError('unavailable', 'S3 gave no upload id');
  try {
    const parts = await uploadParts(client, { ...object, UploadId }, file, sizeBytes);
    const MultipartUpload = { Parts: parts };
    await client.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload }));
  } catch (error) {
    // The first error is the one to tell; a failed abort is left to the bucket's lifecycle rules.
    await client
      .send(new AbortMultipartUploadCommand({ ...object, UploadId }))
      .catch(() => undefined);
    throw error;
  }
}

async function uploadParts(
  client: S3Client,
  upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string },
  file: FileHandle,
  sizeBytes: number,
): Promise<{ ETag: string | undefined; PartNumber: number }[]> {
  const partSize = Math.max(PART_SIZE, Math.ceil(sizeBytes / PARTS_MAX));
  const count = Math.ceil(sizeBytes / partSize);
  const parts = Array.from({ length: count }, (_, index) => ({
    ETag: undefined as string | undefined,
    PartNumber: index + 1,
  }));
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const index = next++;
      const from = index * partSize;
      const Body = await readPart(file, from, Math.min(partSize, sizeBytes - from));
      const PartNumber = index + 1;
      const done = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
      parts[index]!.ETag = done.ETag;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return parts;
}

export async function readPart(file: FileHandle, from: number, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(bytes, at, size - at, from + at);
    if (bytesRead === 0) throw new WeirError('internal', 'a file shrank while it was uploaded');
    at += bytesRead;
  }
  return bytes;
}

// Uploads in parts: a large file, a few parts at a time, or a stream, one part after the other. A failed
// upload is aborted, so that its parts aren't paid for. Memory is bounded by part size times concurrency.

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
/** The smallest part that S3 takes, except as the last one. */
const STREAM_PART_SIZE = 5 << 20;
/** After so many parts of a stream the next ones are twice as large, so that 10,000 always suffice. */
const STREAM_PARTS_OF_A_SIZE = 1_000;

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

interface Part {
  ETag: string | undefined;
  readonly PartNumber: number;
}

export function uploadInParts(
  client: S3Client,
  object: Place,
  file: FileHandle,
  sizeBytes: number,
): Promise<void> {
  return multipart(client, object, (upload) => uploadParts(client, upload, file, sizeBytes));
}

export function uploadStream(
  client: S3Client,
  object: Place,
  parts: AsyncIterable<Uint8Array>,
): Promise<void> {
  return multipart(client, object, async (upload) => {
    const sent: Part[] = [];
    for await (const Body of parts) {
      const PartNumber = sent.length + 1;
      const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
      sent.push({ ETag, PartNumber });
    }
    return sent;
  });
}

/** Collects pieces into parts; all but the last have the size of a part. */
export async function* intoParts(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let part = Buffer.allocUnsafe(STREAM_PART_SIZE);
  let used = 0;
  let count = 0;
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length; ) {
      const taken = Math.min(piece.length - from, part.length - used);
      part.set(piece.subarray(from, from + taken), used);
      used += taken;
      from += taken;
      if (used < part.length) continue;
      yield part;
      count++;
      // The last one may still be held by who sends it.
      const sizeBytes = count % STREAM_PARTS_OF_A_SIZE === 0 ? part.length * 2 : part.length;
      part = Buffer.allocUnsafe(sizeBytes);
      used = 0;
    }
  }
  if (used > 0) yield part.subarray(0, used);
}

async function multipart(
  client: S3Client,
  object: Place,
  send: (upload: Place & { readonly UploadId: string }) => Promise<Part[]>,
): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
  if (UploadId === undefined) throw new WeirError('unavailable', 'S3 gave no upload id');
  try {
    const parts = await send({ ...object, UploadId });
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
  upload: Place & { readonly UploadId: string },
  file: FileHandle,
  sizeBytes: number,
): Promise<Part[]> {
  const partSize = Math.max(PART_SIZE, Math.ceil(sizeBytes / PARTS_MAX));
  const count = Math.ceil(sizeBytes / partSize);
  const parts = Array.from(
    { length: count },
    (_, index): Part => ({ ETag: undefined, PartNumber: index + 1 }),
  );
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

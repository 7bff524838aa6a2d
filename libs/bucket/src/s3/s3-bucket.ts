// S3 and what speaks its protocol. Conditions are S3's own (If-Match, If-None-Match); retries are the
// SDK's. Checksums beyond the required ones are off: many compatible stores refuse them.
import { open } from 'node:fs/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { WeirError } from '@weir/errors';
import type { Bucket, ListPage, ObjectInfo, PutCondition } from '../bucket.ts';
import { checkAborted, checkKey, conditionFailed, tooShort } from '../keys.ts';
import { intoParts, PART_SIZE, readPart, uploadInParts, uploadStream } from './multipart-upload.ts';
import { s3Error, statusOf } from './s3-errors.ts';

const ATTEMPTS_MAX = 4;
const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 60_000;

export interface S3Settings {
  /** Host and port, or a URL; empty for AWS. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucketName: string;
  /** Empty: the SDK's own chain of providers. */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** http instead of https. */
  readonly insecure: boolean;
}

/** Throws `invalid` for settings that can't work; doesn't connect yet. */
export function createS3Bucket(settings: S3Settings): Bucket {
  if (settings.bucketName === '') {
    throw new WeirError('invalid', '-blocks-storage.s3.bucket-name must be set');
  }
  if (settings.endpoint === '' && settings.region === '') {
    throw new WeirError('invalid', '-blocks-storage.s3.endpoint or .region must be set');
  }
  return new S3Bucket(createClient(settings), settings.bucketName);
}

/** Makes the bucket itself unless it is there: for tests and trials, a service expects to find its own. */
export async function makeS3Bucket(settings: S3Settings): Promise<void> {
  const client = createClient(settings);
  try {
    await client.send(new CreateBucketCommand({ Bucket: settings.bucketName }));
  } catch (error) {
    const there = error instanceof Error && /^BucketAlready(OwnedByYou|Exists)$/.test(error.name);
    if (!there) throw s3Error(error, settings.bucketName);
  } finally {
    client.destroy();
  }
}

function createClient(settings: S3Settings): S3Client {
  const { accessKeyId, secretAccessKey, insecure } = settings;
  const host = settings.endpoint.replace(/^https?:\/\//, '');
  return new S3Client({
    region: settings.region || 'us-east-1',
    ...(host === ''
      ? {}
      : { endpoint: `${insecure ? 'http' : 'https'}://${host}`, forcePathStyle: true }),
    ...(accessKeyId === '' ? {} : { credentials: { accessKeyId, secretAccessKey } }),
    maxAttempts: ATTEMPTS_MAX,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Unless told so, the SDK only warns, and waits for ever.
      throwOnRequestTimeout: true,
    },
  });
}

class S3Bucket implements Bucket {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async get(key: string, signal?: AbortSignal) {
    const answer = await this.#read(key, undefined, signal);
    return { body: answer.body, etag: answer.etag };
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal) {
    if (length === 0) {
      const info = await this.info(key);
      if (info !== undefined && offset > info.sizeBytes) throw tooShort(key, offset, length);
      return new Uint8Array(0);
    }
    const { body } = await this.#read(key, `bytes=${offset}-${offset + length - 1}`, signal);
    if (body.length !== length) throw tooShort(key, offset, length);
    return body;
  }

  async info(key: string): Promise<ObjectInfo | undefined> {
    checkKey(key);
    try {
      const head = await this.#client.send(new HeadObjectCommand(this.#object(key)));
      return {
        key,
        sizeBytes: head.ContentLength ?? 0,
        modifiedMs: head.LastModified?.getTime() ?? 0,
        etag: head.ETag ?? '',
      };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw s3Error(error, key);
    }
  }

  async put(key: string, body: Uint8Array, condition: PutCondition = {}): Promise<string> {
    checkKey(key);
    const { ifMatch, ifNoneMatch } = condition;
    try {
      const { ETag } = await this.#client.send(
        new PutObjectCommand({
          ...this.#object(key),
          Body: body,
          ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
          ...(ifNoneMatch === undefined ? {} : { IfNoneMatch: ifNoneMatch }),
        }),
      );
      return ETag ?? '';
    } catch (error) {
      // If-Match on an object that is gone: also somebody else's doing.
      if (ifMatch !== undefined && statusOf(error) === 404) throw conditionFailed(key, error);
      throw s3Error(error, key);
    }
  }

  async putFile(key: string, path: string): Promise<void> {
    checkKey(key);
    try {
      const file = await open(path, 'r');
      try {
        const { size } = await file.stat();
        if (size > PART_SIZE) await uploadInParts(this.#client, this.#object(key), file, size);
        else await this.put(key, await readPart(file, 0, size));
      } finally {
        await file.close();
      }
    } catch (error) {
      throw s3Error(error, key);
    }
  }

  async putStream(key: string, body: AsyncIterable<Uint8Array>): Promise<number> {
    checkKey(key);
    let sizeBytes = 0;
    const parts = counted(intoParts(body), (more) => {
      sizeBytes += more;
    });
    const first = await parts.next();
    const second = first.done ? first : await parts.next();
    if (second.done) {
      // An upload in parts can't be empty, and one part needs no three requests.
      await this.put(key, first.done ? new Uint8Array(0) : first.value);
      return sizeBytes;
    }
    try {
      const all = chained([first.value!, second.value], parts);
      await uploadStream(this.#client, this.#object(key), all);
      return sizeBytes;
    } catch (error) {
      throw s3Error(error, key);
    }
  }

  async *list(prefix: string, delimiter?: '/'): AsyncIterable<ListPage> {
    let token: string | undefined;
    do {
      const page = await this.#listPage(prefix, delimiter, token);
      const objects = (page.Contents ?? []).map((object) => ({
        key: object.Key ?? '',
        sizeBytes: object.Size ?? 0,
        modifiedMs: object.LastModified?.getTime() ?? 0,
        etag: object.ETag ?? '',
      }));
      const prefixes = (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? '');
      if (objects.length + prefixes.length > 0) yield { objects, prefixes };
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    try {
      await this.#client.send(new DeleteObjectCommand(this.#object(key)));
    } catch (error) {
      const known = s3Error(error, key);
      if (known.kind !== 'not-found') throw known;
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #object(key: string) {
    return { Bucket: this.#bucket, Key: key };
  }

  async #read(key: string, range: string | undefined, signal: AbortSignal | undefined) {
    checkKey(key);
    checkAborted(signal);
    const options = signal === undefined ? {} : { abortSignal: signal };
    const request = { ...this.#object(key), ...(range === undefined ? {} : { Range: range }) };
    try {
      const answer = await this.#client.send(new GetObjectCommand(request), options);
      const body = (await answer.Body?.transformToByteArray()) ?? new Uint8Array(0);
      return { body, etag: answer.ETag ?? '' };
    } catch (error) {
      throw s3Error(error, key);
    }
  }

  async #listPage(prefix: string, delimiter: '/' | undefined, token: string | undefined) {
    try {
      return await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#bucket,
          Prefix: prefix,
          ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      );
    } catch (error) {
      throw s3Error(error, prefix);
    }
  }
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  count: (sizeBytes: number) => void,
): AsyncGenerator<Uint8Array, undefined> {
  for await (const piece of pieces) {
    count(piece.length);
    yield piece;
  }
}

async function* chained(
  taken: Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (let piece = taken.shift(); piece; piece = taken.shift()) yield piece;
  yield* rest;
}

// One tenant's blocks as the bucket lists them: folders named by a ULID with a meta.json. A folder
// without one is being uploaded or deleted, and is left out. Metas never change, so each is read once.
// A block marked for deletion (beside it, or in Mimir's `markers/` folder) is left out once the mark is
// old enough. One listing of the tenant's objects tells all of this.
import type { Bucket } from '@weir/bucket';
import { text } from '@weir/bytes';
import { isKind, WeirError } from '@weir/errors';
import { createSemaphore } from '@weir/runtime';
import { type BlockMeta, decodeBlockMeta, isUlid, META_FILE } from '@weir/tsdb/block';

const MARK_FILE = 'deletion-mark.json';
const ULID_LENGTH = 26;
const CONCURRENCY = 16;

export class TenantBlocks {
  readonly #bucket: Bucket;
  readonly #tenant: string;
  readonly #ignoreDelayMs: number;
  #metas = new Map<string, BlockMeta>();
  /** When blocks were marked for deletion, ms. */
  readonly #marks = new Map<string, number>();

  constructor(bucket: Bucket, tenant: string, ignoreDelayMs: number) {
    this.#bucket = bucket;
    this.#tenant = tenant;
    this.#ignoreDelayMs = ignoreDelayMs;
  }

  /** Reads what is new; on an error what was known before stays. */
  async sync(): Promise<void> {
    const { ulids, markKeys } = await this.#list();
    const metas = new Map<string, BlockMeta>();
    const slots = createSemaphore(CONCURRENCY);
    await Promise.all(
      ulids.map(async (ulid) => {
        const release = await slots.acquire();
        try {
          const meta = this.#metas.get(ulid) ?? (await this.#readMeta(ulid));
          if (meta === undefined) return;
          const markKey = markKeys.get(ulid);
          if (markKey === undefined) this.#marks.delete(ulid);
          else if (!this.#marks.has(ulid)) await this.#readMark(ulid, markKey);
          metas.set(ulid, meta);
        } finally {
          release();
        }
      }),
    );
    this.#metas = metas;
    for (const ulid of this.#marks.keys()) if (!metas.has(ulid)) this.#marks.delete(ulid);
  }

  /** Blocks to be queried, oldest first. */
  current(nowMs: number): BlockMeta[] {
    return [...this.#metas.values()]
      .filter(({ ulid }) => {
        const markedMs = this.#marks.get(ulid);
        return markedMs === undefined || markedMs > nowMs - this.#ignoreDelayMs;
      })
      .sort((a, b) => a.minTime - b.minTime || (a.ulid < b.ulid ? -1 : 1));
  }

  async #list(): Promise<{ ulids: string[]; markKeys: Map<string, string> }> {
    const base = `${this.#tenant}/`;
    const ulids: string[] = [];
    const markKeys = new Map<string, string>();
    for await (const { objects } of this.#bucket.list(base)) {
      for (const { key } of objects) {
        const [folder, file, more] = key.slice(base.length).split('/') as [
          string,
          string?,
          string?,
        ];
        if (file === undefined || more !== undefined) continue;
        if (folder === 'markers' && file.endsWith(`-${MARK_FILE}`)) {
          markKeys.set(file.slice(0, ULID_LENGTH), key);
        }
        if (!isUlid(folder)) continue;
        if (file === META_FILE) ulids.push(folder);
        if (file === MARK_FILE) markKeys.set(folder, key);
      }
    }
    return { ulids, markKeys };
  }

  async #readMeta(ulid: string): Promise<BlockMeta | undefined> {
    const key = `${this.#tenant}/${ulid}/${META_FILE}`;
    const body = await this.#readIfThere(key);
    if (body === undefined) return undefined;
    try {
      const meta = decodeBlockMeta(body);
      if (meta.ulid === ulid) return meta;
      throw new WeirError('corrupt', `it is of block ${meta.ulid}`);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new WeirError('corrupt', `object ${key} can't be used: ${reason}`, { cause });
    }
  }

  async #readMark(ulid: string, key: string): Promise<void> {
    const body = await this.#readIfThere(key);
    if (body !== undefined) this.#marks.set(ulid, markedMs(key, body));
  }

  async #readIfThere(key: string): Promise<Uint8Array | undefined> {
    try {
      return (await this.#bucket.get(key)).body;
    } catch (error) {
      if (isKind(error, 'not-found')) return undefined;
      throw error;
    }
  }
}

/** The mark's `deletion_time` is in seconds. */
function markedMs(key: string, body: Uint8Array): number {
  let mark: unknown;
  try {
    mark = JSON.parse(text(body));
  } catch (cause) {
    throw new WeirError('corrupt', `object ${key} is not JSON`, { cause });
  }
  const seconds = (mark as { deletion_time?: unknown } | null)?.deletion_time;
  if (typeof seconds !== 'number') throw new WeirError('corrupt', `${key} has no deletion_time`);
  return seconds * 1000;
}

// Fills a partition's empty folder from a snapshot that comes in pieces. Nothing of it counts before the
// whole was found sound: the folder's identity is written last.
import { WeirError } from '@weir/errors';
import { type HeadStore, restoreSnapshot, type SnapshotRestore } from '@weir/head';
import type { Identity, PartitionFolder } from './partition-folder.ts';

export interface Restoring {
  push(bytes: Uint8Array): Promise<void>;
  /** Closes the store; with `keep` it counts from here on. Rejects with `corrupt` what isn't whole. */
  end(keep: boolean): Promise<void>;
}

export function createRestoring(
  folder: PartitionFolder,
  identity: Identity,
  openStore: (path: string) => Promise<HeadStore>,
): Restoring {
  let open: { readonly store: HeadStore; readonly restore: SnapshotRestore } | undefined;

  async function begin() {
    await folder.removeHead();
    const store = await openStore(folder.headDir);
    open = { store, restore: restoreSnapshot(store, identity) };
    return open;
  }

  async function close(): Promise<void> {
    const { store } = open ?? {};
    open = undefined;
    await store?.close();
  }

  return {
    async push(bytes) {
      await (open ?? (await begin())).restore.push(bytes);
    },
    async end(keep) {
      try {
        if (keep) {
          if (open === undefined) throw new WeirError('corrupt', 'the snapshot is empty');
          await open.restore.finish();
        }
      } catch (error) {
        await close();
        await folder.removeHead();
        throw error;
      }
      await close();
      if (keep) await folder.writeIdentity(identity);
      else await folder.removeHead();
    },
  };
}

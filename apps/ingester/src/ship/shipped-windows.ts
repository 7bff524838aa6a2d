// What a partition's manifest says, as the ingester works with it: which windows are shipped through
// which offset, and in which blocks. Pure; reading and replacing the manifest is the shipper's.
import type { Manifest, ManifestWindow } from '@weir/catalog';
import type { ShippedWindow, TenantWindow } from '@weir/head';
import { decodeTime } from 'ulid';

export interface ShippedBlock {
  readonly window: TenantWindow;
  /** Undefined when the window turned out to hold no sample. */
  readonly ulid: string | undefined;
}

export function shippedWindows(manifest: Manifest): ShippedWindow[] {
  return manifest.windows.map(({ tenant, minT, maxT, throughOffset }) => ({
    tenant,
    minT,
    maxT,
    throughOffset,
  }));
}

/** The manifest already tells of everything in this window up to its last offset. */
export function isShipped(manifest: Manifest, window: TenantWindow): boolean {
  const found = find(manifest, window);
  return found !== undefined && found.throughOffset >= window.lastOffset;
}

/** The windows with these blocks added; through-offsets only grow. */
export function withBlocks(
  manifest: Manifest,
  blocks: readonly ShippedBlock[],
): readonly ManifestWindow[] {
  const windows = new Map(manifest.windows.map((window) => [keyOf(window), window]));
  for (const { window, ulid } of blocks) {
    const { tenant, minT, maxT, lastOffset } = window;
    const before = windows.get(keyOf(window));
    const held = before?.blocks ?? [];
    windows.set(keyOf(window), {
      tenant,
      minT,
      maxT,
      throughOffset: Math.max(before?.throughOffset ?? -1, lastOffset),
      blocks: ulid === undefined || held.includes(ulid) ? held : [...held, ulid],
    });
  }
  return [...windows.values()];
}

/** Without windows that no replay can reach and whose blocks are older than `beforeMs`. */
export function pruned(
  windows: readonly ManifestWindow[],
  committedOffset: number,
  beforeMs: number,
  keep: ReadonlySet<string>,
): readonly ManifestWindow[] {
  return windows.filter(
    ({ throughOffset, blocks }) =>
      throughOffset >= committedOffset ||
      blocks.some((ulid) => keep.has(ulid) || decodeTime(ulid) >= beforeMs),
  );
}

function find(manifest: Manifest, window: TenantWindow): ManifestWindow | undefined {
  return manifest.windows.find((other) => keyOf(other) === keyOf(window));
}

function keyOf({ tenant, minT, maxT }: { tenant: string; minT: number; maxT: number }): string {
  return `${minT}/${maxT}/${tenant}`;
}

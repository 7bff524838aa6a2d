// What is known of a slab, a piece of the head's memory that lies on disk as it is: whether it differs from
// its committed image, and whether the running checkpoint has still to copy it. Who changes a slab calls its
// touch first; that is one comparison with DIRTY where nothing has to be done.

/** The slab changed since the last checkpoint began. */
export const DIRTY = 1;
/** The running checkpoint wants to copy the slab as it is now. */
export const PENDING = 2;
/** Pages with series of the group were marked as closed by a prepared cut: the first change takes that back. */
export const PREPARED = 4;

/** Who wants to know of a slab before it changes, while its flags are not just DIRTY. */
export interface SlabWatcher {
  beforeGroup(group: number, flags: number): void;
  beforeBlocks(slab: number): void;
  beforePairs(part: number): void;
}

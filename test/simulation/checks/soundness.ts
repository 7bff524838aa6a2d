// A store that nobody damaged is never found damaged, whatever its machine went through (invariant 2). Else a
// head that wrote something wrong would be put aside and rebuilt, and nobody would notice.
import { isKind, toWeirError } from '@weir/errors';
import type { PartitionHead } from '@weir/head';
import { Violation } from '../violation.ts';

export interface Soundness {
  readonly isDamaged: () => boolean;
  readonly guard: (check: () => void) => void;
  /** Of whose store it is. */
  readonly name: string;
}

/** Opens a head, whose snapshots are looked at, too. */
export async function openSound(
  open: () => Promise<PartitionHead>,
  soundness: Soundness,
): Promise<PartitionHead> {
  try {
    const head = await open();
    const snapshot = (topicId: string) => soundPieces(head.snapshot(topicId), soundness);
    return Object.create(head, { snapshot: { value: snapshot } }) as PartitionHead;
  } catch (error) {
    check(error, soundness);
    throw error;
  }
}

async function* soundPieces(
  pieces: AsyncIterable<Uint8Array>,
  soundness: Soundness,
): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (error) {
    check(error, soundness);
    throw error;
  }
}

function check(error: unknown, { isDamaged, guard, name }: Soundness): void {
  if (!isKind(error, 'corrupt') || isDamaged()) return;
  guard(() => {
    throw new Violation(2, 'damage', `${name}: ${toWeirError(error).message}`);
  });
}

// A store that nobody damaged is never found damaged, whatever its machine went through (invariant 2). Else a
// head that wrote something wrong would be put aside and rebuilt, and nobody would notice. And what a head
// takes for unchanged since its checkpoint is what the checkpoint wrote: else the next one leaves it out.
import { isKind, toWeirError } from '@weir/errors';
import type { HeadStore, PartitionHead } from '@weir/head';
import { openHeadAndState } from '../../../libs/head/src/open.ts';
import { changedUntouched } from '../../../libs/head/src/slabs/clean-slabs-fixture.ts';
import { Violation } from '../violation.ts';

/** So that crashes come between frames of the journal, not before the first. */
const FRAME_BYTES = 600;

export interface Soundness {
  readonly isDamaged: () => boolean;
  readonly guard: (check: () => void) => void;
  /** Of whose store it is. */
  readonly name: string;
  /** Where the log ends, as the head is told. */
  readonly endOffset: number | undefined;
}

/** Opens a head whose snapshots and checkpoints are looked at, too. */
export async function openSound(
  partition: number,
  store: HeadStore,
  soundness: Soundness,
): Promise<PartitionHead> {
  try {
    const { endOffset } = soundness;
    const settings = { partition, endOffset, journalFrameBytes: FRAME_BYTES };
    const { head, state, space } = await openHeadAndState(settings, { store });
    let running = 0;
    const checkpoint = async (): Promise<void> => {
      if (running === 0) checkUntouched(() => changedUntouched(state, space), soundness);
      running++;
      try {
        await head.checkpoint();
      } finally {
        running--;
      }
    };
    const snapshot = (topicId: string) => soundPieces(head.snapshot(topicId), soundness);
    return Object.create(head, {
      snapshot: { value: snapshot, configurable: true },
      checkpoint: { value: checkpoint, configurable: true },
    }) as PartitionHead;
  } catch (error) {
    check(error, soundness);
    throw error;
  }
}

function checkUntouched(changed: () => string[], { isDamaged, guard, name }: Soundness): void {
  if (isDamaged()) return;
  guard(() => {
    const found = changed();
    if (found.length === 0) return;
    throw new Violation(2, 'untouched', `${name}: ${found.join(', ')} changed unnoticed`);
  });
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

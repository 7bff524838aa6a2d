// Brings a head from its committed checkpoint to where its journal ends, and lets the journal go on from there.
import type { JournalState } from '../head.ts';
import type { HeadState } from '../state.ts';
import { HeadJournal } from './head-journal.ts';
import { type JournalReplay, type ReplayParts, replayJournal } from './replay.ts';

export interface JournalSettings {
  /** Records from this offset on are not taken from the journal: the log does not have them. */
  readonly endOffset: number;
  readonly frameBytes?: number | undefined;
}

export interface OpenedJournal {
  readonly journal: HeadJournal;
  readonly journalState: JournalState;
}

/**
 * Undefined where a record could not be applied, which leaves the state of no use: it has to be made anew. The
 * journal's files are gone by then.
 */
export async function openJournal(
  state: HeadState,
  parts: ReplayParts,
  { endOffset, frameBytes }: JournalSettings,
): Promise<OpenedJournal | undefined> {
  const { files } = parts;
  const replay = await replayJournal(state, parts, state.committedEpoch, endOffset);
  if (replay.isBroken) {
    await files.remove([...replay.files.keys(), ...replay.others]);
    return undefined;
  }
  // Before anything new is written: they go on from another state than this one.
  await files.remove(replay.others);
  const journal = new HeadJournal(files, state.store, frameBytes);
  resume(journal, state, replay);
  state.beforeCommand = () => journal.end();
  return { journal, journalState: stateOf(journal, replay) };
}

function resume(journal: HeadJournal, state: HeadState, replay: JournalReplay): void {
  const { committedEpoch: epoch, position } = state;
  const { files, lastNumber, isWhole } = replay;
  // Without a checkpoint there is nothing that a restart could begin with.
  journal.resume({ epoch, position, files, lastNumber }, isWhole && epoch > 0);
}

function stateOf(journal: HeadJournal, { records, why }: JournalReplay): JournalState {
  return {
    replayedRecords: records,
    stoppedBy: why,
    get isOn() {
      return journal.isOn;
    },
    get sizeBytes() {
      return journal.sizeBytes;
    },
    takeFailure: () => journal.takeFailure(),
    flush: () => journal.flush(),
  };
}

// Applies what the journal has beyond the committed checkpoint. A file counts where it begins at that checkpoint, or
// goes on where the one before it ended; a frame where it begins at the head's position and its checksum
// holds. At the first thing that does not fit this ends: the log has the rest.
import { text } from '@weir/bytes';
import { toWeirError } from '@weir/errors';
import { configure } from '../cuts.ts';
import type { JournalFiles, Pause, TenantSettings } from '../head.ts';
import type { RecordApplier } from '../records/apply.ts';
import { R } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import type { Tenant } from '../windows.ts';
import { Entry } from './entries.ts';
import {
  FILE_HEADER_BYTES,
  type FileHeader,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  isSound,
  KIND,
  readFileHeader,
  readFrameHeader,
  Words,
} from './format.ts';
import { refCheck } from './ref-check.ts';

export interface JournalReplay {
  readonly records: number;
  /** A record could not be applied, wherefore the state is of no use. */
  readonly isBroken: boolean;
  /** False: the state does not stand at the end of a frame of the journal, so nothing may go on from it. */
  readonly isWhole: boolean;
  /** Why it ended before the end of all files; undefined: it did not. */
  readonly why: string | undefined;
  /** Files that count, in order, and how much of each. */
  readonly files: ReadonlyMap<number, number>;
  readonly others: readonly number[];
  readonly lastNumber: number;
}

export interface ReplayParts {
  readonly files: JournalFiles;
  readonly applier: RecordApplier;
  readonly pause: Pause;
}

type Headers = ReadonlyMap<number, FileHeader>;

/** `epoch` is the committed one. Records at `endOffset` and beyond are passed: the log does not have them. */
export async function replayJournal(
  state: HeadState,
  { files, applier, pause }: ReplayParts,
  epoch: number,
  endOffset: number,
): Promise<JournalReplay> {
  const numbers = await files.list();
  const headers = readHeaders(files, numbers);
  const replay = new Replay(state, applier);
  const found = new Map<number, number>();
  let file = rootOf(headers, epoch, state.position);
  let why =
    file === undefined && numbers.length > 0 ? 'no file begins at the checkpoint' : undefined;
  while (file !== undefined) {
    const next = nextOf(headers, file);
    const end = (next && headers.get(next)?.previousBytes) ?? Infinity;
    const stopped = await replayFile(replay, { files, pause }, { file, end, endOffset });
    found.set(file, stopped.at);
    why = stopped.why;
    if (why !== undefined || next === undefined) break;
    if (headers.get(next)?.from !== state.position) {
      why = 'a file does not go on where the last one ended';
      break;
    }
    file = next;
  }
  const { records, isWhole, isBroken } = replay;
  const others = numbers.filter((number) => !found.has(number));
  const lastNumber = numbers.at(-1) ?? 0;
  return { records, isWhole, isBroken, why, files: found, others, lastNumber };
}

function readHeaders(files: JournalFiles, numbers: readonly number[]): Headers {
  const headers = new Map<number, FileHeader>();
  const words = new Words(FILE_HEADER_BYTES);
  for (const number of numbers) {
    if (files.read(number, 0, words.bytes) < FILE_HEADER_BYTES) continue;
    const header = readFileHeader(words);
    if (header !== undefined) headers.set(number, header);
  }
  return headers;
}

/** Of several the newest: checkpoints of this number began before it, and were lost. */
function rootOf(headers: Headers, epoch: number, position: number): number | undefined {
  const roots = [...headers].filter(
    ([, one]) => one.isFirst && one.epoch === epoch && one.from === position,
  );
  return roots.at(-1)?.[0];
}

function nextOf(headers: Headers, file: number): number | undefined {
  const nexts = [...headers].filter(([number, one]) => number > file && one.previous === file);
  return nexts.at(-1)?.[0];
}

interface FilePart {
  readonly file: number;
  /** Where the next file goes on. */
  readonly end: number;
  readonly endOffset: number;
}

async function replayFile(
  replay: Replay,
  { files, pause }: Pick<ReplayParts, 'files' | 'pause'>,
  { file, end, endOffset }: FilePart,
): Promise<{ at: number; why: string | undefined }> {
  const header = new Words(FRAME_HEADER_BYTES);
  let frame = new Words(0);
  let at = FILE_HEADER_BYTES;
  for (;;) {
    const stop = (why: string | undefined) => ({ at, why });
    if (at === end) return stop(undefined);
    const read = files.read(file, at, header.bytes);
    if (read === 0) return stop(end === Infinity ? undefined : 'a file is too short');
    const claimed = read < FRAME_HEADER_BYTES ? undefined : readFrameHeader(header);
    if (claimed === undefined) return stop('a frame is damaged');
    const { length, from, to } = claimed;
    if (frame.bytes.length < length) frame = new Words(length);
    if (files.read(file, at, frame.bytes.subarray(0, length)) < length) {
      return stop('a frame is cut short');
    }
    if (!isSound(frame, claimed) || at + length > end) return stop('a frame is damaged');
    if (from !== replay.position) return stop('a frame does not begin at the position');
    if (to > endOffset) return stop('the log ends before');
    const why = replay.frame(frame, claimed);
    if (why !== undefined) return stop(why);
    at += length;
    await pause();
  }
}

class Replay {
  records = 0;
  isWhole = true;
  isBroken = false;
  readonly #state: HeadState;
  readonly #applier: RecordApplier;
  readonly #entry = new Entry();

  constructor(state: HeadState, applier: RecordApplier) {
    this.#state = state;
    this.#applier = applier;
  }

  get position(): number {
    return this.#state.position;
  }

  /** Applies a frame's entries; why not all of them, if so. */
  frame(words: Words, { length, to }: FrameHeader): string | undefined {
    const entry = this.#entry;
    this.isWhole = false;
    for (let at = FRAME_HEADER_BYTES; at < length; at += entry.size) {
      if (!entry.read(words, at, length)) return 'an entry is damaged';
      const why = this.#tryApply(entry);
      if (why !== undefined) return why;
    }
    if (this.#state.position !== to) return 'a frame does not end where it says';
    this.isWhole = true;
    return undefined;
  }

  /** The record was applied once; should it not be any more, the log's reader knows what to do about it. */
  #tryApply(entry: Entry): string | undefined {
    try {
      return this.#apply(entry);
    } catch (error) {
      this.isBroken = true;
      return `a record could not be applied: ${toWeirError(error).message}`;
    }
  }

  #apply(entry: Entry): string | undefined {
    const state = this.#state;
    if (entry.offset < state.position) return 'an entry is out of order';
    if (entry.kind === KIND.move) {
      state.position = entry.offset;
      return undefined;
    }
    if (entry.kind === KIND.settings) {
      configure(state, entry.tenant, JSON.parse(text(entry.value)) as TenantSettings);
      return undefined;
    }
    return entry.kind === KIND.plain ? this.#applyPlain(entry) : this.#applyRaw(entry);
  }

  #applyPlain(entry: Entry): string | undefined {
    const state = this.#state;
    const tenant = state.tenantsByName.get(entry.tenant);
    if (tenant === undefined || tenant.parkedFrom !== undefined) return 'an entry has no tenant';
    if (refCheck(state.store, entry.refs, entry.seriesCount) !== entry.check) {
      return 'series have other refs';
    }
    this.#noteOrder(tenant, entry);
    this.#applier.applyPlain(tenant, entry);
    this.#applied(entry);
    return undefined;
  }

  /** Which series follow which, as the first pass over the record would have noted it. */
  #noteOrder(tenant: Tenant, { refs, seriesCount }: Entry): void {
    const { store } = this.#state;
    let previous = tenant.lastRef;
    for (let index = 0; index < seriesCount; index++) {
      const ref = refs[index];
      if (previous !== 0 && store.record(previous - 1, R.next) !== ref + 1) {
        store.setNext(previous - 1, ref);
      }
      previous = ref + 1;
    }
  }

  /** What the record does is right in any case; which refs its new series get decides about what follows. */
  #applyRaw(entry: Entry): string | undefined {
    const { store } = this.#state;
    const applier = this.#applier;
    store.wantedRefs = entry.created;
    try {
      applier.apply(entry);
    } finally {
      store.wantedRefs = undefined;
    }
    this.#applied(entry);
    const { created } = applier;
    const isSame =
      created.length === entry.created.length &&
      created.every((ref, index) => ref === entry.created[index]);
    return isSame ? undefined : 'new series have other refs';
  }

  #applied(entry: Entry): void {
    this.#state.position = entry.offset + 1;
    this.records++;
  }
}

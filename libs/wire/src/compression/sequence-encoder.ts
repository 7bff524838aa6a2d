// The sequences of a block (RFC 8878, 3.1.1.3.2): gathered while matches are found, and written from the last to the
// first with tables that fit them.
import type { BitWriter } from './bit-writer.ts';
import { distribute, FseEncoder, writeFseTable } from './fse-encoder.ts';
import { buildFseTable, type FseTable, repeatedSymbol } from './fse-table.ts';
import { LITERALS, MATCHES, OFFSETS, type SequencePart } from './sequence-parts.ts';

/** Fewer don't pay for the description of a table. */
const DESCRIBED_MIN = 48;
const ACCURACY_LOG_MIN = 5;
const STANDARD = 0;
const REPEATED = 1;
const DESCRIBED = 2;

/** The codes of one of the three parts, and the table they are written with. */
class PartCodes {
  readonly codes: Uint8Array;
  readonly part: SequencePart;
  coder: FseEncoder;
  readonly #standard: FseEncoder;
  readonly #own: FseEncoder;
  readonly #counts: Uint32Array;

  constructor(part: SequencePart, sequencesMax: number) {
    const { accuracyLog, symbol } = part.max;
    this.part = part;
    this.codes = new Uint8Array(sequencesMax);
    this.#standard = new FseEncoder(symbol, accuracyLog).use(part.standard);
    this.#own = new FseEncoder(symbol, accuracyLog);
    this.#counts = new Uint32Array(symbol + 1);
    this.coder = this.#standard;
  }

  /** Chooses the table for the first `count` codes, describes it, and returns its mode. */
  choose(count: number, to: BitWriter): number {
    const counts = this.#counts.fill(0);
    let used = 0;
    for (let at = 0; at < count; at++) if (counts[this.codes[at]!]!++ === 0) used++;
    this.coder = this.#standard;
    if (used > 1 && count < DESCRIBED_MIN) return STANDARD;
    this.coder = this.#own;
    if (used === 1) {
      this.#own.use(repeatedSymbol(this.codes[0]!));
      to.byte(this.codes[0]!);
      return REPEATED;
    }
    this.#own.use(described(counts, count, used, this.part.max.accuracyLog, to));
    return DESCRIBED;
  }
}

function described(
  counts: Uint32Array,
  count: number,
  used: number,
  accuracyLogMax: number,
  to: BitWriter,
): FseTable {
  const wanted = Math.max(bitsOf(count) - 2, bitsOf(used) + 1, ACCURACY_LOG_MIN);
  const accuracyLog = Math.min(wanted, accuracyLogMax);
  const shares = distribute(counts, count, accuracyLog);
  writeFseTable(shares, accuracyLog, to);
  return buildFseTable(shares, accuracyLog);
}

function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}

export class SequenceEncoder {
  #count = 0;
  /** What stands behind the codes. */
  readonly #literals: Int32Array;
  readonly #matches: Int32Array;
  readonly #offsets: Int32Array;
  readonly #literalCodes: PartCodes;
  readonly #matchCodes: PartCodes;
  readonly #offsetCodes: PartCodes;
  readonly #codeOfLiterals: Uint8Array;
  readonly #codeOfMatch: Uint8Array;

  constructor(blockMaxBytes: number, matchMinBytes: number) {
    const max = Math.ceil(blockMaxBytes / matchMinBytes);
    this.#literals = new Int32Array(max);
    this.#matches = new Int32Array(max);
    this.#offsets = new Int32Array(max);
    this.#literalCodes = new PartCodes(LITERALS, max);
    this.#matchCodes = new PartCodes(MATCHES, max);
    this.#offsetCodes = new PartCodes(OFFSETS, max);
    this.#codeOfLiterals = codeTable(LITERALS, blockMaxBytes);
    this.#codeOfMatch = codeTable(MATCHES, blockMaxBytes);
  }

  clear(): void {
    this.#count = 0;
  }

  /** So many literals, then a match; `offset` as the format says it, the three last ones included. */
  add(literals: number, match: number, offset: number): void {
    const at = this.#count++;
    const literalCode = this.#codeOfLiterals[literals]!;
    const matchCode = this.#codeOfMatch[match]!;
    const offsetCode = 31 - Math.clz32(offset);
    this.#literalCodes.codes[at] = literalCode;
    this.#matchCodes.codes[at] = matchCode;
    this.#offsetCodes.codes[at] = offsetCode;
    this.#literals[at] = literals - LITERALS.bases[literalCode]!;
    this.#matches[at] = match - MATCHES.bases[matchCode]!;
    this.#offsets[at] = offset - (1 << offsetCode);
  }

  /** Writes the sequences section. */
  write(to: BitWriter): void {
    const count = this.#count;
    if (count < 128) to.byte(count);
    else if (count < 0x7f00) {
      to.byte((count >> 8) + 128);
      to.byte(count);
    } else {
      to.byte(255);
      to.byte(count - 0x7f00);
      to.byte((count - 0x7f00) >> 8);
    }
    if (count === 0) return;
    const modesAt = to.at++;
    const literalMode = this.#literalCodes.choose(count, to);
    const offsetMode = this.#offsetCodes.choose(count, to);
    const matchMode = this.#matchCodes.choose(count, to);
    to.bytes[modesAt] = (literalMode << 6) | (offsetMode << 4) | (matchMode << 2);
    this.#stream(count, to);
  }

  #stream(count: number, to: BitWriter): void {
    const { codes: literalCodes, coder: literals } = this.#literalCodes;
    const { codes: matchCodes, coder: matches } = this.#matchCodes;
    const { codes: offsetCodes, coder: offsets } = this.#offsetCodes;
    let literal = literals.last(literalCodes[count - 1]!);
    let match = matches.last(matchCodes[count - 1]!);
    let offset = offsets.last(offsetCodes[count - 1]!);
    for (let at = count - 1; at >= 0; at--) {
      const literalCode = literalCodes[at]!;
      const matchCode = matchCodes[at]!;
      const offsetCode = offsetCodes[at]!;
      if (at < count - 1) {
        offset = offsets.step(offsetCode, offset, to);
        match = matches.step(matchCode, match, to);
        literal = literals.step(literalCode, literal, to);
      }
      to.add(this.#literals[at]!, LITERALS.extraBits[literalCode]!);
      to.add(this.#matches[at]!, MATCHES.extraBits[matchCode]!);
      to.add(this.#offsets[at]!, offsetCode);
    }
    to.add(match, matches.accuracyLog);
    to.add(offset, offsets.accuracyLog);
    to.add(literal, literals.accuracyLog);
    to.close();
  }
}

/** The code of each length up to a block's. */
function codeTable(part: SequencePart, max: number): Uint8Array {
  const codes = new Uint8Array(max + 1);
  for (let code = 0; code < part.bases.length; code++) codes.fill(code, part.bases[code]!);
  return codes;
}

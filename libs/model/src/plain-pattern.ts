// Regular expressions that are no more than texts with gaps: literals, `.`, `.*`, `.+`, small classes of ASCII
// characters, groups and alternations of these, optional characters and groups. Matched whole, as RE2 would with
// `.` matching newlines, but in a pass over the value; anything else isn't recognised, and is left to RE2, which
// also knows what is no expression. A literal of two UTF-16 units is one character here, too.

/** Exactly one character; any number of any. */
const ANY = 0;
const GAP = 1;
type Token = string | typeof ANY | typeof GAP | CharacterClass;
type Tokens = readonly Token[];
/** By ASCII code. */
type CharacterClass = Uint8Array;

export interface PlainPattern {
  matches(value: string): boolean;
  /** The only values that match, where there are no others. */
  readonly values: readonly string[] | undefined;
  /** Of every value that matches. */
  readonly prefix: string;
}

/** Beyond these RE2 is no slower, and needs less memory. */
const ALTERNATIVES_MAX = 100_000;
const GAPPED_MAX = 1024;
const CROSSED_MAX = 256;
const DEPTH_MAX = 16;
const REPEATS_MAX = 8;

const PLAIN = /[^\\^$.|?*+()[\]{}]+(?![?*+{])/uy;

/** Undefined where the expression is anything else. */
export function plainPattern(expression: string): PlainPattern | undefined {
  const parser = new Parser(expression);
  const alternatives = parser.alternation(0);
  if (alternatives === undefined || !parser.isAtEnd) return undefined;
  const literals = new Set<string>();
  const gapped: Gapped[] = [];
  let prefix: string | undefined;
  for (const tokens of alternatives.map(joined)) {
    const [first = ''] = tokens;
    const literal = typeof first === 'string' ? first : '';
    if (tokens.length === 0 || (tokens.length === 1 && literal !== '')) literals.add(literal);
    else gapped.push(new Gapped(tokens));
    prefix = prefix === undefined ? literal : sharedPrefix(prefix, literal);
  }
  if (gapped.length > GAPPED_MAX) return undefined;
  return {
    matches: matcherOf(literals, gapped),
    values: gapped.length === 0 ? [...literals] : undefined,
    prefix: prefix ?? '',
  };
}

function matcherOf(
  literals: ReadonlySet<string>,
  gapped: readonly Gapped[],
): (value: string) => boolean {
  const [only] = gapped;
  if (only === undefined) return (value) => literals.has(value);
  if (gapped.length === 1 && literals.size === 0) return (value) => only.matches(value);
  return (value) => literals.has(value) || gapped.some((one) => one.matches(value));
}

/** Literals that follow each other as one. */
function joined(tokens: Tokens): Tokens {
  const out: Token[] = [];
  for (const token of tokens) {
    const last = out[out.length - 1];
    if (typeof token === 'string' && typeof last === 'string') out[out.length - 1] = last + token;
    else out.push(token);
  }
  return out;
}

function sharedPrefix(a: string, b: string): string {
  let size = 0;
  while (size < a.length && a[size] === b[size]) size++;
  return a.slice(0, size);
}

/** One alternative: parts of fixed numbers of characters, and gaps between them. */
class Gapped {
  readonly #parts: readonly Tokens[];

  constructor(tokens: Tokens) {
    const parts: Token[][] = [[]];
    for (const token of tokens) {
      if (token === GAP) parts.push([]);
      else parts[parts.length - 1]!.push(token);
    }
    this.#parts = parts;
  }

  matches(value: string): boolean {
    const parts = this.#parts;
    let at = forward(parts[0]!, value, 0);
    if (parts.length === 1) return at === value.length;
    // Each part where it can begin first: that leaves most to those behind it.
    for (let index = 1; index < parts.length - 1 && at >= 0; index++) {
      at = find(parts[index]!, value, at);
    }
    return at >= 0 && backward(parts[parts.length - 1]!, value, at);
  }
}

/** Where the part ends that begins at `from`, or -1. */
function forward(part: Tokens, value: string, from: number): number {
  let at = from;
  for (const token of part) {
    if (typeof token === 'string') {
      if (!value.startsWith(token, at)) return -1;
      at += token.length;
      continue;
    }
    if (at >= value.length) return -1;
    if (token instanceof Uint8Array) {
      if (token[value.charCodeAt(at)] !== 1) return -1;
      at++;
    } else at += isPair(value, at) ? 2 : 1;
  }
  return at;
}

/** Where the first such part behind `from` ends, or -1. */
function find(part: Tokens, value: string, from: number): number {
  const [first] = part;
  for (let at = from; at <= value.length; at += isPair(value, at) ? 2 : 1) {
    if (typeof first === 'string') {
      at = value.indexOf(first, at);
      if (at < 0) return -1;
    }
    const end = forward(part, value, at);
    if (end >= 0) return end;
  }
  return -1;
}

/** Whether the value ends with the part, which begins at `from` or behind it. */
function backward(part: Tokens, value: string, from: number): boolean {
  let at = value.length;
  for (let index = part.length - 1; index >= 0; index--) {
    const token = part[index]!;
    if (typeof token === 'string') {
      if (!value.endsWith(token, at)) return false;
      at -= token.length;
      continue;
    }
    if (at <= from) return false;
    if (token instanceof Uint8Array) {
      if (token[value.charCodeAt(at - 1)] !== 1) return false;
      at--;
    } else at -= isPair(value, at - 2) ? 2 : 1;
  }
  return at >= from;
}

function isPair(value: string, at: number): boolean {
  return at >= 0 && (value.codePointAt(at) ?? 0) > 0xffff;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  alternation(depth: number): Tokens[] | undefined {
    if (depth > DEPTH_MAX) return undefined;
    const found: Tokens[] = [];
    do {
      const some = this.#sequence(depth);
      if (some === undefined || found.length + some.length > ALTERNATIVES_MAX) return undefined;
      found.push(...some);
    } while (this.#takes('|'));
    return found;
  }

  #sequence(depth: number): Tokens[] | undefined {
    // An anchor where the value begins or ends anyway.
    if (depth === 0 && this.#takes('^') && this.#isQuantifier()) return undefined;
    let found: Tokens[] = [[]];
    while (!this.isAtEnd && this.#peek() !== '|' && this.#peek() !== ')') {
      if (depth === 0 && this.#takes('$')) {
        return this.isAtEnd || this.#peek() === '|' ? found : undefined;
      }
      const run = this.#run();
      const atom = run === '' ? this.#atom(depth) : [[run]];
      const some = run === '' ? atom && this.#quantified(atom) : atom;
      if (some === undefined) return undefined;
      const isCrossed = some.length > 1 && found.length > 1;
      if (isCrossed && some.length * found.length > CROSSED_MAX) return undefined;
      found = found.flatMap((before) => some.map((after) => [...before, ...after]));
    }
    return found;
  }

  /** Characters that stand for themselves, but for a last one that a quantifier may follow. */
  #run(): string {
    PLAIN.lastIndex = this.#at;
    const found = PLAIN.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #atom(depth: number): Tokens[] | undefined {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    this.#at += character.length;
    switch (character) {
      case '.':
        return [[ANY]];
      case '(': {
        if (this.#takes('?') && !this.#takes(':')) return undefined;
        const found = this.alternation(depth + 1);
        return this.#takes(')') ? found : undefined;
      }
      case '[':
        return this.#class();
      case '\\':
        return this.#escape();
      default:
        return /[\^$*+?{}\]]/.test(character) ? undefined : [[character]];
    }
  }

  #escape(): Tokens[] | undefined {
    const character = this.#text[this.#at++] ?? '';
    if (character === 'd') return [[classOf('09')]];
    return /^[!-/:-@[-^`{-~]$/.test(character) ? [[character]] : undefined;
  }

  /** What follows a `[`: letters, digits, ranges of them, and some characters that mean nothing else there. */
  #class(): Tokens[] | undefined {
    const found =
      /^((?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[a-zA-Z0-9_.,/](?!-[^\]]))+)(-?)\]/.exec(
        this.#text.slice(this.#at, this.#at + 64),
      );
    if (found === null) return undefined;
    this.#at += found[0].length;
    const ranges = found[1]!.replace(
      /(.)-(.)|(.)/g,
      (_, from, to, one) => one?.repeat(2) ?? from + to,
    );
    for (let at = 0; at < ranges.length; at += 2)
      if (ranges[at]! > ranges[at + 1]!) return undefined;
    return [[classOf(ranges + found[2]!.repeat(2))]];
  }

  #quantified(atom: Tokens[]): Tokens[] | undefined {
    const first = atom.length === 1 && atom[0]!.length === 1 ? atom[0]![0]! : undefined;
    let found: Tokens[] | undefined = atom;
    if (this.#takes('?')) found = [...atom, []];
    else if (this.#takes('*')) found = first === ANY ? [[GAP]] : undefined;
    else if (this.#takes('+')) found = first === ANY ? [[ANY, GAP]] : undefined;
    else if (this.#peek() === '{') return this.#repeated(first);
    else return atom;
    // Which of several ways to match is preferred makes no difference to whether there is one.
    this.#takes('?');
    return this.#isQuantifier() ? undefined : found;
  }

  #repeated(token: Token | undefined): Tokens[] | undefined {
    const times = /^\{(\d)\}/.exec(this.#text.slice(this.#at, this.#at + 3));
    const count = Number(times?.[1] ?? 0);
    if (token === undefined || typeof token === 'string') return undefined;
    if (count < 1 || count > REPEATS_MAX) return undefined;
    this.#at += 3;
    return this.#isQuantifier() ? undefined : [new Array<Token>(count).fill(token)];
  }

  #isQuantifier(): boolean {
    return /^[*+?{]$/.test(this.#peek());
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #takes(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }
}

/** Of the first and last characters of ranges. */
function classOf(ranges: string): CharacterClass {
  const found = new Uint8Array(128);
  for (let at = 0; at < ranges.length; at += 2) {
    found.fill(1, ranges.charCodeAt(at), ranges.charCodeAt(at + 1) + 1);
  }
  return found;
}

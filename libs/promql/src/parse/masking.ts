// What the official grammar lacks, rewritten for it character by character, so that positions stay: numbers
// that end in a dot (`2.` becomes `02`), min_of() and max_of() outside of durations, where it knows them
// only as parts of duration expressions (both become `minute`), and metrics that are called `offset`
// (`metric`). Names are read from the real text.

const TOKEN =
  /"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|`[^`]*`?|#[^\n]*|(?<![\w:.])\d+\.(?!\d)|[a-zA-Z_:][\w:]*|[()[\]]|\d[\w.]*|[^\s]/gs;
const NEEDED = /\d\.(?!\d)|m(?:in|ax)_of\s*\(|offset/i;
/** What an operand may follow: a name there is none of a modifier. */
const OPENS = /^(?:[-(,+*/%^<>=!~]|and|or|unless|atan2|bool|group_left|group_right)$/i;
const MATCHING = /^(?:on|ignoring|group_left|group_right|fill|fill_left|fill_right)$/i;

/** The text to parse instead of the query. */
export function masked(query: string): string {
  if (!NEEDED.test(query)) return query;
  const inDuration = new DurationContext();
  const place = new OperandPlace();
  return query.replace(TOKEN, (token: string, at: number) => {
    if (place.follow(token) && /^offset$/i.test(token)) return 'metric';
    const isDuration = inDuration.follow(token);
    if (/^\d+\.$/.test(token)) return `0${token.slice(0, -1)}`;
    if (isDuration || !/^m(in|ax)_of$/i.test(token)) return token;
    return /^\s*\(/.test(query.slice(at + token.length)) ? 'minute' : token;
  });
}

/** Tells whether a token stands where an operand begins. */
class OperandPlace {
  /** The words before the parentheses that are open. */
  readonly #openers: string[] = [];
  #last = '';
  #begins = true;

  follow(token: string): boolean {
    const begins = this.#begins;
    if (token[0] === '#') return begins;
    if (token === '(') this.#openers.push(this.#last);
    // Behind `on (…)` an operand is still to come.
    if (token === ')') this.#begins = MATCHING.test(this.#openers.pop() ?? '');
    else this.#begins = OPENS.test(token);
    this.#last = token;
    return begins;
  }
}

/** Tells whether a token is part of a duration: within brackets, or what follows `offset`. */
class DurationContext {
  readonly #nested: boolean[] = [];
  #current = false;
  /** After `offset`, up to the end of its one operand. */
  #offset = false;

  follow(token: string): boolean {
    const isDuration = this.#current || this.#offset;
    if (token === '(' || token === '[') {
      this.#nested.push(this.#current);
      this.#current = isDuration || token === '[';
      this.#offset = false;
    } else if (token === ')' || token === ']') {
      this.#current = this.#nested.pop() ?? false;
    } else if (/^offset$/i.test(token)) this.#offset = true;
    else if (!/^[-+]$|^\w+_of$|^step$|^range$/i.test(token)) this.#offset = false;
    return isDuration;
  }
}

// The tokens of a query as Prometheus's lexer sees them, so that what it refuses is refused here with its words
// and at its place. It has three manners: plain, within braces, and within brackets, where up to the first number
// only parts of a duration may stand. Lexing ends at the first fault, which is a token, too: whether it is what
// is wrong first, only the grammar knows (syntax.ts).
import { faultOfNumber, numberEnd } from './number-token.ts';
import { characterOf, isDigit, isLetter, isSpace, stringEnd } from './string-token.ts';

export type TokenKind =
  | 'end'
  | 'fault'
  | 'identifier'
  | 'metric identifier'
  | 'string'
  | 'number'
  | 'duration'
  | 'operator'
  | 'aggregation'
  | 'keyword'
  | 'preprocessor'
  | 'fill'
  | 'mark';

export interface Token {
  readonly kind: TokenKind;
  /** As it is written; of a fault its text. */
  readonly text: string;
  /** In lower case, as words of the language are compared. */
  readonly word: string;
  readonly at: number;
}

const AGGREGATIONS = new Set(
  'sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio'.split(
    ' ',
  ),
);
const OPERATOR_WORDS = new Set(['and', 'or', 'unless', 'atan2']);
const KEYWORDS = new Set(
  'offset by without on ignoring group_left group_right bool anchored smoothed'.split(' '),
);
const PREPROCESSORS = new Set(['start', 'end', 'step', 'range']);
const DURATION_WORDS = new Set(['step', 'range', 'min_of', 'max_of']);
const FILLS = new Set(['fill', 'fill_left', 'fill_right']);
const NUMBERS = new Set(['inf', 'nan']);

export function tokensOf(query: string): Token[] {
  return new Lexer(query).all();
}

class Lexer {
  readonly #query: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #parens = 0;
  #inBraces = false;
  #inBrackets = false;
  /** Within brackets, before the first number. */
  #wantsDuration = false;
  #hadColon = false;

  constructor(query: string) {
    this.#query = query;
  }

  all(): Token[] {
    for (;;) {
      if (this.#inBraces) this.#braces();
      else if (this.#wantsDuration) this.#duration();
      else this.#plain();
      const last = this.#tokens.at(-1)?.kind;
      if (last === 'fault' || last === 'end') return this.#tokens;
    }
  }

  #push(kind: TokenKind, size: number): void {
    const text = this.#query.slice(this.#at, this.#at + size);
    this.#tokens.push({ kind, text, word: text.toLowerCase(), at: this.#at });
    this.#at += size;
  }

  #fault(text: string, at = this.#at): void {
    this.#tokens.push({ kind: 'fault', text, word: '', at });
  }

  #skipBlank(withComments: boolean): void {
    for (;;) {
      while (isSpace(this.#query[this.#at])) this.#at++;
      if (!withComments || this.#query[this.#at] !== '#') return;
      while (this.#at < this.#query.length && this.#query[this.#at] !== '\n') this.#at++;
    }
  }

  #plain(): void {
    this.#skipBlank(true);
    const query = this.#query;
    const char = query[this.#at];
    if (char === undefined) {
      if (this.#parens > 0) this.#fault('unclosed left parenthesis');
      else if (this.#inBrackets) this.#fault('unclosed left bracket');
      else this.#push('end', 0);
      return;
    }
    const two = query.slice(this.#at, this.#at + 2);
    if (two === '!=' || two === '<=' || two === '>=' || two === '</' || two === '>/') {
      this.#push('operator', 2);
    } else if (char === '!') {
      this.#fault(`unexpected character after '!': ${characterOf(query, this.#at + 1)}`);
    } else if (two === '==') this.#push('operator', 2);
    else if (two === '=~') this.#fault("unexpected character after '=': '~'");
    else if ('+-*/%^<>@'.includes(char)) this.#push('operator', 1);
    else if (char === '=' || char === ',') this.#push('mark', 1);
    else if (char === '(' || char === ')') this.#paren(char);
    else if (char === '{') {
      this.#inBraces = true;
      this.#push('mark', 1);
    } else if (char === '[') this.#openBracket();
    else if (char === ']') this.#closeBracket();
    else if (char === '"' || char === "'" || char === '`') this.#string();
    else if (isDigit(char) || (char === '.' && isDigit(query[this.#at + 1]))) this.#number();
    else if (this.#inBrackets && (isLetter(char) || char === ':')) this.#wordInBrackets();
    else if (isLetter(char) || char === ':') this.#word();
    else this.#fault(`unexpected character: ${characterOf(query, this.#at)}`);
  }

  #paren(char: string): void {
    this.#push('mark', 1);
    this.#parens += char === '(' ? 1 : -1;
    if (this.#parens >= 0) return;
    this.#tokens.pop();
    this.#fault("unexpected right parenthesis ')'");
  }

  #openBracket(): void {
    if (this.#inBrackets) {
      this.#fault("unexpected left bracket '['");
      return;
    }
    this.#push('mark', 1);
    this.#inBrackets = true;
    this.#wantsDuration = true;
    this.#hadColon = false;
  }

  #closeBracket(): void {
    if (!this.#inBrackets) {
      this.#fault("unexpected right bracket ']'");
      return;
    }
    this.#push('mark', 1);
    this.#inBrackets = false;
    this.#wantsDuration = false;
  }

  /** Comments have no place before the first number. */
  #duration(): void {
    this.#skipBlank(false);
    const char = this.#query[this.#at];
    const word = this.#wordAt(/[a-z_]\w*/iy);
    if (char === undefined) {
      if (this.#parens > 0) this.#fault('unclosed left parenthesis');
      else this.#fault('unexpected end of input in duration expression');
    } else if (char === ':') {
      this.#fault('unexpected colon before duration in duration expression', this.#at + 1);
    } else if (char === '(' || char === ')') this.#paren(char);
    else if (char === ']') this.#closeBracket();
    else if ('+-*/%^'.includes(char)) this.#push('operator', 1);
    else if (char === ',') this.#push('mark', 1);
    else if (isDigit(char) || (char === '.' && isDigit(this.#query[this.#at + 1]))) {
      this.#wantsDuration = false;
      this.#number();
    } else if (DURATION_WORDS.has(word)) this.#push('preprocessor', word.length);
    else {
      const found = characterOf(this.#query, this.#at);
      this.#fault(`unexpected character in duration expression: ${found}`);
    }
  }

  #wordInBrackets(): void {
    if (this.#query[this.#at] === ':') {
      if (this.#hadColon) this.#fault("unexpected colon ':'");
      else this.#push('mark', 1);
      this.#hadColon = true;
      return;
    }
    const word = this.#wordAt(/[a-z_]\w*/iy);
    if (DURATION_WORDS.has(word)) this.#push('preprocessor', word.length);
    else {
      this.#fault(`unexpected character: ${characterOf(this.#query, this.#at)}, expected ':'`);
    }
  }

  /** In lower case. */
  #wordAt(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#query)?.[0].toLowerCase() ?? '';
  }

  #word(): void {
    const word = this.#wordAt(/[a-z_:][\w:]*/iy);
    if (word.includes(':')) this.#push('metric identifier', word.length);
    else if (AGGREGATIONS.has(word)) this.#push('aggregation', word.length);
    else if (OPERATOR_WORDS.has(word)) this.#push('operator', word.length);
    else if (KEYWORDS.has(word)) this.#push('keyword', word.length);
    else if (PREPROCESSORS.has(word)) this.#push('preprocessor', word.length);
    else if (FILLS.has(word)) this.#push('fill', word.length);
    else if (NUMBERS.has(word)) this.#push('number', word.length);
    else this.#push('identifier', word.length);
  }

  #braces(): void {
    this.#skipBlank(true);
    const query = this.#query;
    const char = query[this.#at];
    const two = query.slice(this.#at, this.#at + 2);
    if (char === undefined) this.#fault('unexpected end of input inside braces');
    else if (char === '{') this.#fault("unexpected left brace '{'");
    else if (char === '}') {
      this.#inBraces = false;
      this.#push('mark', 1);
    } else if (two === '=~' || two === '!~' || two === '!=') this.#push('operator', 2);
    else if (char === '=' || char === ',') this.#push('mark', 1);
    else if (char === '!') {
      const found = characterOf(query, this.#at + 1);
      this.#fault(`unexpected character after '!' inside braces: ${found}`);
    } else if (char === '"' || char === "'" || char === '`') this.#string();
    else if (isLetter(char)) this.#push('identifier', this.#wordAt(/[a-z_]\w*/iy).length);
    else this.#fault(`unexpected character inside braces: ${characterOf(query, this.#at)}`);
  }

  #string(): void {
    const end = stringEnd(this.#query, this.#at);
    if (typeof end === 'string') this.#fault(end);
    else this.#push('string', end - this.#at);
  }

  #number(): void {
    const { kind, end } = numberEnd(this.#query, this.#at);
    const text = this.#query.slice(this.#at, end);
    const fault = faultOfNumber(kind, text);
    if (fault !== undefined) this.#fault(fault);
    else if (kind !== 'bad') this.#push(kind, text.length);
  }
}

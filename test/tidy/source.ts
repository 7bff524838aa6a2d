// Reads one TypeScript file as far as the tidy rules need: its imports, and its code without comments
// and without the text of literals. A lexer, not a parser: the formatter guarantees the layout it
// relies on (an import statement starts a line).

const STATIC = /^(?:import|export)\s[^;'"`]*?\bfrom\s*['"]([^'"\n]+)['"]/gm;
const SIDE_EFFECT = /^import\s*['"]([^'"\n]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g;

/** What is imported: statically, dynamically, for its types or its effects, or to be exported again. */
export function importsOf(text: string): string[] {
  const withLiterals = lex(text, false);
  const code = lex(text, true);
  return [STATIC, SIDE_EFFECT, DYNAMIC].flatMap((pattern) =>
    [...withLiterals.matchAll(pattern)]
      // Not inside a literal, where code is blank.
      .filter((match) => /^(im|ex)port/.test(code.slice(match.index, match.index + 6)))
      .map((match) => match[1]!),
  );
}

/** Comments and the text of strings, templates and regular expressions become blanks, same length. */
export function stripToCode(text: string): string {
  return lex(text, true);
}

const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};~+*%<>^-]|\b(?:return|typeof|case|in|of|throw|yield))\s*$/;

function lex(text: string, blankLiterals: boolean): string {
  let out = '';
  let at = 0;
  /** How many braces are open inside each `${` that is being read. */
  const templates: number[] = [];
  const take = (end: number, blank: boolean) => {
    const part = text.slice(at, end);
    out += blank ? part.replace(/[^\n]/g, ' ') : part;
    at = end;
  };
  const takeTemplateText = () => {
    const end = endOfTemplateText(text, at);
    take(end, blankLiterals);
    if (text.startsWith('${', at)) {
      templates.push(0);
      take(at + 2, false);
    } else {
      take(Math.min(at + 1, text.length), false);
    }
  };
  while (at < text.length) {
    const character = text[at]!;
    if (text.startsWith('//', at)) {
      take(endOf(text, '\n', at), true);
    } else if (text.startsWith('/*', at)) {
      take(Math.min(endOf(text, '*/', at) + 2, text.length), true);
    } else if (character === "'" || character === '"') {
      take(at + 1, false);
      take(endOfQuoted(text, at, character), blankLiterals);
      take(Math.min(at + 1, text.length), false);
    } else if (character === '`') {
      take(at + 1, false);
      takeTemplateText();
    } else if (character === '/' && BEFORE_REGEX.test(out.slice(-40))) {
      take(at + 1, false);
      take(endOfRegex(text, at), blankLiterals);
    } else {
      const depth = templates.length - 1;
      if (depth >= 0 && character === '{') templates[depth]!++;
      if (depth >= 0 && character === '}' && templates[depth]!-- === 0) {
        templates.pop();
        take(at + 1, false);
        takeTemplateText();
      } else {
        take(at + 1, false);
      }
    }
  }
  return out;
}

function endOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from);
  return end === -1 ? text.length : end;
}

function endOfQuoted(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') {
    at += text[at] === '\\' ? 2 : 1;
  }
  return Math.min(at, text.length);
}

function endOfTemplateText(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '`' && !text.startsWith('${', at)) {
    at += text[at] === '\\' ? 2 : 1;
  }
  return Math.min(at, text.length);
}

function endOfRegex(text: string, from: number): number {
  let at = from;
  let inClass = false;
  while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
    if (text[at] === '[') inClass = true;
    if (text[at] === ']') inClass = false;
    at += text[at] === '\\' ? 2 : 1;
  }
  return Math.min(at, text.length);
}

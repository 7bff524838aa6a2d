// What is written while something goes on: on a terminal the last line, or the whole screen, is written anew; into
// a file only what has changed is.

const CLEAR_LINE = '\r\u001b[K';
const HOME = '\u001b[H';
const CLEAR_REST = '\u001b[J';
const CLEAR_LINE_REST = '\u001b[K';

export interface Screen {
  /** A line that stays. */
  line(text: string): void;
  /** A line that is replaced by the next. */
  progress(text: string): void;
  /** All of the screen. */
  frame(lines: readonly string[]): void;
}

export function createScreen(write: (text: string) => void, terminal: boolean): Screen {
  let last = '';
  return {
    line(text) {
      write(terminal && last !== '' ? `${CLEAR_LINE}${text}\n` : `${text}\n`);
      last = '';
    },
    progress(text) {
      if (text === last) return;
      last = text;
      write(terminal ? `${CLEAR_LINE}${text}` : `${text}\n`);
    },
    frame(lines) {
      if (!terminal) {
        write(`${lines.join('\n')}\n\n`);
        return;
      }
      // Not cleared before: that flickers.
      const ended = lines.map((line) => `${line}${CLEAR_LINE_REST}\n`);
      write(`${HOME}${ended.join('')}${CLEAR_REST}`);
    },
  };
}

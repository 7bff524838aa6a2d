// Which of two errors is told. Operands are evaluated in the order that takes the least memory; where one fails
// whose turn would have come later, the earlier ones are evaluated for the error that they may have.
import { WeirError } from '@weir/errors';
import type { Context } from './context.ts';

interface Stream {
  next(): boolean | Promise<boolean>;
  close(): void;
}

/** What `later` gives. Its error comes after any of `earlier`. */
export async function afterErrorsOf<T>(
  earlier: () => Promise<Stream>,
  later: () => Promise<T>,
  context: Context,
): Promise<T> {
  try {
    return await later();
  } catch (error) {
    if (error instanceof WeirError && error.kind === 'invalid')
      await drain(await earlier(), context);
    throw error;
  }
}

async function drain(stream: Stream, context: Context): Promise<void> {
  try {
    for (;;) {
      const more = stream.next();
      if (!(typeof more === 'boolean' ? more : await more)) return;
      const pause = context.pace();
      if (pause !== undefined) await pause;
    }
  } finally {
    stream.close();
  }
}

// What comes without waiting for another thread, a timer or the disk: then it can go in the same message.

/** Generators that delegate to each other hand a value on in a few turns each. */
const TURNS = 48;

/** What the promise gives within some turns of this thread's promises; undefined where that is not enough. */
export async function soon<Value extends object>(
  coming: Promise<Value>,
): Promise<Value | undefined> {
  let found: Value | undefined;
  let failed = false;
  coming.then(
    (value) => {
      found = value;
    },
    () => {
      failed = true;
    },
  );
  for (let turn = 0; turn < TURNS && found === undefined && !failed; turn++) await null;
  return failed ? coming : found;
}

// The command line in the manner of Go's flag package: `-name=value`, `-name value`, `--name=value`,
// and `-name` alone for booleans. The last of several wins. Anything that is not a flag is an error.
import { WeirError } from '@weir/errors';
import type { Flag } from './flag.ts';
import { nearest } from './nearest.ts';
import { parseText, type Value } from './value.ts';

/** Values by flag name. Throws `invalid` for an unknown flag, a missing value or a wrong one. */
export function parseCommandLine(
  argv: readonly string[],
  flags: ReadonlyMap<string, Flag>,
): Map<string, Value> {
  const values = new Map<string, Value>();
  for (let index = 0; index < argv.length; index++) {
    const { name, text } = splitArgument(argv[index]!);
    const flag = flags.get(name);
    if (flag === undefined) throw unknownFlag(name, flags.keys());
    if (text !== undefined) {
      values.set(name, parseText(flag, text));
    } else if (flag.kind === 'bool') {
      values.set(name, true);
    } else {
      index++;
      if (index === argv.length) throw new WeirError('invalid', `flag -${name} needs a value`);
      values.set(name, parseText(flag, argv[index]!));
    }
  }
  return values;
}

function splitArgument(argument: string): { name: string; text: string | undefined } {
  const match = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(argument);
  if (match === null) {
    throw new WeirError('invalid', `"${argument}" is not a flag: flags are given as -name=value`);
  }
  return { name: match[1]!, text: match[2] };
}

function unknownFlag(name: string, known: Iterable<string>): WeirError {
  const meant = nearest(name, known);
  const hint = meant === undefined ? 'see -help-all' : `did you mean -${meant}?`;
  return new WeirError('invalid', `unknown flag -${name}: ${hint}`);
}

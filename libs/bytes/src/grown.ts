// Growing columns: typed arrays that are filled from the front and get more room when they are full.

type Column = Uint8Array | Int32Array | Uint32Array | Float64Array;

/** A copy with room for `length` numbers, twice as many unless given; the new ones are zero. */
export function grown<T extends Column>(column: T, length = column.length * 2): T {
  // A typed array's constructor makes its own kind, which the type of `constructor` does not tell.
  const larger = new (column.constructor as new (length: number) => T)(length);
  larger.set(column);
  return larger;
}

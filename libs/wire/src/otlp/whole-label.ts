// A label as it stands in a series, with its tag and sizes.
import { labelSize, writeLabel } from '@weir/model';

export function wholeLabel(name: Uint8Array, value: Uint8Array): Uint8Array {
  const label = new Uint8Array(labelSize(name.length, value.length));
  writeLabel(label, 0, name, value);
  return label;
}

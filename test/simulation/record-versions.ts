// The topic holds what several programs have written: Weir's distributors write records of version 1,
// Mimir's newer ones version 2. Here some worlds have the one, some the other, and some both.
import type { ProduceRecord } from '@weir/log';
import { packRecordV2 } from '@weir/wire/log-record';
import type { Coverage } from './coverage.ts';
import type { Dice } from './dice.ts';

export class VersionMix {
  readonly #dice: Dice;
  readonly #coverage: Coverage;
  readonly #share: number;

  constructor(dice: Dice, coverage: Coverage) {
    this.#dice = dice;
    this.#coverage = coverage;
    this.#share = dice.pick([0, 0, 0.5, 1]);
  }

  written(record: ProduceRecord): ProduceRecord {
    if (record.version !== 1 || !this.#dice.chance(this.#share)) return record;
    this.#coverage.note('record of version 2');
    return { ...record, version: 2, value: packRecordV2(record.value) };
  }
}

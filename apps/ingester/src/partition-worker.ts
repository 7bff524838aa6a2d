// The entry of a partition worker thread, bundled as `partition-worker.js`: a partition host over RocksDB
// and the system clock, served to the thread that started it.
import { parentPort } from 'node:worker_threads';
import { assert } from '@weir/errors';
import { openPartitionHead } from '@weir/head';
import { openRocksdbHeadStore } from '@weir/head/rocksdb';
import { systemClock, systemRandom } from '@weir/runtime';
import { createPartitionHost } from './worker/host.ts';
import { createUlids } from './worker/ulids.ts';
import { serveHost } from './workers/host-client.ts';

assert(parentPort !== null, 'partition-worker runs in a worker thread');

serveHost(
  parentPort,
  createPartitionHost({
    openStore: (path) => openRocksdbHeadStore({ path }),
    openHead: (partition, store, pause, endOffset) =>
      openPartitionHead({ partition, endOffset }, { store, pause }),
    clock: systemClock,
    nextUlid: createUlids(systemClock, systemRandom),
  }),
);

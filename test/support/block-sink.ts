// A block's files in a directory, as the block writer takes them; for blocks that tests make themselves.
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlockSink } from '@weir/tsdb/block';

export function blockSink(directory: string): BlockSink {
  return {
    async write(file, bytes) {
      await mkdir(dirname(join(directory, file)), { recursive: true });
      await appendFile(join(directory, file), bytes);
    },
  };
}

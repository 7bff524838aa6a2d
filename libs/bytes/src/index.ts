// Bytes without meaning: varints, checksums, comparison, hashing, text, and their memory.
export { type BufferPool, createBufferPool } from './buffer-pool.ts';
export { compareBytes, equalBytes, equalRange, hashBytes } from './compare.ts';
export { crc32c } from './crc32c.ts';
export { grown } from './grown.ts';
export { sortSteps } from './sort-steps.ts';
export { text, utf8 } from './text.ts';
export { compareTexts, sortTexts, uniteTexts } from './text-order.ts';
export { type Cursor, readUvarint, uvarintSize, writeUvarint } from './varint.ts';
export { webAssembly } from './web-assembly.ts';

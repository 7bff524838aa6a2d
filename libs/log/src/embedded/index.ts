// The embedded partition log: segment files on the process's own disk.
export {
  type EmbeddedLogParts,
  type EmbeddedLogSettings,
  openEmbeddedLog,
} from './embedded-log.ts';
export { diskFiles, type FileHandle, type Files } from './files.ts';

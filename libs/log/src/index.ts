// The partition log: the port. Adapters are sub-path exports, so that an unused driver is never loaded.
export type {
  CommittedOffset,
  GroupEvents,
  GroupMember,
  LogRecord,
  LogRetention,
  PartitionConsumer,
  PartitionLog,
  ProduceRecord,
  RecordBatch,
} from './partition-log.ts';

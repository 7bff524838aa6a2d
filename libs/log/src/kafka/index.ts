// The partition log on Kafka.
export { type KafkaSettings, kafkaFlags } from './flags.ts';
export { type KafkaLogParts, type KafkaTopicOptions, openKafkaLog } from './kafka-log.ts';

// A head store on RocksDB.
export { openRocksdbHeadStore, type RocksdbHeadStoreSettings } from './rocksdb-store.ts';

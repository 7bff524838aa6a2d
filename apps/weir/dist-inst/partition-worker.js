require('./load.cjs')('partition-worker.bundle.js', require);

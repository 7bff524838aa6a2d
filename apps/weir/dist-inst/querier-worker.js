require('./load.cjs')('querier-worker.bundle.js', require);

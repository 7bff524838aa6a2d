require('./load.cjs')('main.bundle.js', require);

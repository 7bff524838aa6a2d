require('./load.cjs')('weirctl.bundle.js', require);

// A trigger with hooks: what it is given at each of them is printed, for whoever watches.
const { stdout } = process;

// biome-ignore lint/style/noCommonJs: sailors load components with require
module.exports = {
  async startup(cfg) {
    stdout.write(`started with ${JSON.stringify(cfg)}\n`);
    return { subscriptionId: cfg.subscription ?? 'sub-1' };
  },
  async shutdown(cfg, state) {
    stdout.write(`ended with ${JSON.stringify(cfg)} and ${JSON.stringify(state)}\n`);
  },
  process() {},
};

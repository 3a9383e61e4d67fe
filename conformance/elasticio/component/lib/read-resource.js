// The one action: one read of the resource for each message.
const { readResource } = require('./resource.js');

module.exports = {
  async process(message, cfg) {
    const { status } = await readResource(this, cfg, message.id);
    if (status !== 200) throw new Error(`The resource answers ${status}`);
    return { body: { number: message.body.number, status } };
  },
  async getScopes(cfg) {
    const { status, body } = await readResource(this, cfg, 'model');
    if (status !== 200) throw new Error(`The resource answers ${status}`);
    return Object.fromEntries(body.scopes.map((scope) => [scope, scope]));
  },
  async getMetaModel(cfg) {
    const { status, body } = await readResource(this, cfg, 'model');
    if (status !== 200) throw new Error(`The resource answers ${status}`);
    return { in: {}, out: { type: 'object', required: body.scopes } };
  },
  // As components did that renewed their token by themselves.
  async handIn(cfg) {
    this.emit('updateKeys', { oauth: { access_token: cfg.newToken } });
    return { handedIn: true };
  },
};

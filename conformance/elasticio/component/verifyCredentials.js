// The sailor looks for this file by name. Here the secret is read by the sailor's own client.
const { askResource } = require('./lib/resource.js');

module.exports = async function verify(cfg) {
  const secret = await this.getApiClient().secrets.retrieve(process.env.ELASTICIO_WORKSPACE_ID, cfg.secretId);
  const { status } = await askResource(cfg, secret.data.attributes.credentials.access_token);
  if (status !== 200) throw new Error(`The resource answers ${status}`);
  return { verified: true };
};

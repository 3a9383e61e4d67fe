// A protected resource, and how components that grew up on the vendor's HTTP connector use a secret for it: keep the secret;
// on a 401 read it again, as somebody else may have renewed it; only when nobody has, ask for a refresh.
const { PlatformApiLogicClient } = require('@elastic.io/component-commons-library');

/** By secret, for as long as this process lives. */
const kept = new Map();

async function askResource(cfg, token) {
  const response = await fetch(cfg.resourceUrl, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: await response.json() };
}

async function readResource(emitter, cfg, messageId) {
  const { secretId } = cfg;
  const platform = new PlatformApiLogicClient(emitter, {}, 'latchkey-probe/1.0.0', messageId);
  const keep = async (asked) => {
    const token = (await asked).attributes.credentials.access_token;
    kept.set(secretId, token);
    return token;
  };
  const first = kept.get(secretId) ?? (await keep(platform.fetchSecretById({ secretId })));
  const answer = await askResource(cfg, first);
  if (answer.status !== 401) return answer;
  const again = await keep(platform.fetchSecretById({ secretId }));
  const token = again === first ? await keep(platform.refreshTokenBySecretId({ secretId })) : again;
  return await askResource(cfg, token);
}

module.exports = { askResource, readResource };

// Components put credentials into error messages and logs more often than one would like ("login failed for key
// sk-..."). Whatever text leaves a host passes here first, with the very values that the step was given.

const placeholder = '[redacted]';
/** Shorter values would blacken ordinary words; nothing that short protects anything. */
const minSecretLength = 6;
/** Keys whose values are secrets by their name. Ids, hosts and user names stay readable: they explain errors. */
const secretKey = /secret|password|passwd|passphrase|token|private_?key|api_?key|access_?key$/i;
/** Beside secrets and named alike: token_type, tokenUrl, token_uri, scopes. */
const openKey = /type$|ur[il]$|^scopes?$|^expires/i;
const maxDepth = 12;

export type Redact = (text: string) => string;

export function createRedactor(values: readonly unknown[], furtherSecrets: readonly string[] = []): Redact {
  const secrets = new Set(furtherSecrets);
  for (const value of values) collect(value, false, secrets, 0);
  const needles = [...secrets]
    .flatMap(spellings)
    .filter((secret) => secret.length >= minSecretLength)
    // The longest first, so that a secret inside a longer one leaves no remains of it.
    .sort((one, other) => other.length - one.length);
  return (text) => needles.reduce((clean, secret) => clean.replaceAll(secret, placeholder), text);
}

function collect(value: unknown, isSecret: boolean, secrets: Set<string>, depth: number): void {
  if (typeof value === 'string') {
    if (isSecret) secrets.add(value);
  } else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && depth < maxDepth) {
    for (const [key, item] of Object.entries(value)) {
      const isNowSecret = !openKey.test(key) && (isSecret || secretKey.test(key));
      collect(item, isNowSecret, secrets, depth + 1);
    }
  }
}

/** As it stands, as it looks in a URL, in JSON, and in an HTTP Basic header of its own. */
function spellings(secret: string): string[] {
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret, 'utf8').toString('base64'),
    // A private key is often quoted by line.
    ...secret.split('\n').filter((line) => line.length >= 24 && !line.startsWith('-----')),
  ];
}

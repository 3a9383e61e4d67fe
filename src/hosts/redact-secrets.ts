// Components put credentials into error messages and logs more often than one would like ("login failed for key
// sk-..."). Whatever text leaves a host passes here first, with the very values that the step was given.
//
// Values that are known to be secrets are all looked for. Those that a step got as plain data and that are secrets by the
// name of their key are looked for as far as there is room: whoever calls a webhook chooses how many there are, and one
// caller's payload must not cost others their time. What stands near the top is taken first.
import { createLiteralFinder } from './find-literals.ts';

const placeholder = '[redacted]';
/** Shorter values would blacken ordinary words; nothing that short protects anything. */
const minSecretLength = 6;
/** Keys whose values are secrets by their name. Ids, hosts and user names stay readable: they explain errors. */
const secretKey = /secret|password|passwd|passphrase|token|private_?key|api_?key|access_?key$/i;
/** Beside secrets and named alike: token_type, tokenUrl, token_uri, scopes. */
const openKey = /type$|ur[il]$|^scopes?$|^expires/i;
const maxDepth = 12;
const maxVisited = 20_000;
const maxCollected = 500;
const maxCollectedCharacters = 64 * 1024;

export type Redact = (text: string) => string;

/** `values`: plain data, searched by the names of keys. `furtherSecrets`: secrets for certain. */
export function createRedactor(values: readonly unknown[], furtherSecrets: readonly string[] = []): Redact {
  let find: ReturnType<typeof createLiteralFinder> | null = null;
  return (text) => {
    // Only now: most steps say nothing.
    find ??= createLiteralFinder(
      [...new Set([...furtherSecrets, ...secretsByName(values)])]
        .flatMap(spellings)
        .filter((spelling) => spelling.length >= minSecretLength),
    );
    let clean = '';
    let end = 0;
    for (const found of find(text)) {
      clean += text.slice(end, found.start) + placeholder;
      end = found.end;
    }
    return end === 0 ? text : clean + text.slice(end);
  };
}

type Visit = { readonly value: unknown; readonly isSecret: boolean; readonly depth: number };

function secretsByName(values: readonly unknown[]): readonly string[] {
  const secrets: string[] = [];
  let characters = 0;
  const visits: Visit[] = values.map((value) => ({ value, isSecret: false, depth: 0 }));
  for (let at = 0; at < visits.length; at += 1) {
    const { value, isSecret, depth } = visits[at] as Visit;
    if (typeof value === 'string') {
      if (!isSecret || value.length < minSecretLength || characters + value.length > maxCollectedCharacters)
        continue;
      secrets.push(value);
      characters += value.length;
      if (secrets.length >= maxCollected) break;
    } else if (
      typeof value === 'object' &&
      value !== null &&
      !ArrayBuffer.isView(value) &&
      depth < maxDepth
    ) {
      for (const key of Object.keys(value)) {
        if (visits.length >= maxVisited) break;
        const isNowSecret = !openKey.test(key) && (isSecret || secretKey.test(key));
        visits.push({ value: Reflect.get(value, key), isSecret: isNowSecret, depth: depth + 1 });
      }
    }
  }
  return secrets;
}

/** As it stands, as it looks in a URL, in JSON, and in an HTTP Basic header of its own. */
function spellings(secret: string): string[] {
  return [
    secret,
    // Half a surrogate pair has no spelling in a URL.
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret, 'utf8').toString('base64'),
    // A private key is often quoted by line.
    ...secret.split('\n').filter((line) => line.length >= 24 && !line.startsWith('-----')),
  ];
}

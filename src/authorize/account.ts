// Which account was connected: read from the token answer, to be shown to the person who confirms and to notice that a
// reconnect leads elsewhere. What the answer does not say stays unknown; no request is made for it.
import type { Account } from '../credentials/grant.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Provider } from '../oauth/provider.ts';
import type { TokenSet } from '../oauth/token-set.ts';
import type { Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';

export type AccountIdentity = {
  /** Stable at this provider, unique there. */
  readonly id: string;
  /** For people. */
  readonly label: string;
};

type Fields = Readonly<Record<string, unknown>>;
type Reader = (fields: Fields, callbackParams: Fields) => AccountIdentity | null;

const maxLabelLength = 200;

/** Null when the answer names no account. */
export function findAccount(input: {
  readonly tokens: Pick<TokenSet, 'extra'>;
  readonly provider: Pick<Provider, 'catalogueKey' | 'tokenUrl'>;
  readonly clientId: string;
  readonly callbackParams: Readonly<Record<string, string>>;
}): AccountIdentity | null {
  const { tokens, provider, callbackParams } = input;
  const key = provider.catalogueKey ?? '';
  const reader = Object.hasOwn(byCatalogue, key) ? byCatalogue[key] : undefined;
  // What the catalogue knows first: several providers put more than a person into one connection (team, company).
  const known = reader?.(tokens.extra, callbackParams) ?? null;
  const found =
    known ??
    byIdToken(tokens.extra, input.clientId) ??
    (reader ? null : byCommonFields(tokens.extra, callbackParams));
  if (found === null) return null;
  return { id: `${new URL(provider.tokenUrl).host} ${found.id}`, label: readable(found.label) };
}

/** The account as it is stored: a keyed hash to compare with, and a label to show. */
export async function toAccount(
  tx: Tx,
  vault: Vault,
  tenant: TenantId,
  identity: AccountIdentity | null,
): Promise<Account | null> {
  if (identity === null) return null;
  return { ref: await vault.fingerprint(tx, tenant, 'provider-account', identity.id), label: identity.label };
}

/**
 * OpenID Connect Core 3.1.3.7: an id_token that came straight from the token endpoint needs no check of its signature,
 * because TLS has named the sender; it must be meant for us, though.
 */
function byIdToken(fields: Fields, clientId: string): AccountIdentity | null {
  const claims = readClaims(text(fields.id_token));
  const subject = text(claims?.sub);
  if (claims === null || subject === null) return null;
  const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (!audience.includes(clientId)) return null;
  const label = text(claims.email) ?? text(claims.preferred_username) ?? text(claims.name) ?? subject;
  return { id: `${text(claims.iss) ?? ''} ${subject}`, label };
}

function readClaims(token: string | null): Fields | null {
  const payload = token?.split('.')[1];
  if (payload === undefined) return null;
  try {
    return fieldsOf(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  } catch {
    // Not a JWT: then it tells nothing.
    return null;
  }
}

// Facts from the providers' documentation of their token answers (the catalogue entries name the pages).
const byCatalogue: Readonly<Record<string, Reader>> = {
  slack: slackAccount,
  // An identity URL: https://login.salesforce.com/id/<organization>/<user>.
  salesforce: (fields) => {
    const url = text(fields.id);
    return url === null
      ? null
      : { id: url, label: `${url.split('/').at(-1)} at ${text(fields.instance_url) ?? 'Salesforce'}` };
  },
  dropbox: (fields) => one(fields, 'account_id'),
  hubspot: (fields) => one(fields, 'hub_id', 'hub_domain'),
  notion: (fields) => one(fields, 'workspace_id', 'workspace_name'),
  quickbooks: (_fields, params) => one(params, 'realmId'),
  shopify: (_fields, params) => one(params, 'shop'),
};

// A team's installation and a person's consent inside the same team are two accounts.
function slackAccount(fields: Fields): AccountIdentity | null {
  const team = fieldsOf(fields.team) ?? fieldsOf(fields.enterprise);
  const teamId = text(team?.id);
  if (teamId === null) return null;
  const user = text(fieldsOf(fields.authed_user)?.id);
  const bot = text(fields.bot_user_id);
  const name = text(team?.name) ?? teamId;
  return { id: `${teamId} ${bot ?? user ?? ''}`, label: user === null ? name : `${name} (${user})` };
}

/** Providers that the catalogue does not know: names that mean an account wherever they occur. */
function byCommonFields(fields: Fields, callbackParams: Fields): AccountIdentity | null {
  return (
    slackAccount(fields) ??
    one(fields, 'account_id') ??
    one(fields, 'user_id') ??
    one(fields, 'workspace_id', 'workspace_name') ??
    one(fields, 'uid') ??
    identityUrl(fields) ??
    one(callbackParams, 'realmId') ??
    one(callbackParams, 'shop')
  );
}

/** A bare `id` may be the answer's own; one that is an address names an identity. */
function identityUrl(fields: Fields): AccountIdentity | null {
  const url = text(fields.id);
  return url !== null && /^https:\/\//.test(url) ? { id: url, label: url } : null;
}

function one(fields: Fields, idName: string, labelName: string = idName): AccountIdentity | null {
  const id = text(fields[idName]);
  return id === null ? null : { id, label: text(fields[labelName]) ?? id };
}

function text(value: unknown): string | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' && value.length <= 4_096 ? value : null;
}

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

/** One line without characters that are not seen or that turn the direction of what follows. */
function readable(label: string): string {
  const line = label.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  const points = [...line];
  return points.length > maxLabelLength ? `${points.slice(0, maxLabelLength - 1).join('')}…` : line;
}

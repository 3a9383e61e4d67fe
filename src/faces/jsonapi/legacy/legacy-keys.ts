// The keys of a credential as components before secrets have them in their configuration: the token under `oauth`, and
// everything else beside it. Read from what a secret shows, and turned back into what a secret is written with.
import { Fault, invalidField, isFault } from '../../../kernel/fault.ts';
import type { Reading } from '../../../refresh/reading.ts';
import { kindOfReading, typeOfReading } from '../kinds/secret-kinds.ts';

export type Keys = Readonly<Record<string, unknown>>;

export const keysField = 'data.attributes.keys';
const oauth2 = 'oauth2';
/** Names that component descriptors give the field; the library of such components reads the second. */
const tokenFields = ['oauth', 'oauth2'] as const;

/** With the access token, never with the refresh token: nobody gets that, so such a component cannot refresh by itself. */
export function keysOf(reading: Reading): Keys {
  const shown = kindOfReading(reading).show(reading);
  if (typeOfReading(reading) !== oauth2) {
    const { fields, ...own } = shown;
    return { ...asObject(fields), ...own };
  }
  const { fields, additional_params, refresh_token, expires_at, undefined_params, ...token } = shown;
  const extra = asObject(undefined_params);
  const keys = {
    ...extra,
    ...token,
    undefined_params: extra,
    ...(expires_at === undefined ? {} : { tokenExpiryTime: expires_at }),
  };
  return { ...asObject(fields), ...Object.fromEntries(tokenFields.map((name) => [name, keys])) };
}

/** As `attributes.credentials` of a secret of that type. What is not said stays, as in every change of a secret. */
export function credentialsFrom(keys: Keys, type: string): Keys {
  if (type !== oauth2) return keys;
  const { token, others } = tokenIn(keys);
  const { access_token, refresh_token, token_type, expires_in, scope, tokenExpiryTime, expires_at, ...rest } =
    token;
  const { undefined_params, ...extra } = rest;
  // Some components put the newest one beside the token that it belongs to.
  const { refresh_token: beside, ...fields } = others;
  const point = expires_at ?? tokenExpiryTime;
  const told = { ...asObject(undefined_params), ...extra };
  return withoutAbsent({
    access_token,
    refresh_token: refresh_token ?? beside,
    token_type,
    expires_in,
    scope,
    expires_at: point,
    undefined_params: Object.keys(told).length === 0 ? undefined : told,
    fields: Object.keys(fields).length === 0 ? undefined : fields,
  });
}

/** Components hand in the whole of their keys, or, the common library does, the bare answer of the token endpoint. */
function tokenIn(keys: Keys): { readonly token: Keys; readonly others: Keys } {
  const { oauth, oauth2: second, ...others } = keys;
  const token = oauth ?? second;
  if (token === undefined && Object.hasOwn(keys, 'access_token')) return { token: keys, others: {} };
  if (token === undefined) return { token: {}, others };
  if (typeof token === 'object' && token !== null && !Array.isArray(token))
    return { token: token as Keys, others };
  throw invalidField(`${keysField}.oauth`, 'is of the wrong type.', 'Give an object.');
}

function asObject(value: unknown): Keys {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Keys) : {};
}

function withoutAbsent(values: Keys): Keys {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

const secretsField = 'data.attributes.credentials';
const ownFields = new Set(['name', 'label', 'authClient', 'unit']);

/** Mistakes that were found in the secret made of `keys` are told as mistakes in the keys. */
export async function inKeys<T>(field: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isFault(error) || error.field === null) throw error;
    const isElsewhere = error.field.startsWith('data.') && !error.field.startsWith(secretsField);
    if (isElsewhere || ownFields.has(error.field)) throw error;
    const { code, message, cure, detail } = error;
    throw new Fault(code, message.replace(error.field, field), {
      field,
      ...(cure === null ? {} : { cure }),
      ...(detail === null ? {} : { detail }),
      cause: error,
    });
  }
}

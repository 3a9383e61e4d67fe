// What a stranger reads when something is wrong: our faults in their own words, the library's messages without the
// values that it likes to repeat, and nothing at all of what is our own trouble.
import { GraphQLError } from 'graphql';
import { type Fault, isFault } from '../../kernel/fault.ts';
import { toFault } from '../http/server.ts';

export type PublicError = {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly locations?: readonly { readonly line: number; readonly column: number }[];
  readonly extensions: { readonly code: string; readonly field?: string };
};

/** The fault behind an error, or null when the error is one of the language itself (syntax, types, limits). */
export function faultOf(error: unknown): Fault | null {
  if (isFault(error)) return error;
  if (!(error instanceof GraphQLError)) return toFault(error);
  return error.originalError === null || error.originalError === undefined
    ? null
    : faultOf(error.originalError);
}

export function toPublicError(error: unknown): PublicError {
  const fault = faultOf(error);
  const place = error instanceof GraphQLError ? placeOf(error) : {};
  if (fault === null) {
    const message = withoutValues(error instanceof Error ? error.message : 'The request is not valid.');
    return { message, ...place, extensions: { code: 'bad_request' } };
  }
  const field = fault.field === null ? {} : { field: fault.field };
  return { message: fault.public, ...place, extensions: { code: fault.code, ...field } };
}

function placeOf(error: GraphQLError): Pick<PublicError, 'path' | 'locations'> {
  return {
    ...(error.path === undefined ? {} : { path: error.path }),
    ...(error.locations === undefined ? {} : { locations: error.locations }),
  };
}

// graphql-js prints the offending value: `String cannot represent a non string value: 42`, `Variable "$v" got invalid
// value "..." at "..."`, `Expected value of type "X", found "..."`, `Unexpected String "..."`.
const repeats: readonly (readonly [RegExp, string])[] = [
  [/(cannot represent [^:]{0,60}?(?:value|integer)): [\s\S]*$/, '$1.'],
  [/got invalid value [\s\S]*?( at "[\w.[\]]+")?; [\s\S]*$/, 'got an invalid value$1.'],
  [/(Expected value of type "[^"]*"), found [\s\S]*$/, '$1.'],
  [/((?:Value|value)) "[\s\S]*?" (does not exist in)/, '$1 $2'],
  [/(Unexpected|found) (String|BlockString|Int|Float) [\s\S]*$/, '$1 $2.'],
  [/(Enum "[^"]*" cannot represent)[\s\S]*$/, '$1 this value.'],
];

const maxMessageLength = 500;

export function withoutValues(message: string): string {
  return repeats
    .reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), message)
    .slice(0, maxMessageLength);
}

// What a provider's refusal at its own page means for people, with the cure. The provider's words come redacted: one
// line, no control characters, at most 500 characters, and they are shown as text.

const cures: Readonly<Record<string, string>> = {
  access_denied: 'Nobody agreed at the provider. Begin again if that was not intended.',
  consent_required: 'Nobody agreed at the provider. Begin again if that was not intended.',
  login_required: 'Sign in at the provider, then begin again.',
  interaction_required: 'Sign in at the provider, then begin again.',
  invalid_scope: 'Check the scopes: spelling, separator, and whether the app may ask for them.',
  unauthorized_client: 'Allow the authorization code grant for the app at the provider.',
  unsupported_response_type: 'Allow the authorization code grant for the app at the provider.',
  invalid_request: 'Check the authorization address, the scopes and whether the provider breaks on PKCE.',
  redirect_uri_mismatch:
    'Register the redirect URI that Latchkey shows, character by character, at the provider.',
  server_error: 'The provider has trouble. Begin again in a few minutes.',
  temporarily_unavailable: 'The provider has trouble. Begin again in a few minutes.',
};

export function denialText(answer: { readonly code: string; readonly message: string | null }): string {
  const cure = Object.hasOwn(cures, answer.code) ? cures[answer.code] : undefined;
  const words = cure ?? 'Begin again; if it lasts, check the settings of the app at the provider.';
  return answer.message === null ? words : `${words} The provider says: “${answer.message}”`;
}

// The quirky mode's authorization endpoint: checks the request, shows login and consent, answers with a code.
import { randomBytes } from 'node:crypto';
import { type Answer, redirectAnswer } from './answer.ts';
import type { ClientRegistry } from './client-registry.ts';
import { consentPage, errorPage, loginPage } from './consent-pages.ts';
import type { Code, GrantBook } from './grant-book.ts';
import type { Quirk } from './quirk.ts';

type Pending = {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string | null;
  readonly scopes: readonly string[];
  readonly challenge: Code['challenge'];
  readonly offline: boolean;
  readonly hint: string;
  account: string | null;
};

export type QuirkyAuthorize = {
  readonly begin: (query: URLSearchParams) => Answer;
  /** Null: no such interaction here. */
  readonly show: (id: string) => Answer | null;
  readonly submit: (id: string, form: URLSearchParams) => Answer | null;
};

const maxPending = 10_000;

export function createQuirkyAuthorize(options: {
  readonly book: GrantBook;
  readonly clients: ClientRegistry;
  readonly quirk: () => Quirk;
  readonly now: () => Date;
  readonly issuer: string;
}): QuirkyAuthorize {
  const waiting = new Map<string, Pending>();

  // RFC 6749 4.1.2: the answer travels in the redirect; the quirk decides about RFC 9207's `iss`.
  const answerAt = (to: Pick<Pending, 'redirectUri' | 'state'>, params: Readonly<Record<string, string>>) =>
    backToClient(to, { ...params, ...issuerParam(options.quirk(), options.issuer) });

  function begin(query: URLSearchParams): Answer {
    const quirk = options.quirk();
    const clientId = query.get('client_id') ?? '';
    const redirectUri = query.get('redirect_uri') ?? '';
    if (options.clients.find(clientId) === null) {
      return errorPage(400, 'invalid_client', 'This client_id is not registered.');
    }
    if (!options.clients.allowsRedirect(clientId, redirectUri)) {
      return errorPage(400, 'invalid_redirect_uri', 'This redirect_uri is not registered for the client.');
    }
    const state = query.get('state');
    const problem = requestProblem(query, quirk);
    if (problem !== null) return answerAt({ redirectUri, state }, problem);
    if (waiting.size >= maxPending) waiting.delete(waiting.keys().next().value ?? '');
    const id = randomBytes(16).toString('base64url');
    waiting.set(id, {
      clientId,
      redirectUri,
      state,
      scopes: query.get('scope')?.split(quirk.scopeSeparator).filter(Boolean) ?? [],
      challenge: quirk.pkce === 'ignored' ? null : challengeOf(query),
      offline: quirk.refreshTokenOnConsent && meets(query, quirk.refreshTokenRequires),
      hint: query.get('login_hint') ?? '',
      account: null,
    });
    return redirectAnswer(`/interaction/${id}`);
  }

  function show(id: string): Answer | null {
    const pending = waiting.get(id);
    if (pending === undefined) return null;
    const { clientId, account, scopes, hint } = pending;
    const action = `/interaction/${id}`;
    return account === null
      ? loginPage({ action, clientId, hint })
      : consentPage({ action, clientId, account, scopes });
  }

  function submit(id: string, form: URLSearchParams): Answer | null {
    const pending = waiting.get(id);
    if (pending === undefined) return null;
    if (pending.account === null) {
      pending.account = form.get('login')?.trim() || null;
      return redirectAnswer(`/interaction/${id}`);
    }
    waiting.delete(id);
    if (form.get('decision') !== 'allow') {
      return answerAt(pending, { error: 'access_denied', error_description: 'the account holder said no' });
    }
    const quirk = options.quirk();
    const { code } = options.book.addCode({
      clientId: pending.clientId,
      account: pending.account,
      scopes: pending.scopes,
      redirectUri: pending.redirectUri,
      challenge: pending.challenge,
      offline: pending.offline,
      expiresAtMs: options.now().getTime() + quirk.codeSeconds * 1000,
    });
    return answerAt(pending, { code, ...quirk.callbackParams });
  }

  return { begin, show, submit };
}

function backToClient(
  to: Pick<Pending, 'redirectUri' | 'state'>,
  params: Readonly<Record<string, string>>,
): Answer {
  const url = new URL(to.redirectUri);
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  if (to.state !== null) url.searchParams.set('state', to.state);
  return redirectAnswer(url.href);
}

function issuerParam({ iss }: Quirk, issuer: string): Record<string, string> {
  if (iss === 'absent') return {};
  return { iss: iss === 'right' ? issuer : 'https://honest-but-different.example' };
}

function requestProblem(
  query: URLSearchParams,
  quirk: Quirk,
): { readonly error: string; readonly error_description: string } | null {
  if (query.get('response_type') !== 'code') {
    return { error: 'unsupported_response_type', error_description: 'only response_type=code' };
  }
  if (query.get('prompt') === 'none') {
    return { error: 'login_required', error_description: 'nobody is signed in' };
  }
  const hasChallenge = query.has('code_challenge');
  if (quirk.pkce === 'required' && !hasChallenge) {
    return { error: 'invalid_request', error_description: 'code_challenge is required' };
  }
  if (quirk.pkce === 'rejected' && hasChallenge) {
    return { error: 'invalid_request', error_description: 'unknown parameter code_challenge' };
  }
  return null;
}

function challengeOf(query: URLSearchParams): Code['challenge'] {
  const value = query.get('code_challenge');
  if (value === null) return null;
  return { value, method: query.get('code_challenge_method') === 'S256' ? 'S256' : 'plain' };
}

function meets(query: URLSearchParams, required: Readonly<Record<string, string>>): boolean {
  return Object.entries(required).every(([name, value]) => query.get(name) === value);
}

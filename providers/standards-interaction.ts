// Login and consent in standards mode: our pages before oidc-provider's interactions.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { type Answer, redirectAnswer } from './answer.ts';
import { consentPage, errorPage, loginPage } from './consent-pages.ts';

export type StandardsInteraction = {
  readonly show: (req: IncomingMessage, res: ServerResponse) => Promise<Answer>;
  readonly submit: (req: IncomingMessage, res: ServerResponse, form: URLSearchParams) => Promise<Answer>;
};

export function createStandardsInteraction(provider: Provider): StandardsInteraction {
  type Details = Awaited<ReturnType<Provider['interactionDetails']>>;
  type Result = Parameters<Provider['interactionResult']>[2];

  // Null when the browser brings no cookie of a running interaction (expired, or another browser's link).
  const details = (req: IncomingMessage, res: ServerResponse) =>
    provider.interactionDetails(req, res).catch(() => null);
  const lost = errorPage(400, 'invalid_request', 'This sign-in has expired or began in another browser.');

  async function grantAll({ params, session }: Details): Promise<string> {
    const grant = new provider.Grant({
      accountId: session?.accountId ?? '',
      clientId: String(params.client_id),
    });
    if (typeof params.scope === 'string') grant.addOIDCScope(params.scope);
    return grant.save();
  }

  return {
    show: async (req, res) => {
      const found = await details(req, res);
      if (found === null) return lost;
      const { uid, params, prompt, session } = found;
      const action = `/interaction/${uid}`;
      const clientId = String(params.client_id);
      if (prompt.name === 'login') {
        return loginPage({ action, clientId, hint: String(params.login_hint ?? '') });
      }
      const scopes = typeof params.scope === 'string' ? params.scope.split(' ') : [];
      return consentPage({ action, clientId, account: session?.accountId ?? '', scopes });
    },
    submit: async (req, res, form) => {
      const found = await details(req, res);
      if (found === null) return lost;
      const { prompt, uid } = found;
      const finish = async (result: Result, merge: boolean) =>
        redirectAnswer(
          await provider.interactionResult(req, res, result, { mergeWithLastSubmission: merge }),
        );
      if (prompt.name === 'login') {
        const login = form.get('login')?.trim();
        return login ? finish({ login: { accountId: login } }, false) : redirectAnswer(`/interaction/${uid}`);
      }
      if (form.get('decision') !== 'allow') {
        const refusal = { error: 'access_denied', error_description: 'the account holder said no' };
        return finish(refusal, false);
      }
      return finish({ consent: { grantId: await grantAll(found) } }, true);
    },
  };
}

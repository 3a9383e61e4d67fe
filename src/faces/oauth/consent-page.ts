// The words of the consent pages: who asks, for what, for whom; which account was connected; how it ended. Everything
// that came from outside is text, never markup.
import { formToken } from '../../authorize/browser-binding.ts';
import type { ConsentView } from '../../authorize/consent-view.ts';
import type { StartPage } from '../../authorize/start-page.ts';
import { type Html, html } from '../pages/html.ts';

type Words = { readonly title: string; readonly body: Html };

/** `key` is the page's own address part, to which its form is bound. */
export function startWords(page: StartPage, key: string, browserToken: string): Words {
  const { snapshot, invitation } = page;
  const title = `Connect ${snapshot.providerName}`;
  return {
    title,
    body: html`
<div class="head">
  <h1>${title}</h1>
  <p class="lead"><strong>${snapshot.requesterName}</strong> at <strong>${snapshot.organizationName}</strong> asks you to connect an account. You will sign in at <strong>${snapshot.providerHost}</strong>, not here.</p>
</div>
${invitation?.message && html`<div class="notice"><p>${invitation.message}</p></div>`}
<div class="card">
  ${facts(page)}
  <p>By going on you give <strong>${snapshot.organizationName}</strong> access to your account until you disconnect it. If you did not expect this, close this page.</p>
  <form method="post">
    <input type="hidden" name="form_token" value="${formToken(browserToken, key)}">
    <div class="actions"><button type="submit">Continue to ${snapshot.providerHost}</button></div>
  </form>
</div>
<p class="small muted">${
      invitation === null
        ? html`Redirect address to register at the provider: <code>${page.redirectUri}</code>`
        : html`This invitation went to ${invitation.recipient} and ends on ${invitation.expiresAt.toUTCString()}.`
    }</p>`,
  };
}

function facts(page: StartPage): Html {
  const { snapshot, currentAccountLabel } = page;
  return html`<dl class="facts">
    <div><dt>Connection</dt><dd>${snapshot.subjectLabel}</dd></div>
    <div><dt>For</dt><dd>${snapshot.customerName ?? snapshot.organizationName}</dd></div>
    <div><dt>It may</dt><dd>${
      snapshot.scopes.length === 0
        ? `do what ${snapshot.providerName} shows you on its own page`
        : snapshot.scopes.map((scope, index) => html`${index > 0 && ', '}<code>${scope}</code>`)
    }</dd></div>
    ${currentAccountLabel !== null && html`<div><dt>Connected now</dt><dd>${currentAccountLabel}</dd></div>`}
  </dl>`;
}

export function consentWords(view: ConsentView): Words {
  switch (view.kind) {
    case 'waiting':
      return {
        title: 'Almost there',
        body: html`<div class="head"><h1>Almost there</h1></div>
<div class="card"><p>The provider’s answer is being fetched. <a href="">Load this page again</a> in a moment.</p></div>`,
      };
    case 'confirm':
      return confirmWords(view);
    case 'completed':
      return completedWords(view);
    case 'failed':
    case 'cancelled':
      return endedWords(view);
  }
}

function completedWords(view: Extract<ConsentView, { kind: 'completed' }>): Words {
  const { accountLabel, snapshot } = view;
  return {
    title: 'Authorization Complete',
    body: html`<div class="head"><h1>Authorization Complete</h1><p class="lead">Authorization completed successfully.</p></div>
<div class="card"><div class="notice good"><p>${
      accountLabel === null ? 'The account' : html`<strong>${accountLabel}</strong>`
    } is connected to ${snapshot.subjectLabel} for ${snapshot.customerName ?? snapshot.organizationName}.</p></div>
<p>You can close this page.</p></div>`,
  };
}

function endedWords(view: Extract<ConsentView, { kind: 'failed' | 'cancelled' }>): Words {
  const title = view.kind === 'failed' ? 'The account was not connected' : 'Nothing was connected';
  return {
    title,
    body: html`<div class="head"><h1>${title}</h1></div>
<div class="card"><div class="notice bad"><p>${view.message}</p></div>
<p class="small muted">Code: <code>${view.code}</code>. The log of the connection holds the details.</p></div>`,
  };
}

function confirmWords(view: Extract<ConsentView, { kind: 'confirm' }>): Words {
  const { snapshot, accountLabel, currentAccountLabel } = view;
  const title = 'Is this the right account?';
  return {
    title,
    body: html`<div class="head"><h1>${title}</h1>
  <p class="lead">${
    accountLabel === null
      ? html`You have signed in at ${snapshot.providerHost}, which does not tell us the name of the account.`
      : html`You have signed in at ${snapshot.providerHost} as <strong>${accountLabel}</strong>.`
  }</p></div>
<div class="card">
  <p>Connect it to <strong>${snapshot.subjectLabel}</strong> for <strong>${
    snapshot.customerName ?? snapshot.organizationName
  }</strong>, on behalf of ${snapshot.organizationName}?</p>
  <form method="post">
    <input type="hidden" name="form_token" value="${view.formToken}">
    ${
      view.accountChanged &&
      html`<div class="notice bad"><p>Another account${
        currentAccountLabel !== null && html` (<strong>${currentAccountLabel}</strong>)`
      } is connected now. It would be replaced.</p></div>
    <label class="choice"><input type="checkbox" name="accepts_account_change" value="yes"> Replace the account that is connected now</label>`
    }
    <div class="actions">
      <button type="submit" name="decision" value="accept">Yes, connect it</button>
      <button type="submit" name="decision" value="cancel" class="quiet">No, cancel</button>
    </div>
  </form>
</div>`,
  };
}
